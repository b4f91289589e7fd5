//! What a caller can ask for, one file for what belongs together. All are methods of [`UseCases`], but [`copy_store`].
//!
//! Each takes who asks, with what was loaded for that ([`Actor`](crate::Actor), [`ClientContext`](crate::ClientContext)), and
//! goes the same way: standing → reverification → limits → the rule → one commit with all that follows from it.

mod account;
mod back_end;
mod claim;
mod consequences;
mod copy_store;
mod decide;
mod errors;
mod limits;
mod resolve;
mod sign_in;
mod sms;

use std::sync::Arc;

use crate::ports::{
    Clock, Commit, Entropy, Events, InstanceDirectory, Limiter, PasswordHasher, Repository, Sealer, SessionDirectory,
    SmsOutbox, SmsSender, UserDirectory,
};
use crate::{Client, ClientId, CodeHasher, Policy, SignInToken, Timestamp, Token, User};

pub use account::{Prepared, ProfileUpdate, SecondFactorUpdate};
pub use back_end::{AdminProfileUpdate, AdminUpdate, KnownSession, MetadataUpdate, NewPhoneNumber, NewUser};
pub use claim::{ClaimConflict, ConflictReason};
pub use copy_store::{Advance, Compared, CopyError, CopyStage, OnAdvance, Tally, copy_store};
pub use errors::{AuthError, UserError};
pub use limits::Limits;
pub use sign_in::{FactorOutcome, SignInRequest, SignUpRequest, TriedFactor, Turn};
pub use sms::{Attempt, Delivered, Delivery};

/// The adapters behind the use cases.
#[derive(Clone)]
pub struct Ports {
    /// Loads users.
    pub users: Arc<dyn Repository<User>>,
    /// Loads clients.
    pub clients: Arc<dyn Repository<Client>>,
    /// Loads tickets.
    pub tickets: Arc<dyn Repository<SignInToken>>,
    /// Commits changes of all of them, and what must happen with those.
    pub commits: Arc<dyn Commit>,
    /// Questions across users.
    pub directory: Arc<dyn UserDirectory>,
    /// Questions across clients.
    pub sessions: Arc<dyn SessionDirectory>,
    /// The instance's settings and blocklist.
    pub instance: Arc<dyn InstanceDirectory>,
    /// Counts across users.
    pub limiter: Arc<dyn Limiter>,
    /// Hashes passwords.
    pub passwords: Arc<dyn PasswordHasher>,
    /// Sends texts.
    pub sms: Arc<dyn SmsSender>,
    /// What became of texts.
    pub sms_outbox: Arc<dyn SmsOutbox>,
    /// Writes what the application's back end is told of.
    pub events: Arc<dyn Events>,
    /// Seals texts.
    pub sms_sealer: Arc<dyn Sealer>,
    /// Seals events.
    pub event_sealer: Arc<dyn Sealer>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// Everything that can be asked.
#[derive(Clone)]
pub struct UseCases {
    ports: Ports,
    hasher: CodeHasher,
    policy: Arc<Policy>,
    limits: Arc<Limits>,
}

/// What a use case led to, with all that it takes to show it.
#[derive(Debug, Clone)]
pub struct Done<T> {
    /// The client of whoever asked, as it is afterwards.
    pub client: Option<Client>,
    /// The users of that client's sessions and of its sign-in, as they are afterwards.
    pub users: Vec<User>,
    /// The client's new token, if it got one: the bearer must have it, for the old one is worthless.
    pub token: Option<Token<ClientId>>,
    /// What came of it.
    pub outcome: T,
}

impl<T> Done<T> {
    /// The same with another outcome.
    pub fn map<U>(self, outcome: impl FnOnce(T) -> U) -> Done<U> {
        Done {
            client: self.client,
            users: self.users,
            token: self.token,
            outcome: outcome(self.outcome),
        }
    }
}

impl UseCases {
    /// Joins the rules with their adapters.
    #[must_use]
    pub fn new(ports: Ports, hasher: CodeHasher, policy: Policy, limits: Limits) -> Self {
        Self {
            ports,
            hasher,
            policy: Arc::new(policy),
            limits: Arc::new(limits),
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
}

#[cfg(test)]
mod tests;
