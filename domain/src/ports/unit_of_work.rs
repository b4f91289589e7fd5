use async_trait::async_trait;

use super::{Change, CommitError};
use crate::{Client, Message, SignInToken, User};

/// One of several changes that happen together.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// Of a user.
    User(Box<Change<User>>),
    /// Of a client with its sessions.
    Client(Box<Change<Client>>),
    /// Of a ticket.
    SignInToken(Box<Change<SignInToken>>),
    /// A new message, to be sent once this is committed.
    Message(Box<Message>),
    /// Something to tell the application's back end.
    Event(Event),
}

/// Something that happened, as it will be told to whoever subscribed (contract 9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `msg_…`, the same on every retry.
    pub id: String,
    /// What happened, for instance `user.created`.
    pub kind: String,
    /// The body, sealed: a store never sees it in clear.
    pub body: String,
    /// When it happened.
    pub at: crate::Timestamp,
}

/// Commits changes of several aggregates as one.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait UnitOfWork: Send + Sync {
    /// Writes all of `writes`, in order, if the revision of each still stands; or none of them.
    /// The promises of [`Repository::commit`](super::Repository::commit) hold.
    ///
    /// # Errors
    /// [`CommitError::Stale`] if any was changed meanwhile, [`CommitError::Taken`],
    /// [`CommitError::Store`]; nothing was written.
    async fn commit_all(&self, writes: Vec<Write>) -> Result<(), CommitError>;
}
