use async_trait::async_trait;

use super::StoreError;
use crate::instance::{BlockedNumber, InstanceSettings, SettingsChange};
use crate::{BlocklistId, E164};

/// Keeps what a back end changes about an instance: its settings and its blocklist.
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
}
