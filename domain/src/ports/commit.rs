use async_trait::async_trait;

use super::{Loaded, StoreError};
use crate::{Client, Message, SignInToken, Timestamp, User};

/// One change of one aggregate. It carries both sides, so that a store writes what differs.
#[derive(Debug, Clone, PartialEq)]
pub enum Change<A> {
    /// It did not exist.
    Create(A),
    /// It was `before` and becomes `after`.
    Replace {
        /// As it was read.
        before: Loaded<A>,
        /// As it shall be.
        after: A,
    },
    /// It goes, with all that belongs to it.
    Delete(Loaded<A>),
}

/// What only one aggregate may have in a whole instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unique {
    /// An owned (verified or held) phone number.
    PhoneNumber,
    /// A username.
    Username,
    /// An external id.
    ExternalId,
}

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
    pub at: Timestamp,
}

/// Why a commit wrote nothing.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Somebody else committed since a revision was read: load again and decide anew.
    #[error("the state changed meanwhile")]
    Stale,
    /// Another aggregate has what must be unique.
    #[error("another user has this {0:?}")]
    Taken(Unique),
    /// The store did not answer as it should. Whether the change was written is unknown only if
    /// the store died while committing; it was not acknowledged.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Commits changes of any aggregates, and what must happen with them, as one.
///
/// Each call is one transaction and none outlives its call. Any number of processes may share
/// the store: of several commits on the same revision exactly one succeeds. A commit that
/// answered `Ok` survives the death of the process and of the machine.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Commit: Send + Sync {
    /// Writes all of `writes`, in order, if the revision of each still stands; or none of them.
    ///
    /// # Errors
    /// [`CommitError::Stale`] if any was changed meanwhile, [`CommitError::Taken`],
    /// [`CommitError::Store`]; nothing was written.
    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError>;
}
