//! Signing up (contract 6.2).

use super::change::Subject;
use super::{Auth, AuthError, Changed, Visit};
use crate::profile::{Metadata, ShortText};
use crate::proof::Strategy;
use crate::session::Session;
use crate::sign_up::{SignUp, SignUpUpdate};
use crate::use_cases::UserError;
use crate::use_cases::draw::{Drawn, Recipient};
use crate::{
    AttemptOutcome, Client, E164, OtpCode, PhoneError, PhoneNumberId, Purpose, SessionId, SignUpId, Timestamp, User,
    UserId,
};

/// What a sign-up is given.
#[derive(Debug, Clone, Default)]
pub struct SignUpRequest {
    /// The number that shall become the user's.
    pub number: Option<E164>,
    /// The password that the user wants to have.
    pub password: Option<String>,
    /// Given name.
    pub first_name: Option<ShortText>,
    /// Family name.
    pub last_name: Option<ShortText>,
    /// The language.
    pub locale: Option<ShortText>,
    /// Metadata that the user may write.
    pub unsafe_metadata: Option<Metadata>,
}

impl Auth {
    /// Begins a sign-up in the place of any other one of the client.
    ///
    /// # Errors
    /// [`AuthError::SignUpClosed`], [`AuthError::SessionExists`], [`AuthError::Password`],
    /// [`AuthError::TooOften`]; [`AuthError::User`] with `Taken` or `NotAllowed` for the number.
    pub async fn create_sign_up(&self, visit: &Visit, request: SignUpRequest) -> Result<Changed<()>, AuthError> {
        let now = self.now();
        if !self.policy().sign_up_open {
            return Err(AuthError::SignUpClosed);
        }
        self.limit_sign_ins("sign-ups/address", visit.address).await?;
        self.must_be_free(visit).await?;
        let update = self.checked(request).await?;
        let id = SignUpId::generate(now, &*self.users.ports.entropy);
        self.change_client(visit, |client| {
            let mut sign_up = SignUp::new(id.clone(), now);
            sign_up.update(update.clone());
            client.sign_up = Some(sign_up);
            Ok(())
        })
        .await
    }

    /// Changes a sign-up; another number discards the proof of the old one. With the number proven
    /// already the rest may complete it.
    ///
    /// # Errors
    /// [`AuthError::NotFound`], and those of [`Auth::create_sign_up`].
    pub async fn update_sign_up(
        &self,
        visit: &Visit,
        id: &SignUpId,
        request: SignUpRequest,
    ) -> Result<Changed<()>, AuthError> {
        let now = self.now();
        open(visit, id, now)?;
        let update = self.checked(request).await?;
        self.change_client(visit, |client| {
            let sign_up = current(client, id, now)?;
            sign_up.update(update.clone());
            Ok(())
        })
        .await
    }

    /// Sends a code to the number of a sign-up.
    ///
    /// # Errors
    /// [`AuthError::NotFound`], [`AuthError::NumberMissing`], [`AuthError::TooManyCodes`];
    /// [`AuthError::User`] with `AlreadyVerified`, `TooSoon`, `Taken`, `NotAllowed` or `NotSent`.
    pub async fn prepare_sign_up(&self, visit: &Visit, id: &SignUpId) -> Result<Changed<()>, AuthError> {
        let now = self.now();
        let sign_up = open(visit, id, now)?;
        let number = sign_up.number.clone().ok_or(AuthError::NumberMissing)?;
        // Before anything is charged.
        sign_up
            .clone()
            .prepare(crate::CodeHash::from_bytes([0; 32]), now, self.policy())?;
        self.must_be_nobodys(&number).await?;
        let recipient = Recipient {
            number: &number,
            phone_number: None,
            user: None,
        };
        let speaking = Visit {
            locale: sign_up
                .locale
                .as_ref()
                .map(ToString::to_string)
                .or_else(|| visit.locale.clone()),
            ..visit.clone()
        };
        let Drawn { hash, message } = self.draw(&speaking, recipient, Purpose::SignUp(id, &number)).await?;
        let visit = &visit.carrying(message.as_ref());
        let changed = self
            .change_client(visit, |client| {
                let sign_up = current(client, id, now)?;
                if sign_up.number.as_ref() != Some(&number) {
                    return Err(UserError::Contended.into());
                }
                Ok(sign_up.prepare(hash, now, self.policy())?)
            })
            .await?;
        self.send(message).await?;
        Ok(changed)
    }

    /// Tries a code on a sign-up. The right one makes the user and a session, all as one commit.
    ///
    /// # Errors
    /// [`AuthError::NotFound`], [`AuthError::Claimed`] if another user proved the number first,
    /// [`AuthError::TooOften`]; [`AuthError::User`] with `NotPrepared` or `AlreadyVerified`.
    pub async fn attempt_sign_up(
        &self,
        visit: &Visit,
        id: &SignUpId,
        code: &OtpCode,
    ) -> Result<Changed<AttemptOutcome>, AuthError> {
        let now = self.now();
        self.limit_attempts("sign-up-attempts/address", visit.address).await?;
        let sign_up = open(visit, id, now)?;
        let number = sign_up.number.clone().ok_or(AuthError::NumberMissing)?;
        let hash = self.users.hasher.otp(Purpose::SignUp(id, &number), code);
        // Decided beforehand on what was read: only a right code makes a user. If the state has
        // changed by the time of the commit, it is decided again there.
        let outcome = sign_up.clone().attempt(hash, now, self.policy())?;
        if outcome != AttemptOutcome::Verified {
            return self
                .change_client(visit, |client| {
                    match current(client, id, now)?.attempt(hash, now, self.policy())? {
                        // Only a change in between could make it right now; then it is tried once more.
                        AttemptOutcome::Verified => Err(UserError::Contended.into()),
                        outcome => Ok(outcome),
                    }
                })
                .await;
        }
        let entropy = &*self.users.ports.entropy;
        let fresh = self.fresh(visit);
        let user = User::new(UserId::generate(now, entropy), now);
        let number_id = PhoneNumberId::generate(now, entropy);
        let session = SessionId::generate(now, entropy);
        let subject = Subject::New(Box::new(user));
        self.change_both(visit, &fresh, subject, |client, user| {
            let sign_up = current(client, id, now)?;
            if sign_up.number.as_ref() != Some(&number)
                || sign_up.attempt(hash, now, self.policy())? != AttemptOutcome::Verified
            {
                return Err(UserError::Contended.into());
            }
            sign_up.completed = Some((user.id.clone(), session.clone()));
            let sign_up = sign_up.clone();
            user.phones
                .add_proven(number_id.clone(), number.clone(), sign_up.verification, now)?;
            user.profile.first_name = sign_up.first_name;
            user.profile.last_name = sign_up.last_name;
            user.profile.locale = sign_up.locale;
            user.profile.unsafe_metadata = sign_up.unsafe_metadata;
            user.set_password(sign_up.password, now);
            user.last_sign_in_at = Some(now);
            user.seen(now);
            let session = self.session(session.clone(), user, visit, now, [Some(now), None]);
            let token = fresh.token.hash();
            client.begin(
                session,
                token,
                Some(Strategy::PhoneCode),
                self.policy().single_session,
                now,
            );
            Ok(AttemptOutcome::Verified)
        })
        .await
    }

    /// A session that begins now.
    pub(super) fn session(
        &self,
        id: SessionId,
        user: &User,
        visit: &Visit,
        now: Timestamp,
        factors: [Option<Timestamp>; 2],
    ) -> Session {
        let [first_factor_at, second_factor_at] = factors;
        Session {
            id,
            user: user.id.clone(),
            ending: None,
            generation: user.sessions_generation,
            first_factor_at,
            second_factor_at,
            reverification: None,
            activity: visit.activity.clone(),
            created_at: now,
            last_active_at: now,
            expire_at: now.plus(self.policy().session_lifetime),
            updated_at: now,
        }
    }

    /// With one session at a time: nobody may be signed in.
    pub(super) async fn must_be_free(&self, visit: &Visit) -> Result<(), AuthError> {
        let Some(loaded) = visit.client.as_ref().filter(|_| self.policy().single_session) else {
            return Ok(());
        };
        if self.live_sessions(&loaded.aggregate).await?.is_empty() {
            Ok(())
        } else {
            Err(AuthError::SessionExists)
        }
    }

    async fn must_be_nobodys(&self, number: &E164) -> Result<(), AuthError> {
        match self.users.ports.directory.owner_of(number).await? {
            Some(_) => Err(PhoneError::Taken.into()),
            None => Ok(()),
        }
    }

    async fn checked(&self, request: SignUpRequest) -> Result<SignUpUpdate, AuthError> {
        if let Some(number) = &request.number {
            self.policy().admit(number).map_err(UserError::from)?;
            if self.ports.instance.is_blocked(number).await? {
                return Err(AuthError::Blocked);
            }
            self.must_be_nobodys(number).await?;
        }
        let password = match &request.password {
            Some(text) => Some(self.hash_password(text).await?),
            None => None,
        };
        Ok(SignUpUpdate {
            number: request.number,
            password,
            first_name: request.first_name,
            last_name: request.last_name,
            locale: request.locale,
            unsafe_metadata: request.unsafe_metadata,
        })
    }
}

/// The sign-up of this visit, if it is this one and still goes on.
fn open<'a>(visit: &'a Visit, id: &SignUpId, now: Timestamp) -> Result<&'a SignUp, AuthError> {
    let sign_up = visit
        .client
        .as_ref()
        .and_then(|loaded| loaded.aggregate.sign_up.as_ref());
    sign_up
        .filter(|sign_up| sign_up.id == *id && sign_up.is_open(now))
        .ok_or(AuthError::NotFound)
}

fn current<'a>(client: &'a mut Client, id: &SignUpId, now: Timestamp) -> Result<&'a mut SignUp, AuthError> {
    let sign_up = client.sign_up.as_mut();
    sign_up
        .filter(|sign_up| sign_up.id == *id && sign_up.is_open(now))
        .ok_or(AuthError::NotFound)
}
