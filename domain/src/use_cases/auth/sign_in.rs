//! Signing in: naming the user, and the first factor (contract 6.3).

use super::change::{Fresh, Subject};
use super::{Auth, AuthError, Changed, Tried, Visit};
use crate::proof::{Proof, Strategy};
use crate::sign_in::{SignIn, Step};
use crate::use_cases::UserError;
use crate::{
    AttemptOutcome, Client, CodeHash, E164, Factor, OtpCode, PasswordHash, PhoneNumber, PhoneNumberId, Purpose,
    SessionId, SignInId, Timestamp, User, UserId,
};

/// Whom a sign-in names, if anybody.
#[derive(Debug, Clone, Default)]
pub struct SignInRequest {
    /// The number.
    pub identifier: Option<E164>,
}

/// A first factor that is tried.
#[derive(Debug, Clone)]
pub enum FirstFactor<'a> {
    /// A texted code.
    Code(Strategy, &'a OtpCode),
    /// The password.
    Password(&'a str),
}

impl Auth {
    /// Begins a sign-in in the place of any other one of the client.
    ///
    /// # Errors
    /// [`AuthError::IdentifierNotFound`], [`AuthError::AlreadySignedIn`], [`AuthError::SessionExists`],
    /// [`AuthError::TooOften`]; [`AuthError::User`] with `Banned` or `Locked`.
    pub async fn create_sign_in(&self, visit: &Visit, request: &SignInRequest) -> Result<Changed<()>, AuthError> {
        let now = self.now();
        self.limit_sign_ins("sign-ins/address", visit.address).await?;
        let user = match &request.identifier {
            Some(number) => Some(self.identified(number).await?),
            None => None,
        };
        if let Some(user) = &user {
            let client = visit.client.as_ref().map(|loaded| &loaded.aggregate);
            if let Some(client) = client {
                let live = self.live_sessions(client).await?;
                if let Some(acting) = live.iter().find(|acting| acting.user.id == user.id) {
                    return Err(AuthError::AlreadySignedIn(acting.session.id.clone()));
                }
            }
            may_sign_in(user, now)?;
        }
        self.must_be_free(visit).await?;
        let id = SignInId::generate(now, &*self.users.ports.entropy);
        self.change_client(visit, |client| {
            let mut sign_in = SignIn::new(id.clone(), now);
            if let Some(user) = &user {
                sign_in.identifier.clone_from(&request.identifier);
                sign_in.user = Some(user.id.clone());
                sign_in.step = Step::NeedsFirstFactor;
            }
            client.sign_in = Some(sign_in);
            Ok(())
        })
        .await
    }

    /// Who signs in with `number`: its owner, unless it is set aside as a second factor.
    async fn identified(&self, number: &E164) -> Result<User, AuthError> {
        let owner = self.users.ports.directory.owner_of(number).await?;
        let user = match owner {
            Some(id) => self.users.load(&id).await?.map(|loaded| loaded.aggregate),
            None => None,
        };
        user.filter(|user| user.phones.spelled(number).is_some_and(PhoneNumber::identifies))
            .filter(|_| self.policy().used_for_first_factor)
            .ok_or(AuthError::IdentifierNotFound)
    }

    /// Sends a code as first factor; to the number that was typed, unless another one is named.
    ///
    /// # Errors
    /// [`AuthError::NotFound`], [`AuthError::WrongStep`], [`AuthError::NoSuchFactor`],
    /// [`AuthError::NoSuchNumber`], [`AuthError::TooManyCodes`]; [`AuthError::User`] with `TooSoon`,
    /// `Banned`, `Locked` or `NotSent`.
    pub async fn prepare_first_factor(
        &self,
        visit: &Visit,
        id: &SignInId,
        strategy: Strategy,
        number: Option<&PhoneNumberId>,
    ) -> Result<Changed<()>, AuthError> {
        let now = self.now();
        let sign_in = open(visit, id, now)?;
        if sign_in.step != Step::NeedsFirstFactor {
            return Err(AuthError::WrongStep);
        }
        let user = self.user_of(sign_in).await?;
        may_sign_in(&user, now)?;
        let typed = sign_in.identifier.as_ref();
        let to = self.first_factor_number(&user, typed, strategy, number)?;
        Proof::must_be_due(sign_in.first.as_ref(), now, self.policy())?;
        let purpose = first_factor_purpose(strategy, id, &to.id);
        self.text_proof(visit, &user, to, purpose, strategy, |client| {
            let sign_in = current(client, id, now)?;
            if sign_in.step == Step::NeedsFirstFactor {
                Ok(&mut sign_in.first)
            } else {
                Err(AuthError::WrongStep)
            }
        })
        .await
    }

    /// The number among the user's first factors of `strategy` that is meant.
    pub(super) fn first_factor_number<'u>(
        &self,
        user: &'u User,
        typed: Option<&E164>,
        strategy: Strategy,
        named: Option<&PhoneNumberId>,
    ) -> Result<&'u PhoneNumber, AuthError> {
        let factors = Factor::first_of(user, typed, self.policy());
        let mut numbers = factors
            .iter()
            .filter(|factor| factor.strategy == strategy)
            .filter_map(|factor| factor.number.as_ref());
        let found = match named {
            Some(id) => numbers.find(|number| number.id == *id).ok_or(AuthError::NoSuchNumber)?,
            None => numbers.next().ok_or(AuthError::NoSuchFactor)?,
        };
        user.phones.get(&found.id).ok_or(AuthError::NoSuchNumber)
    }

    /// Tries a first factor. It completes the sign-in, or leads to the second factor, or to the new password.
    ///
    /// # Errors
    /// [`AuthError::NotFound`], [`AuthError::WrongStep`], [`AuthError::NoSuchFactor`],
    /// [`AuthError::Proof`], [`AuthError::TooOften`]; [`AuthError::User`] with `Banned` or `Locked`.
    pub async fn attempt_first_factor(
        &self,
        visit: &Visit,
        id: &SignInId,
        factor: FirstFactor<'_>,
    ) -> Result<Changed<Tried>, AuthError> {
        let now = self.now();
        self.limit_attempts("factor-attempts/address", visit.address).await?;
        let sign_in = open(visit, id, now)?;
        let user = self.user_of(sign_in).await?;
        let hash = |strategy, number: &PhoneNumberId, code: &OtpCode| {
            self.users.hasher.otp(first_factor_purpose(strategy, id, number), code)
        };
        let evidence = self
            .first_evidence(&user, sign_in.first.as_ref(), &factor, hash)
            .await?;
        let fresh = self.fresh(visit);
        let session = SessionId::generate(now, &*self.users.ports.entropy);
        self.change_both(visit, &fresh, Subject::Known(user.id), |client, user| {
            may_sign_in(user, now)?;
            let sign_in = current(client, id, now)?;
            if sign_in.step != Step::NeedsFirstFactor {
                return Err(AuthError::WrongStep);
            }
            let tried = self.judge_first(&evidence, &mut sign_in.first, user, now)?;
            if tried != Tried::Passed {
                return Ok(tried);
            }
            sign_in.first_passed_at = Some(now);
            let strategy = evidence.strategy();
            if strategy == Strategy::ResetPasswordPhoneCode {
                sign_in.step = Step::NeedsNewPassword;
            } else if user.phones.two_factor_enabled() {
                sign_in.step = Step::NeedsSecondFactor;
            } else {
                self.complete(client, user, &session, &fresh, visit, strategy, [Some(now), None]);
            }
            Ok(Tried::Passed)
        })
        .await
    }

    /// Sets a new password, after a code that was sent for just that.
    ///
    /// # Errors
    /// [`AuthError::NotFound`], [`AuthError::WrongStep`], [`AuthError::Password`];
    /// [`AuthError::User`] with `Banned` or `Locked`.
    pub async fn reset_password(
        &self,
        visit: &Visit,
        id: &SignInId,
        password: &str,
        sign_out_others: bool,
    ) -> Result<Changed<()>, AuthError> {
        let now = self.now();
        let sign_in = open(visit, id, now)?;
        if sign_in.step != Step::NeedsNewPassword {
            return Err(AuthError::WrongStep);
        }
        let user = self.user_of(sign_in).await?.id;
        let hash = self.hash_password(password).await?;
        let fresh = self.fresh(visit);
        let session = SessionId::generate(now, &*self.users.ports.entropy);
        self.change_both(visit, &fresh, Subject::Known(user), |client, user| {
            may_sign_in(user, now)?;
            let sign_in = current(client, id, now)?;
            if sign_in.step != Step::NeedsNewPassword {
                return Err(AuthError::WrongStep);
            }
            let passed_at = sign_in.first_passed_at;
            user.set_password(Some(hash.clone()), now);
            if sign_out_others {
                user.end_sessions();
            }
            if user.phones.two_factor_enabled() {
                sign_in.step = Step::NeedsSecondFactor;
            } else {
                let strategy = Strategy::ResetPasswordPhoneCode;
                self.complete(client, user, &session, &fresh, visit, strategy, [passed_at, None]);
            }
            Ok(())
        })
        .await
    }

    /// The session begins, the client gets a new token, the ledger a success.
    #[expect(clippy::too_many_arguments, reason = "all of it goes into one session")]
    pub(super) fn complete(
        &self,
        client: &mut Client,
        user: &mut User,
        session: &SessionId,
        fresh: &Fresh,
        visit: &Visit,
        strategy: Strategy,
        factors: [Option<Timestamp>; 2],
    ) {
        let now = self.now();
        if let Some(sign_in) = client.sign_in.as_mut() {
            sign_in.step = Step::Complete(session.clone());
        }
        user.failures.forget_row();
        user.last_sign_in_at = Some(now);
        user.seen(now);
        let session = self.session(session.clone(), user, visit, now, factors);
        client.begin(
            session,
            fresh.token.hash(),
            Some(strategy),
            self.policy().single_session,
            now,
        );
    }

    pub(super) async fn user_of(&self, sign_in: &SignIn) -> Result<User, AuthError> {
        let id: &UserId = sign_in.user.as_ref().ok_or(AuthError::WrongStep)?;
        Ok(self.users.user(id).await?)
    }

    /// What it takes to judge a first factor, found before the state is looked at for good.
    pub(super) async fn first_evidence(
        &self,
        user: &User,
        proof: Option<&Proof>,
        factor: &FirstFactor<'_>,
        hash: impl Fn(Strategy, &PhoneNumberId, &OtpCode) -> CodeHash + Send,
    ) -> Result<Evidence, AuthError> {
        match factor {
            FirstFactor::Code(strategy, code) => {
                let number = Proof::awaits(proof, *strategy)?.clone();
                let hash = hash(*strategy, &number, code);
                Ok(Evidence::Code {
                    strategy: *strategy,
                    number,
                    hash,
                })
            }
            FirstFactor::Password(text) => match self.check_password(user, text).await {
                Ok((right, seen)) => Ok(Evidence::Password { right, seen }),
                Err(AuthError::NoPassword) => Err(AuthError::NoSuchFactor),
                Err(error) => Err(error),
            },
        }
    }

    /// Judges a first factor, and notes on the user what was wrong.
    pub(super) fn judge_first(
        &self,
        evidence: &Evidence,
        proof: &mut Option<Proof>,
        user: &mut User,
        now: Timestamp,
    ) -> Result<Tried, AuthError> {
        match evidence {
            Evidence::Code { strategy, number, hash } => {
                if !user.phones.get(number).is_some_and(PhoneNumber::identifies) {
                    return Err(AuthError::NoSuchFactor);
                }
                self.judge_code(*strategy, number, *hash, proof, user, now)
            }
            Evidence::Password { right, seen } => {
                if *right && user.password.as_ref().is_some_and(|stored| stored.hash == *seen) {
                    *proof = Some(Proof::Given {
                        strategy: Strategy::Password,
                    });
                    return Ok(Tried::Passed);
                }
                user.fail(now, self.policy());
                Ok(Tried::WrongPassword)
            }
        }
    }

    /// Judges a texted code, and notes a wrong one on the user.
    pub(super) fn judge_code(
        &self,
        strategy: Strategy,
        number: &PhoneNumberId,
        hash: CodeHash,
        proof: &mut Option<Proof>,
        user: &mut User,
        now: Timestamp,
    ) -> Result<Tried, AuthError> {
        if Proof::awaits(proof.as_ref(), strategy)? != number {
            // Another code went out meanwhile.
            return Err(UserError::Contended.into());
        }
        let before = proof.clone();
        match Proof::attempt(proof.as_mut(), strategy, hash, now, self.policy())? {
            AttemptOutcome::Verified => Ok(Tried::Passed),
            outcome => {
                let counted = matches!(outcome, AttemptOutcome::WrongCode { .. } | AttemptOutcome::Failed);
                if counted && *proof != before {
                    user.fail(now, self.policy());
                }
                Ok(Tried::Code(outcome))
            }
        }
    }
}

/// What it takes to judge a first factor.
pub(super) enum Evidence {
    /// A code, hashed for the number to which one is out.
    Code {
        strategy: Strategy,
        number: PhoneNumberId,
        hash: CodeHash,
    },
    /// Whether the password was right, and the stored hash that it was compared with.
    Password { right: bool, seen: PasswordHash },
}

impl Evidence {
    pub(super) const fn strategy(&self) -> Strategy {
        match self {
            Self::Code { strategy, .. } => *strategy,
            Self::Password { .. } => Strategy::Password,
        }
    }
}

const fn first_factor_purpose<'a>(strategy: Strategy, id: &'a SignInId, number: &'a PhoneNumberId) -> Purpose<'a> {
    match strategy {
        Strategy::ResetPasswordPhoneCode => Purpose::ResetPassword(id, number),
        _ => Purpose::FirstFactor(id, number),
    }
}

/// Whether the user may sign in at all.
pub(super) fn may_sign_in(user: &User, now: Timestamp) -> Result<(), UserError> {
    if user.banned {
        return Err(UserError::Banned);
    }
    match user.locked_for(now) {
        Some(left) => Err(UserError::Locked { left }),
        None => Ok(()),
    }
}

/// The sign-in of this visit, if it is this one and still goes on.
pub(super) fn open<'a>(visit: &'a Visit, id: &SignInId, now: Timestamp) -> Result<&'a SignIn, AuthError> {
    let sign_in = visit
        .client
        .as_ref()
        .and_then(|loaded| loaded.aggregate.sign_in.as_ref());
    sign_in
        .filter(|sign_in| sign_in.id == *id && now < sign_in.abandon_at())
        .ok_or(AuthError::NotFound)
}

pub(super) fn current<'a>(client: &'a mut Client, id: &SignInId, now: Timestamp) -> Result<&'a mut SignIn, AuthError> {
    let sign_in = client.sign_in.as_mut();
    sign_in
        .filter(|sign_in| sign_in.id == *id && now < sign_in.abandon_at())
        .ok_or(AuthError::NotFound)
}
