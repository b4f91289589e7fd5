//! Who is signed in: clients, sign-ups, sign-ins, sessions. All are methods of [`Auth`].

mod back_end;
mod back_end_verification;
mod change;
mod codes;
mod instance;
mod limits;
mod password;
mod reverification;
mod second_factor;
mod sessions;
mod sign_in;
mod sign_up;
mod ticket;

use std::sync::Arc;

use super::{UserError, Users};
use crate::password::PasswordError;
use crate::ports::{
    HasherError, InstanceDirectory, Limiter, Loaded, PasswordHasher, Repository, SessionDirectory, StoreError,
};
use crate::proof::ProofError;
use crate::session::{Activity, Session};
use crate::sign_in_token::{SignInToken, TicketError};
use crate::{AttemptOutcome, Client, ClientId, Message, Policy, SessionId, Timestamp, Token, User};

pub use back_end::KnownSession;
pub use limits::{Address, Limits};
pub use second_factor::SecondFactor;
pub use sign_in::{FirstFactor, SignInRequest};
pub use sign_up::SignUpRequest;

/// The adapters behind [`Auth`], beside those of [`Users`].
#[derive(Clone)]
pub struct AuthPorts {
    /// Loads clients.
    pub clients: Arc<dyn Repository<Client>>,
    /// Loads and commits tickets.
    pub tickets: Arc<dyn Repository<SignInToken>>,
    /// Questions across clients.
    pub sessions: Arc<dyn SessionDirectory>,
    /// Hashes passwords.
    pub passwords: Arc<dyn PasswordHasher>,
    /// Counts across users.
    pub limiter: Arc<dyn Limiter>,
    /// The instance's settings and blocklist.
    pub instance: Arc<dyn InstanceDirectory>,
}

/// Everything that can be asked about signing up, signing in and being signed in.
#[derive(Clone)]
pub struct Auth {
    users: Users,
    ports: AuthPorts,
    limits: Arc<Limits>,
}

/// One request of a client, which may be its first.
#[derive(Debug, Clone, Default)]
pub struct Visit {
    /// The client that the request's token opens.
    pub client: Option<Loaded<Client>>,
    /// From where it comes.
    pub activity: Activity,
    /// The visitor's address, for limits; none if nobody knows it.
    pub address: Option<Address>,
    /// The language that the visitor asks for.
    pub locale: Option<String>,
    /// What the next change of the client commits along with it.
    message: Option<Box<Message>>,
}

impl Visit {
    /// The visit of a client, if it is known.
    #[must_use]
    pub const fn new(
        client: Option<Loaded<Client>>,
        activity: Activity,
        address: Option<Address>,
        locale: Option<String>,
    ) -> Self {
        Self {
            client,
            activity,
            address,
            locale,
            message: None,
        }
    }

    /// The same visit, whose next change commits `message` along with it.
    fn carrying(&self, message: Option<&Message>) -> Self {
        Self {
            message: message.cloned().map(Box::new),
            ..self.clone()
        }
    }
}

/// What a change of a client led to.
#[derive(Debug, Clone)]
pub struct Changed<T> {
    /// The client afterwards.
    pub client: Client,
    /// The user afterwards, if one was involved.
    pub user: Option<User>,
    /// The client's new token, if it got one: the bearer must have it, for the old one is worthless.
    pub token: Option<Token<ClientId>>,
    /// What came of it.
    pub outcome: T,
}

/// A session in which somebody acts.
#[derive(Debug, Clone)]
pub struct Acting {
    /// The session.
    pub session: Session,
    /// Its user.
    pub user: User,
}

/// What became of a factor that was tried. Each is kept: a wrong one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// It was right.
    Passed,
    /// The texted code was not accepted.
    Code(AttemptOutcome),
    /// The password was wrong.
    WrongPassword,
    /// The backup code was wrong, or used before.
    WrongBackupCode,
}

/// Why [`Auth`] did not do what it was asked; nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The rules of users and numbers refuse it, or the world fails.
    #[error(transparent)]
    User(#[from] UserError),
    /// No client, or nobody signed in.
    #[error("nobody is signed in")]
    SignedOut,
    /// The session named is over.
    #[error("the session is not active")]
    SessionOver,
    /// No such sign-up, sign-in or session in this client.
    #[error("no such thing in this client")]
    NotFound,
    /// Nobody signs in with this number.
    #[error("nobody signs in with this identifier")]
    IdentifierNotFound,
    /// Somebody is signed in, and one at a time is the rule.
    #[error("somebody is signed in already")]
    SessionExists,
    /// This very user is signed in.
    #[error("this user is signed in already")]
    AlreadySignedIn(SessionId),
    /// Nobody may sign up.
    #[error("nobody may sign up")]
    SignUpClosed,
    /// The number or its country is blocked for sign-ups.
    #[error("the number is blocked")]
    Blocked,
    /// The sign-in is at another step.
    #[error("the sign-in is at another step")]
    WrongStep,
    /// This user has no such factor.
    #[error("the user has no such factor")]
    NoSuchFactor,
    /// The number named is none of this user's factors.
    #[error("no such number among the factors")]
    NoSuchNumber,
    /// There is no second factor to prepare.
    #[error("the user has no second factor")]
    NoSecondFactors,
    /// The code that is out cannot be tried like this.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// A sign-up without a number has nothing to prove.
    #[error("no number to prove")]
    NumberMissing,
    /// Somebody else proved the number of this sign-up meanwhile.
    #[error("the number was claimed meanwhile")]
    Claimed,
    /// No reverification was begun.
    #[error("no reverification was begun")]
    ReverificationMissing,
    /// The reverification waits for something else.
    #[error("the reverification waits for something else")]
    ReverificationStep,
    /// The factor was proven too long ago for this.
    #[error("a factor must be proven again")]
    ReverificationRequired,
    /// The ticket is of no use.
    #[error(transparent)]
    Ticket(#[from] TicketError),
    /// The password cannot be set.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Passwords are off in this instance.
    #[error("passwords are off")]
    PasswordsOff,
    /// The present password is wrong.
    #[error("the password is wrong")]
    WrongPassword,
    /// There is no password to check.
    #[error("the user has no password")]
    NoPassword,
    /// The verification of a back end is over.
    #[error("the verification succeeded already")]
    VerificationUsed,
    /// Too often.
    #[error("too often; again in {} s", retry_after.as_secs())]
    TooOften {
        /// How long to wait.
        retry_after: std::time::Duration,
    },
    /// A code was asked for too often.
    #[error("too many codes; again in {} s", retry_after.as_secs())]
    TooManyCodes {
        /// How long to wait.
        retry_after: std::time::Duration,
    },
    /// The hasher failed.
    #[error(transparent)]
    Hasher(#[from] HasherError),
}

impl From<StoreError> for AuthError {
    fn from(error: StoreError) -> Self {
        Self::User(error.into())
    }
}

impl From<crate::PhoneError> for AuthError {
    fn from(error: crate::PhoneError) -> Self {
        Self::User(error.into())
    }
}

impl Auth {
    /// Joins the rules with their adapters.
    #[must_use]
    pub fn new(users: Users, ports: AuthPorts, limits: Limits) -> Self {
        Self {
            users,
            ports,
            limits: Arc::new(limits),
        }
    }

    /// The use cases of users, for users who exist: nobody is made at first sight.
    #[must_use]
    pub fn users(&self) -> Users {
        self.users.of_known_users()
    }

    fn policy(&self) -> &Policy {
        &self.users.policy
    }

    fn now(&self) -> Timestamp {
        self.users.now()
    }

    /// The client that a token opens.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn client(&self, token: &Token<ClientId>) -> Result<Option<Loaded<Client>>, StoreError> {
        let loaded = self.ports.clients.load(&token.id).await?;
        Ok(loaded.filter(|loaded| loaded.aggregate.token == token.hash()))
    }

    /// The users of a client's sessions, sign-in included: what it takes to show the client.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn users_of(&self, client: &Client) -> Result<Vec<User>, StoreError> {
        let now = self.now();
        let mut ids: Vec<_> = client.open_sessions(now).map(|session| &session.user).collect();
        ids.extend(client.sign_in.as_ref().and_then(|sign_in| sign_in.user.as_ref()));
        ids.sort_unstable();
        ids.dedup();
        let mut users = Vec::with_capacity(ids.len());
        for id in ids {
            users.extend(self.users.load(id).await?.map(|loaded| loaded.aggregate));
        }
        Ok(users)
    }

    /// The sessions of a client by which somebody is signed in, with their users.
    async fn live_sessions(&self, client: &Client) -> Result<Vec<Acting>, StoreError> {
        let (now, required) = (self.now(), self.policy().second_factor_required);
        let users = self.users_of(client).await?;
        let acting = client.open_sessions(now).filter_map(|session| {
            let user = users.iter().find(|user| user.id == session.user)?;
            session.status(Some(user), required, now).is_live().then(|| Acting {
                session: session.clone(),
                user: user.clone(),
            })
        });
        Ok(acting.collect())
    }
}

#[cfg(test)]
mod tests;
