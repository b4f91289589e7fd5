use super::{UserError, Users};
use crate::profile::{Patch, ShortText, Username};
use crate::{PhoneNumberId, User, UserId};

/// What a user changes of the own profile.
#[derive(Debug, Clone, Default)]
pub struct ProfileUpdate {
    /// Given name.
    pub first_name: Patch<ShortText>,
    /// Family name.
    pub last_name: Patch<ShortText>,
    /// Unique name.
    pub username: Patch<Username>,
    /// The new primary number.
    pub primary: Option<PhoneNumberId>,
}

impl Users {
    /// The user as the user sees it. Made at first sight.
    ///
    /// # Errors
    /// [`UserError::Banned`], [`UserError::Store`].
    pub async fn own_account(&self, id: &UserId) -> Result<User, UserError> {
        let loaded = self.load(id).await?;
        let (user, ()) = self.change_own(id, loaded, self.now(), |_| Ok(())).await?;
        Ok(user)
    }

    /// Changes names and primary number.
    ///
    /// # Errors
    /// [`UserError::Phone`] if the number is not the user's or not verified;
    /// [`UserError::Taken`] for a username; [`UserError::Banned`], [`UserError::Store`].
    pub async fn update_own_profile(&self, id: &UserId, update: &ProfileUpdate) -> Result<User, UserError> {
        let loaded = self.load(id).await?;
        let (user, ()) = self
            .change_own(id, loaded, self.now(), |user| update.apply(user))
            .await?;
        Ok(user)
    }
}

impl ProfileUpdate {
    pub(super) fn apply(&self, user: &mut User) -> Result<(), UserError> {
        let profile = &mut user.profile;
        self.first_name.apply(&mut profile.first_name);
        self.last_name.apply(&mut profile.last_name);
        self.username.apply(&mut profile.username);
        if let Some(primary) = &self.primary {
            user.phones.make_primary(primary)?;
        }
        Ok(())
    }
}
