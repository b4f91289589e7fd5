use async_trait::async_trait;

use super::{Change, StoreError, Write};

/// Something that is loaded and committed as one.
pub trait Aggregate: Clone + PartialEq + Send + Sync + 'static {
    /// What identifies it.
    type Id: Clone + Send + Sync + 'static;

    /// Its identifier.
    fn id(&self) -> &Self::Id;

    /// A change of it, for [`Commit`](super::Commit).
    fn write(change: Change<Self>) -> Write;
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

/// Loads aggregates of one kind. [`Commit`](super::Commit) writes them.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Repository<A: Aggregate>: Send + Sync {
    /// Reads the aggregate and its revision, both of one moment. `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn load(&self, id: &A::Id) -> Result<Option<Loaded<A>>, StoreError>;
}
