use super::{UserError, Users};
use crate::{BackupCode, PhoneError, User, UserId};

impl Users {
    /// Replaces the backup codes of a user by a new set, shown this once.
    ///
    /// # Errors
    /// [`UserError::Phone`] with `NoSecondFactor`, also where the instance has no backup codes;
    /// [`UserError::Banned`], [`UserError::Store`].
    pub async fn renew_backup_codes(&self, user: &UserId) -> Result<(User, Vec<BackupCode>), UserError> {
        if !self.policy.backup_codes {
            return Err(PhoneError::NoSecondFactor.into());
        }
        let (codes, hashes) = self.fresh_backup_codes(user);
        let loaded = self.load(user).await?;
        let (user, ()) = self
            .change_own(user, loaded, self.now(), |user| {
                Ok(user.phones.renew_backup_codes(&hashes)?)
            })
            .await?;
        Ok((user, codes))
    }
}
