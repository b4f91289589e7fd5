//! The second factor of a sign-in (contract 6.3, 11.7).

use super::change::Subject;
use super::sign_in::{current, may_sign_in, open};
use super::{Auth, AuthError, Changed, Tried, Visit};
use crate::proof::{Proof, Strategy};
use crate::sign_in::Step;
use crate::{
    BackupCode, CodeHash, Factor, OtpCode, PhoneNumber, PhoneNumberId, Purpose, SessionId, SignInId, Timestamp, User,
};

/// A second factor that is tried.
#[derive(Debug, Clone)]
pub enum SecondFactor<'a> {
    /// A texted code.
    Code(&'a OtpCode),
    /// A backup code.
    Backup(&'a BackupCode),
}

impl Auth {
    /// Sends a code as second factor, to the default one unless another one is named.
    ///
    /// # Errors
    /// [`AuthError::NotFound`], [`AuthError::WrongStep`], [`AuthError::NoSecondFactors`],
    /// [`AuthError::NoSuchNumber`], [`AuthError::TooManyCodes`]; [`AuthError::User`] with `TooSoon`,
    /// `Banned`, `Locked` or `NotSent`.
    pub async fn prepare_second_factor(
        &self,
        visit: &Visit,
        id: &SignInId,
        number: Option<&PhoneNumberId>,
    ) -> Result<Changed<()>, AuthError> {
        let now = self.now();
        let sign_in = open(visit, id, now)?;
        if sign_in.step != Step::NeedsSecondFactor {
            return Err(AuthError::WrongStep);
        }
        let user = self.user_of(sign_in).await?;
        may_sign_in(&user, now)?;
        let to = second_factor_number(&user, number)?;
        Proof::must_be_due(sign_in.second.as_ref(), now, self.policy())?;
        let purpose = Purpose::SecondFactor(id, &to.id);
        self.text_proof(visit, &user, to, purpose, Strategy::PhoneCode, |client| {
            let sign_in = current(client, id, now)?;
            if sign_in.step == Step::NeedsSecondFactor {
                Ok(&mut sign_in.second)
            } else {
                Err(AuthError::WrongStep)
            }
        })
        .await
    }

    /// Tries a second factor; the right one completes the sign-in.
    ///
    /// # Errors
    /// [`AuthError::NotFound`], [`AuthError::WrongStep`], [`AuthError::Proof`],
    /// [`AuthError::TooOften`]; [`AuthError::User`] with `Banned` or `Locked`.
    pub async fn attempt_second_factor(
        &self,
        visit: &Visit,
        id: &SignInId,
        factor: SecondFactor<'_>,
    ) -> Result<Changed<Tried>, AuthError> {
        let now = self.now();
        self.limit_attempts("factor-attempts/address", visit.address).await?;
        let sign_in = open(visit, id, now)?;
        if sign_in.step != Step::NeedsSecondFactor {
            return Err(AuthError::WrongStep);
        }
        let user = self.user_of(sign_in).await?;
        let hash =
            |number: &PhoneNumberId, code: &OtpCode| self.users.hasher.otp(Purpose::SecondFactor(id, number), code);
        let evidence = self.second_evidence(&user, sign_in.second.as_ref(), &factor, hash)?;
        let fresh = self.fresh(visit);
        let session = SessionId::generate(now, &*self.users.ports.entropy);
        self.change_both(visit, &fresh, Subject::Known(user.id), |client, user| {
            may_sign_in(user, now)?;
            let sign_in = current(client, id, now)?;
            if sign_in.step != Step::NeedsSecondFactor {
                return Err(AuthError::WrongStep);
            }
            let tried = self.judge_second(&evidence, &mut sign_in.second, user, now)?;
            if tried != Tried::Passed {
                return Ok(tried);
            }
            let passed = [sign_in.first_passed_at, Some(now)];
            let strategy = sign_in.first.as_ref().map_or(Strategy::PhoneCode, Proof::strategy);
            self.complete(client, user, &session, &fresh, visit, strategy, passed);
            Ok(Tried::Passed)
        })
        .await
    }

    /// What it takes to judge a second factor.
    pub(super) fn second_evidence(
        &self,
        user: &User,
        proof: Option<&Proof>,
        factor: &SecondFactor<'_>,
        hash: impl Fn(&PhoneNumberId, &OtpCode) -> CodeHash,
    ) -> Result<SecondEvidence, AuthError> {
        match factor {
            SecondFactor::Code(code) => {
                let number = Proof::awaits(proof, Strategy::PhoneCode)?.clone();
                let hash = hash(&number, code);
                Ok(SecondEvidence::Code { number, hash })
            }
            SecondFactor::Backup(code) => Ok(SecondEvidence::Backup {
                hash: self.users.hasher.backup(&user.id, code),
            }),
        }
    }

    /// Judges a second factor, and notes on the user what was wrong or used up.
    pub(super) fn judge_second(
        &self,
        evidence: &SecondEvidence,
        proof: &mut Option<Proof>,
        user: &mut User,
        now: Timestamp,
    ) -> Result<Tried, AuthError> {
        match evidence {
            SecondEvidence::Code { number, hash } => {
                let is_factor = |number: &PhoneNumber| number.reserved_for_second_factor;
                if !user.phones.get(number).is_some_and(is_factor) {
                    return Err(AuthError::NoSuchFactor);
                }
                self.judge_code(Strategy::PhoneCode, number, *hash, proof, user, now)
            }
            SecondEvidence::Backup { hash } => {
                if !user.phones.two_factor_enabled() {
                    return Err(AuthError::NoSuchFactor);
                }
                if user.phones.redeem_backup_code(*hash, now).is_err() {
                    user.fail(now, self.policy());
                    return Ok(Tried::WrongBackupCode);
                }
                *proof = Some(Proof::Given {
                    strategy: Strategy::BackupCode,
                });
                Ok(Tried::Passed)
            }
        }
    }
}

/// What it takes to judge a second factor.
pub(super) enum SecondEvidence {
    /// A code, hashed for the number to which one is out.
    Code { number: PhoneNumberId, hash: CodeHash },
    /// A backup code, hashed.
    Backup { hash: CodeHash },
}

/// The second factor that is meant: the one named, or the default one.
pub(super) fn second_factor_number<'u>(
    user: &'u User,
    named: Option<&PhoneNumberId>,
) -> Result<&'u PhoneNumber, AuthError> {
    let factors = Factor::second_of(user);
    let mut numbers = factors.iter().filter_map(|factor| factor.number.as_ref()).peekable();
    if numbers.peek().is_none() {
        return Err(AuthError::NoSecondFactors);
    }
    let found = match named {
        Some(id) => numbers.find(|number| number.id == *id),
        None => numbers.next(),
    };
    found
        .and_then(|number| user.phones.get(&number.id))
        .ok_or(AuthError::NoSuchNumber)
}

/// Whether a second factor completes what the first one began.
pub(super) fn note_success(user: &mut User, strongest: bool, now: Timestamp) {
    if strongest {
        user.failures.forget_row();
    }
    user.seen(now);
}
