use async_trait::async_trait;

use super::StoreError;
use crate::instance::{AllowedNumber, BlockedNumber, InstanceSettings, SettingsChange};
use crate::{AllowlistId, BlocklistId, E164};

/// Keeps what a back end changes about an instance: its settings and its two lists of numbers.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait InstanceDirectory: Send + Sync {
    /// The settings.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn settings(&self) -> Result<InstanceSettings, StoreError>;

    /// Changes what is given and nothing else, also while others change other settings.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn change_settings(&self, change: SettingsChange) -> Result<InstanceSettings, StoreError>;

    /// Puts a number on the blocklist; the answer is the entry that is there, be it an older one.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn block(&self, number: &BlockedNumber) -> Result<BlockedNumber, StoreError>;

    /// Takes a number off; the answer is what was taken off, if it was there.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn unblock(&self, id: &BlocklistId) -> Result<Option<BlockedNumber>, StoreError>;

    /// The blocklist, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn blocked(&self) -> Result<Vec<BlockedNumber>, StoreError>;

    /// Whether a number is on the blocklist.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn is_blocked(&self, number: &E164) -> Result<bool, StoreError>;

    /// Puts a number on the allowlist; the answer is the entry that is there, be it an older one.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn allow(&self, number: &AllowedNumber) -> Result<AllowedNumber, StoreError>;

    /// Takes a number off; the answer is what was taken off, if it was there.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn disallow(&self, id: &AllowlistId) -> Result<Option<AllowedNumber>, StoreError>;

    /// The allowlist, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn allowed(&self) -> Result<Vec<AllowedNumber>, StoreError>;

    /// Whether a number is on the allowlist.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn is_allowed(&self, number: &E164) -> Result<bool, StoreError>;
}
