use async_trait::async_trait;

use super::StoreError;

/// Something that is loaded and committed as one.
pub trait Aggregate: Clone + PartialEq + Send + Sync + 'static {
    /// What identifies it.
    type Id: Clone + Send + Sync + 'static;
}

/// How often an aggregate was committed. The store counts; nobody else makes one up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revision(pub i64);

/// An aggregate as it was read, with its revision.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded<A> {
    /// The aggregate.
    pub aggregate: A,
    /// The revision that was read.
    pub revision: Revision,
}

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

/// Why a commit wrote nothing.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Somebody else committed since the revision was read: load again and decide anew.
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

/// Loads and commits aggregates of one kind.
///
/// Each call is one transaction and none outlives its call. Any number of processes may share
/// the store: of several commits on the same revision exactly one succeeds. A commit that
/// answered `Ok` survives the death of the process and of the machine.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Repository<A: Aggregate>: Send + Sync {
    /// Reads the aggregate and its revision, both of one moment. `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn load(&self, id: &A::Id) -> Result<Option<Loaded<A>>, StoreError>;

    /// Writes `change`, if the revision that it was decided on still stands. All or nothing.
    ///
    /// # Errors
    /// [`CommitError::Stale`], [`CommitError::Taken`], [`CommitError::Store`]; nothing was written.
    async fn commit(&self, change: Change<A>) -> Result<(), CommitError>;
}
