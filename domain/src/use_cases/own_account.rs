use super::{UserError, Users};
use crate::profile::{ShortText, Username};
use crate::{PhoneNumberId, User, UserId};

/// What a user changes of the own profile. The outer `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct ProfileUpdate {
    /// Given name; `Some(None)` clears it.
    pub first_name: Option<Option<ShortText>>,
    /// Family name; `Some(None)` clears it.
    pub last_name: Option<Option<ShortText>>,
    /// Unique name; `Some(None)` clears it.
    pub username: Option<Option<Username>>,
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
        if let Some(first_name) = &self.first_name {
            profile.first_name.clone_from(first_name);
        }
        if let Some(last_name) = &self.last_name {
            profile.last_name.clone_from(last_name);
        }
        if let Some(username) = &self.username {
            profile.username.clone_from(username);
        }
        if let Some(primary) = &self.primary {
            user.phones.make_primary(primary)?;
        }
        Ok(())
    }
}
