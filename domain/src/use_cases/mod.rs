//! What a caller can ask for, one file each. All are methods of [`Users`], but [`copy_store`].

mod add_phone_number;
mod admin_phone_numbers;
mod admin_users;
mod attempt_verification;
mod auth;
mod backup_codes;
mod copy_store;
mod delivery;
mod draw;
mod own_account;
mod prepare_verification;
mod remove_phone_number;
mod second_factor;

use std::sync::Arc;
use std::time::Duration;

use crate::allowlist::NotAllowed;
use crate::change::{ChangeError, change};
use crate::ports::{
    Clock, Courier, Entropy, Loaded, Repository, Sealer, SendError, StoreError, Unique, UnitOfWork, UserDirectory,
};
use crate::{
    BackupCode, CodeHash, CodeHasher, E164, EmailAddress, PhoneError, Policy, ProfileError, Timestamp, User, UserId,
};

pub use admin_phone_numbers::{AdminUpdate, NewPhoneNumber};
pub use admin_users::{AdminProfileUpdate, MetadataUpdate, NewUser};
pub use auth::{
    Acting, Address, Auth, AuthError, AuthPorts, Changed, FirstFactor, KnownSession, Limits, SecondFactor,
    SignInRequest, SignUpRequest, Tried, Visit,
};
pub use copy_store::{Advance, Compared, CopyError, CopyStage, OnAdvance, Tally, copy_store};
pub use delivery::{Attempt, Delivered, Delivery};
pub use own_account::ProfileUpdate;
pub use prepare_verification::Prepared;
pub use second_factor::SecondFactorUpdate;

/// The adapters behind the use cases.
#[derive(Clone)]
pub struct Ports {
    /// Loads and commits users.
    pub repository: Arc<dyn Repository<User>>,
    /// Questions across users.
    pub directory: Arc<dyn UserDirectory>,
    /// Commits users, clients and tickets together, and the texts to them.
    pub unit_of_work: Arc<dyn UnitOfWork>,
    /// Sends texts.
    pub courier: Arc<dyn Courier>,
    /// Seals texts.
    pub sealer: Arc<dyn Sealer>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// Everything that can be asked about users and their phone numbers.
///
/// A method that changes something answers the user as it is afterwards.
#[derive(Clone)]
pub struct Users {
    ports: Ports,
    hasher: CodeHasher,
    policy: Arc<Policy>,
    /// Whether who is not known yet is made at first sight.
    first_sight: bool,
    /// The language that the request asks for.
    locale: Option<String>,
    /// Where the identity provider says that the user reads e-mail.
    notice_email: Option<EmailAddress>,
}

/// Why a use case did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The rules of phone numbers refuse it.
    #[error(transparent)]
    Phone(#[from] PhoneError),
    /// The number may not be added or texted.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// A text of the profile is not acceptable.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The user is banned.
    #[error("the user is banned")]
    Banned,
    /// The account may not be deleted by its user.
    #[error("the user may not delete the account")]
    DeleteSelfDisabled,
    /// The user is locked.
    #[error("the user is locked for {} s", left.as_secs())]
    Locked {
        /// How much longer.
        left: Duration,
    },
    /// There is no such user.
    #[error("no such user")]
    NoSuchUser,
    /// A user who signs in by phone needs a number.
    #[error("a user needs a phone number")]
    NumberNeeded,
    /// Another user has what must be unique.
    #[error("another user has this {0:?}")]
    Taken(Unique),
    /// Too many changes of one user at once.
    #[error("too many changes at once")]
    Contended,
    /// The text was not sent.
    #[error("the text was not sent")]
    NotSent(#[source] SendError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ChangeError<Self>> for UserError {
    fn from(error: ChangeError<Self>) -> Self {
        match error {
            ChangeError::Refused(error) => error,
            ChangeError::Missing => Self::NoSuchUser,
            ChangeError::Taken(what) => Self::Taken(what),
            ChangeError::Contended => Self::Contended,
            ChangeError::Store(error) => Self::Store(error),
        }
    }
}

impl Users {
    /// Joins the rules with their adapters.
    #[must_use]
    pub fn new(ports: Ports, hasher: CodeHasher, policy: Policy) -> Self {
        Self {
            ports,
            hasher,
            policy: Arc::new(policy),
            first_sight: true,
            locale: None,
            notice_email: None,
        }
    }

    /// The same for users who signed in here: one who is gone is not made anew.
    #[must_use]
    pub fn of_known_users(&self) -> Self {
        Self {
            first_sight: false,
            ..self.clone()
        }
    }

    /// The same for a request in this language; a user's own wins.
    #[must_use]
    pub fn in_language(&self, locale: Option<String>) -> Self {
        Self { locale, ..self.clone() }
    }

    /// The same for a user of whom the identity provider knows this address.
    #[must_use]
    pub fn reachable_at(&self, notice_email: Option<EmailAddress>) -> Self {
        Self {
            notice_email,
            ..self.clone()
        }
    }

    /// The settings of the rules.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The time, for showing what depends on it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// An identifier for something that is shown once and never stored.
    #[must_use]
    pub fn passing_id(&self, prefix: &str) -> String {
        crate::passing_id(prefix, self.now(), &*self.ports.entropy)
    }

    async fn load(&self, id: &UserId) -> Result<Option<Loaded<User>>, StoreError> {
        self.ports.repository.load(id).await
    }

    /// Changes a user on the user's own behalf: made at first sight, kept out if banned.
    async fn change_own<T>(
        &self,
        id: &UserId,
        loaded: Option<Loaded<User>>,
        now: Timestamp,
        mut decide: impl FnMut(&mut User) -> Result<T, UserError> + Send,
    ) -> Result<(User, T), UserError> {
        let first_seen = User::new(id.clone(), now);
        let decide = |user: &mut User| {
            if user.banned {
                return Err(UserError::Banned);
            }
            let before = user.clone();
            let outcome = decide(user)?;
            if self.notice_email.is_some() {
                user.profile.notice_email.clone_from(&self.notice_email);
            }
            user.seen(now);
            user.stamp(&before, now);
            Ok(outcome)
        };
        let absent = self.first_sight.then_some(&first_seen);
        Ok(change(&*self.ports.repository, id, loaded, absent, decide).await?)
    }

    /// Changes a user on an administrator's behalf.
    async fn change_as_admin<T>(
        &self,
        id: &UserId,
        now: Timestamp,
        mut decide: impl FnMut(&mut User) -> Result<T, UserError> + Send,
    ) -> Result<(User, T), UserError> {
        let loaded = self.load(id).await?;
        let decide = |user: &mut User| {
            let before = user.clone();
            let outcome = decide(user)?;
            // Whoever is signed in was let in by factors that no longer stand.
            if !before.phones.has_same_second_factors(&user.phones) || (user.banned && !before.banned) {
                user.end_sessions();
            }
            user.stamp(&before, now);
            Ok(outcome)
        };
        Ok(change(&*self.ports.repository, id, loaded, None, decide).await?)
    }

    /// Refuses a number that another user owns. The commit decides in the end; this one keeps
    /// texts from going to a number that can no longer be won.
    async fn must_not_be_anothers(&self, user: &UserId, number: &E164) -> Result<(), UserError> {
        match self.ports.directory.owner_of(number).await? {
            Some(owner) if owner != *user => Err(PhoneError::Taken.into()),
            Some(_) | None => Ok(()),
        }
    }

    /// A new set of backup codes, as they are shown and as they are stored.
    fn fresh_backup_codes(&self, user: &UserId) -> (Vec<BackupCode>, Vec<CodeHash>) {
        let codes = BackupCode::generate_set(&*self.ports.entropy);
        let hashes = self.hash_backup_codes(user, &codes);
        (codes, hashes)
    }

    fn hash_backup_codes(&self, user: &UserId, codes: &[BackupCode]) -> Vec<CodeHash> {
        codes.iter().map(|code| self.hasher.backup(user, code)).collect()
    }
}

#[cfg(test)]
mod tests;
