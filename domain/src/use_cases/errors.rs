//! Why a use case did not do what it was asked, in the words of callers.

use std::time::Duration;

use crate::SessionId;
use crate::allowlist::NotAllowed;
use crate::change::{ChangeError, Missing};
use crate::instance::Entrance;
use crate::password::PasswordError;
use crate::ports::{HasherError, SendError, StoreError, Unique};
use crate::proof::ProofError;
use crate::sign_in_token::TicketError;
use crate::{FactorClosed, PhoneError, ProfileError};

/// Why a use case about a user or a number did not do what it was asked.
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

/// Why a use case about who is signed in did not do what it was asked; nothing was written then.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// The rules of users and numbers refuse it, or the world fails.
    #[error(transparent)]
    User(#[from] UserError),
    /// No client, or nobody signed in.
    #[error("nobody is signed in")]
    SignedOut,
    /// The token was replaced a moment ago, and its bearer has the new one by now.
    #[error("the client's token was replaced a moment ago")]
    TokenReplaced,
    /// Too many wrong tries of one factor; others are open.
    #[error(transparent)]
    FactorClosed(#[from] FactorClosed),
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
    /// The lists of numbers keep the number out.
    #[error("the number is not let in")]
    Blocked(Entrance),
    /// Unknown numbers do not lead to sign-ups here.
    #[error("unknown numbers do not lead to sign-ups")]
    SignUpIfMissingClosed,
    /// An unknown number leads to a sign-up by a code alone.
    #[error("only a code leads to a sign-up")]
    SignUpIfMissingStrategy,
    /// No sign-in has proven a number that nobody has.
    #[error("there is nothing to transfer")]
    NothingToTransfer,
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
        retry_after: Duration,
    },
    /// A code was asked for too often.
    #[error("too many codes; again in {} s", retry_after.as_secs())]
    TooManyCodes {
        /// How long to wait.
        retry_after: Duration,
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

impl From<Missing> for AuthError {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::User => UserError::NoSuchUser.into(),
            Missing::Client => Self::SignedOut,
            Missing::Ticket => TicketError::Unknown.into(),
        }
    }
}

impl From<NotAllowed> for AuthError {
    fn from(error: NotAllowed) -> Self {
        Self::User(error.into())
    }
}

impl From<ProfileError> for AuthError {
    fn from(error: ProfileError) -> Self {
        Self::User(error.into())
    }
}

impl From<ChangeError<Self>> for AuthError {
    fn from(error: ChangeError<Self>) -> Self {
        match error {
            ChangeError::Refused(error) => error,
            ChangeError::Taken(what) => UserError::Taken(what).into(),
            ChangeError::Contended => UserError::Contended.into(),
            ChangeError::Store(error) => error.into(),
        }
    }
}
