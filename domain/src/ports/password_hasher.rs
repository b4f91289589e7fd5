use async_trait::async_trait;

use super::BoxError;
use crate::{Password, PasswordHash};

/// The hasher could not do its work (no memory, no free place in time).
#[derive(Debug, thiserror::Error)]
#[error("the password could not be hashed")]
pub struct HasherError(#[source] pub BoxError);

/// Hashes passwords slowly, on purpose, and away from the threads that serve requests.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Hashes `password` with a new salt.
    ///
    /// # Errors
    /// [`HasherError`].
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HasherError>;

    /// Whether `password` is the one that `hash` was made from. A hash that cannot be read fits none.
    ///
    /// # Errors
    /// [`HasherError`].
    async fn verify(&self, password: &Password, hash: &PasswordHash) -> Result<bool, HasherError>;
}
