//! The one check of a factor: at sign-in as the first or the second one, and again within a session.

use super::super::account::CheckedPassword;
use super::super::{AuthError, UseCases, UserError};
use crate::policy::Policy;
use crate::ports::Loaded;
use crate::proof::{Proof, Strategy};
use crate::{
    AttemptOutcome, BackupCode, CodeHash, FactorClosed, LedgerKind, OtpCode, PhoneNumber, PhoneNumberId, Purpose,
    SessionId, SignInId, Timestamp, User,
};

/// A factor that somebody tries.
#[derive(Debug, Clone, Copy)]
pub enum TriedFactor<'a> {
    /// A code that was sent.
    Code(Strategy, &'a OtpCode),
    /// The password.
    Password(&'a str),
    /// A backup code.
    BackupCode(&'a BackupCode),
}

/// What became of a factor that was tried. Each is kept: a wrong one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorOutcome {
    /// It was right.
    Passed,
    /// The code was not accepted.
    Code(AttemptOutcome),
    /// The password was wrong.
    WrongPassword,
    /// The password was right, but others know it.
    CompromisedPassword,
    /// The backup code was wrong, or used before.
    WrongBackupCode,
    /// The code was right, and nobody has the number: a sign-up may take it over.
    Transferable,
}

/// Where a factor is tried: what its code was made for, and what a wrong one closes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// As the first factor of a sign-in.
    First(&'a SignInId),
    /// As the second factor of a sign-in.
    Second(&'a SignInId),
    /// As the first factor, again, in a session.
    FirstAgain(&'a SessionId),
    /// As the second factor, again, in a session.
    SecondAgain(&'a SessionId),
}

impl<'a> Place<'a> {
    const fn is_second(self) -> bool {
        matches!(self, Self::Second(_) | Self::SecondAgain(_))
    }

    /// Where a wrong factor of this strategy is counted.
    const fn ledger(self, strategy: Strategy) -> LedgerKind {
        match (self, strategy) {
            (Self::First(_), Strategy::Password) => LedgerKind::Password,
            (Self::First(_), _) => LedgerKind::Code,
            (Self::Second(_), _) => LedgerKind::SecondFactor,
            (Self::FirstAgain(_) | Self::SecondAgain(_), Strategy::Password) => LedgerKind::SessionPassword,
            (Self::FirstAgain(_) | Self::SecondAgain(_), _) => LedgerKind::Session,
        }
    }

    /// What a code to `number` is for.
    pub(super) const fn purpose(self, strategy: Strategy, number: &'a PhoneNumberId) -> Purpose<'a> {
        match (self, strategy) {
            (Self::First(id), Strategy::ResetPasswordPhoneCode) => Purpose::ResetPassword(id, number),
            (Self::First(id), _) => Purpose::FirstFactor(id, number),
            (Self::Second(id), _) => Purpose::SecondFactor(id, number),
            (Self::FirstAgain(id), _) => Purpose::ReverifyFirst(id, number),
            (Self::SecondAgain(id), _) => Purpose::ReverifySecond(id, number),
        }
    }
}

/// A factor as it is compared within the decision: what takes time or may not be repeated was done before.
pub(super) enum Evidence {
    /// A code, hashed for the number to which one is out.
    Code {
        strategy: Strategy,
        number: PhoneNumberId,
        hash: CodeHash,
    },
    /// A password that was compared.
    Password(CheckedPassword),
    /// A backup code, hashed.
    BackupCode(CodeHash),
}

impl Evidence {
    pub(super) const fn strategy(&self) -> Strategy {
        match self {
            Self::Code { strategy, .. } => *strategy,
            Self::Password(_) => Strategy::Password,
            Self::BackupCode(_) => Strategy::BackupCode,
        }
    }
}

impl UseCases {
    /// Makes ready what `factor` is checked by. `proof` is what is out for it.
    ///
    /// # Errors
    /// [`AuthError::NoSuchFactor`], [`AuthError::Proof`], [`AuthError::FactorClosed`]; [`AuthError::User`] with `Locked` or
    /// `Banned`. Nothing counts then.
    pub(super) async fn evidence(
        &self,
        place: Place<'_>,
        user: &Loaded<User>,
        proof: Option<&Proof>,
        factor: TriedFactor<'_>,
    ) -> Result<Evidence, AuthError> {
        match factor {
            TriedFactor::Code(strategy, code) => {
                let number = Proof::awaits(proof, strategy)?.clone();
                let hash = self.hasher.otp(place.purpose(strategy, &number), code);
                Ok(Evidence::Code { strategy, number, hash })
            }
            TriedFactor::Password(text) if !place.is_second() => {
                match self.check_password(user, text, place.ledger(Strategy::Password)).await {
                    Ok(checked) => Ok(Evidence::Password(checked)),
                    Err(AuthError::NoPassword) => Err(AuthError::NoSuchFactor),
                    Err(error) => Err(error),
                }
            }
            TriedFactor::BackupCode(code) if place.is_second() => {
                Ok(Evidence::BackupCode(self.hasher.backup(&user.aggregate.id, code)))
            }
            TriedFactor::Password(_) | TriedFactor::BackupCode(_) => Err(AuthError::NoSuchFactor),
        }
    }
}

/// Checks a factor, and notes on the user what was wrong or used up, and in `proof` what was right.
pub(super) fn verify_factor(
    place: Place<'_>,
    evidence: &Evidence,
    proof: &mut Option<Proof>,
    user: &mut User,
    now: Timestamp,
    policy: &Policy,
) -> Result<FactorOutcome, AuthError> {
    let outcome = match evidence {
        Evidence::Code { strategy, number, hash } => {
            let is_factor = |number: &PhoneNumber| match place {
                Place::First(_) => number.begins_sign_in(),
                Place::FirstAgain(_) => number.identifies(),
                Place::Second(_) | Place::SecondAgain(_) => number.reserved_for_second_factor,
            };
            if !user.phones.get(number).is_some_and(is_factor) {
                return Err(AuthError::NoSuchFactor);
            }
            verify_code(place, *strategy, number, *hash, proof, user, now, policy)?
        }
        Evidence::Password(checked) => {
            // It was counted before it was compared.
            if !checked.settle(user) {
                FactorOutcome::WrongPassword
            } else if user.password.as_ref().is_some_and(|stored| stored.compromised) {
                FactorOutcome::CompromisedPassword
            } else {
                *proof = Some(Proof::Given {
                    strategy: Strategy::Password,
                });
                FactorOutcome::Passed
            }
        }
        Evidence::BackupCode(hash) => {
            if !user.two_factor_enabled() {
                return Err(AuthError::NoSuchFactor);
            }
            ensure_open(user, place, Strategy::BackupCode, now, policy)?;
            if user.phones.redeem_backup_code(*hash, now).is_ok() {
                *proof = Some(Proof::Given {
                    strategy: Strategy::BackupCode,
                });
                FactorOutcome::Passed
            } else {
                count_wrong(user, place, Strategy::BackupCode, now, policy);
                FactorOutcome::WrongBackupCode
            }
        }
    };
    if outcome == FactorOutcome::Passed {
        // Only the strongest factor tells that it is the owner who comes after wrong tries.
        if place.is_second() || !user.two_factor_enabled() {
            user.failures.forgive();
        }
        user.seen(now);
    }
    Ok(outcome)
}

/// Checks a code, and counts a wrong one.
#[expect(clippy::too_many_arguments, reason = "the parts of one code")]
fn verify_code(
    place: Place<'_>,
    strategy: Strategy,
    number: &PhoneNumberId,
    hash: CodeHash,
    proof: &mut Option<Proof>,
    user: &mut User,
    now: Timestamp,
    policy: &Policy,
) -> Result<FactorOutcome, AuthError> {
    if Proof::awaits(proof.as_ref(), strategy)? != number {
        // Another code went out meanwhile.
        return Err(UserError::Contended.into());
    }
    ensure_open(user, place, strategy, now, policy)?;
    let before = proof.clone();
    match Proof::attempt(proof.as_mut(), strategy, hash, now, policy)? {
        AttemptOutcome::Verified => {
            if matches!(place, Place::First(_)) {
                user.failures.code.reset_streak();
            }
            Ok(FactorOutcome::Passed)
        }
        outcome => {
            let counted = matches!(outcome, AttemptOutcome::WrongCode { .. } | AttemptOutcome::Failed);
            if counted && *proof != before {
                count_wrong(user, place, strategy, now, policy);
            }
            Ok(FactorOutcome::Code(outcome))
        }
    }
}

/// Counts a wrong factor; a second factor of a sign-in may lock the user.
fn count_wrong(user: &mut User, place: Place<'_>, strategy: Strategy, now: Timestamp, policy: &Policy) {
    match place.ledger(strategy) {
        LedgerKind::SecondFactor => user.fail_second_factor(now, policy),
        kind => user.failures.ledger(kind).count(now),
    }
}

/// Refuses a factor after too many wrong tries. Others are not concerned.
pub(super) fn ensure_open(
    user: &User,
    place: Place<'_>,
    strategy: Strategy,
    now: Timestamp,
    policy: &Policy,
) -> Result<(), FactorClosed> {
    user.failures.ensure_open(place.ledger(strategy), now, &policy.lockout)
}
