//! The instance's settings and blocklist, by secret key (contract 8.5).

use super::super::{AuthError, UseCases};
use crate::{BlockedNumber, BlocklistId, E164, InstanceSettings, SettingsChange};

impl UseCases {
    /// Reads the settings and lets them rule from now on.
    ///
    /// # Errors
    /// [`AuthError::User`] if the store fails.
    pub async fn instance_settings(&self) -> Result<InstanceSettings, AuthError> {
        let settings = self.ports.instance.settings().await?;
        self.policy.live.set(settings.clone());
        Ok(settings)
    }

    /// Changes what is given, here at once; other processes follow when they next read the settings.
    ///
    /// # Errors
    /// [`AuthError::User`] if the store fails.
    pub async fn change_instance(&self, change: SettingsChange) -> Result<InstanceSettings, AuthError> {
        let settings = self.ports.instance.change_settings(change).await?;
        self.policy.live.set(settings.clone());
        Ok(settings)
    }

    /// Lets nobody sign up with a number. A user who has it keeps it.
    ///
    /// # Errors
    /// [`AuthError::User`] if the store fails.
    pub async fn block_number(&self, number: E164) -> Result<BlockedNumber, AuthError> {
        let now = self.now();
        let entry = BlockedNumber {
            id: BlocklistId::generate(now, &*self.ports.entropy),
            number,
            created_at: now,
        };
        Ok(self.ports.instance.block(&entry).await?)
    }

    /// Takes a number off the blocklist.
    ///
    /// # Errors
    /// [`AuthError::NotFound`].
    pub async fn unblock_number(&self, id: &BlocklistId) -> Result<BlockedNumber, AuthError> {
        self.ports.instance.unblock(id).await?.ok_or(AuthError::NotFound)
    }

    /// The blocklist, newest first.
    ///
    /// # Errors
    /// [`AuthError::User`] if the store fails.
    pub async fn blocklist(&self) -> Result<Vec<BlockedNumber>, AuthError> {
        Ok(self.ports.instance.blocked().await?)
    }
}
