use async_trait::async_trait;

use super::StoreError;
use crate::Timestamp;

/// A key that signs session tokens, as a store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Its public name, the `kid` of tokens.
    pub id: String,
    /// The private key, sealed: a store never sees it in clear.
    pub sealed: Vec<u8>,
    /// From this moment on it signs; it is published before.
    pub signs_from: Timestamp,
    /// From this moment on it is no longer published; none while no younger key has replaced it.
    pub retires_at: Option<Timestamp>,
}

/// Keeps the signing keys of an instance.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SigningKeys: Send + Sync {
    /// All keys, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn all(&self) -> Result<Vec<StoredKey>, StoreError>;

    /// Adds the very first key, unless there is one already: of several processes that start at once
    /// one wins, and all use its key.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn add_first(&self, key: &StoredKey) -> Result<(), StoreError>;

    /// Adds a key, and lets those before it that have no end yet retire at `retire_others_at`; keys
    /// that had retired at `now` are forgotten.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn rotate(&self, key: &StoredKey, retire_others_at: Timestamp, now: Timestamp) -> Result<(), StoreError>;
}
