//! The instance's settings and the lists of numbers that decide who is let in, by secret key.

use super::super::{AuthError, UseCases};
use crate::{AllowedNumber, AllowlistId, BlockedNumber, BlocklistId, E164, Entrance, InstanceSettings, SettingsChange};

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

    /// Lets a number in while the allowlist is on.
    ///
    /// # Errors
    /// [`AuthError::User`] if the store fails.
    pub async fn allow_number(&self, number: E164) -> Result<AllowedNumber, AuthError> {
        let now = self.now();
        let entry = AllowedNumber {
            id: AllowlistId::generate(now, &*self.ports.entropy),
            number,
            created_at: now,
        };
        Ok(self.ports.instance.allow(&entry).await?)
    }

    /// Takes a number off the allowlist.
    ///
    /// # Errors
    /// [`AuthError::NotFound`].
    pub async fn disallow_number(&self, id: &AllowlistId) -> Result<AllowedNumber, AuthError> {
        self.ports.instance.disallow(id).await?.ok_or(AuthError::NotFound)
    }

    /// The allowlist, newest first.
    ///
    /// # Errors
    /// [`AuthError::User`] if the store fails.
    pub async fn allowlist(&self) -> Result<Vec<AllowedNumber>, AuthError> {
        Ok(self.ports.instance.allowed().await?)
    }

    /// Refuses a number that the lists keep out by this entrance.
    ///
    /// # Errors
    /// [`AuthError::Blocked`].
    pub(in super::super) async fn ensure_let_in(&self, number: &E164, entrance: Entrance) -> Result<(), AuthError> {
        let restrictions = self.policy.live.read(InstanceSettings::restrictions);
        if entrance == Entrance::SignIn && restrictions.spare_sign_ins {
            return Ok(());
        }
        let instance = &self.ports.instance;
        let kept_out = (restrictions.blocklist && instance.is_blocked(number).await?)
            || (restrictions.allowlist && !instance.is_allowed(number).await?);
        if kept_out {
            Err(AuthError::Blocked(entrance))
        } else {
            Ok(())
        }
    }

    /// The blocklist, newest first.
    ///
    /// # Errors
    /// [`AuthError::User`] if the store fails.
    pub async fn blocklist(&self) -> Result<Vec<BlockedNumber>, AuthError> {
        Ok(self.ports.instance.blocked().await?)
    }
}
