use async_trait::async_trait;

use super::BoxError;

/// The store did not answer as it should.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Away, locked, full or overloaded: the same call may succeed in a moment.
    #[error("the store is unavailable")]
    Unavailable(#[source] BoxError),
    /// It holds something that none of our changes could have written.
    #[error("the store holds a corrupt row in {place}")]
    Corrupt {
        /// Table and key of the row.
        place: String,
        /// What is wrong with it.
        #[source]
        source: BoxError,
    },
}

/// Tells whether the store can serve.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait StoreHealth: Send + Sync {
    /// Asks the store for something trivial, within two seconds.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot serve right now.
    async fn check(&self) -> Result<(), StoreError>;
}
