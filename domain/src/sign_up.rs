//! A sign-up under way, in the client that began it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::policy::Policy;
use crate::profile::{Metadata, ShortText};
use crate::secrets::CodeHash;
use crate::user_phones::PhoneError;
use crate::verification::{AttemptOutcome, Verification};
use crate::{E164, PasswordHash, SessionId, SignUpId, Timestamp, UserId};

/// After this a sign-up or sign-in is abandoned: 24 hours (contract 5.7, our choice).
pub const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 3600);

/// A sign-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignUp {
    /// The identifier, `sua_…`.
    pub id: SignUpId,
    /// The number that shall become the user's.
    pub number: Option<E164>,
    /// How far its proof has come.
    pub verification: Verification,
    /// The password that the user shall have.
    pub password: Option<PasswordHash>,
    /// Given name.
    pub first_name: Option<ShortText>,
    /// Family name.
    pub last_name: Option<ShortText>,
    /// The language.
    pub locale: Option<ShortText>,
    /// Metadata that the user may write.
    pub unsafe_metadata: Metadata,
    /// The id that the user shall have in the application's own system, given by a back end.
    #[serde(default)]
    pub external_id: Option<ShortText>,
    /// Whether the back end has done what it wants to do before there is a user; a note of its own.
    #[serde(default)]
    pub custom_action: bool,
    /// The user and the session that it led to.
    pub completed: Option<(UserId, SessionId)>,
    /// When it began.
    pub created_at: Timestamp,
}

/// What a sign-up is given; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct SignUpUpdate {
    /// The number.
    pub number: Option<E164>,
    /// The password, hashed.
    pub password: Option<PasswordHash>,
    /// Given name.
    pub first_name: Option<ShortText>,
    /// Family name.
    pub last_name: Option<ShortText>,
    /// The language.
    pub locale: Option<ShortText>,
    /// Metadata that the user may write.
    pub unsafe_metadata: Option<Metadata>,
}

impl SignUp {
    /// A sign-up without anything.
    #[must_use]
    pub fn new(id: SignUpId, now: Timestamp) -> Self {
        Self {
            id,
            number: None,
            verification: Verification::Unprepared,
            password: None,
            first_name: None,
            last_name: None,
            locale: None,
            unsafe_metadata: Metadata::default(),
            external_id: None,
            custom_action: false,
            completed: None,
            created_at: now,
        }
    }

    /// When it is given up.
    #[must_use]
    pub fn abandon_at(&self) -> Timestamp {
        self.created_at.plus(ABANDONED_AFTER)
    }

    /// Whether it still goes on.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.completed.is_none() && now < self.abandon_at()
    }

    /// Takes what it is given. Another number discards the proof of the old one.
    pub fn update(&mut self, update: SignUpUpdate) {
        if let Some(number) = update.number
            && self.number.as_ref() != Some(&number)
        {
            self.number = Some(number);
            self.verification = Verification::Unprepared;
        }
        let keep = |field: &mut Option<ShortText>, given: Option<ShortText>| {
            if given.is_some() {
                *field = given;
            }
        };
        keep(&mut self.first_name, update.first_name);
        keep(&mut self.last_name, update.last_name);
        keep(&mut self.locale, update.locale);
        if update.password.is_some() {
            self.password = update.password;
        }
        if let Some(metadata) = update.unsafe_metadata {
            self.unsafe_metadata = metadata;
        }
    }

    /// Starts the proof of the number with a new code.
    ///
    /// # Errors
    /// [`PhoneError::AlreadyVerified`], [`PhoneError::TooSoon`].
    pub fn prepare(&mut self, code: CodeHash, now: Timestamp, policy: &Policy) -> Result<(), PhoneError> {
        if self.verification.is_verified() {
            return Err(PhoneError::AlreadyVerified);
        }
        self.verification.must_be_due(now, policy.resend_after)?;
        self.verification = Verification::started(code, now, policy.code_lifetime);
        Ok(())
    }

    /// Tries a code, and counts it if wrong.
    ///
    /// # Errors
    /// [`PhoneError::NotPrepared`], [`PhoneError::AlreadyVerified`].
    pub fn attempt(&mut self, code: CodeHash, now: Timestamp, policy: &Policy) -> Result<AttemptOutcome, PhoneError> {
        if self.verification.is_verified() {
            return Err(PhoneError::AlreadyVerified);
        }
        self.verification
            .attempt(code, now, policy.max_attempts)
            .ok_or(PhoneError::NotPrepared)
    }
}
