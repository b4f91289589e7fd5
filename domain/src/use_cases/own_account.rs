use serde_json::{Map, Value};

use super::{UserError, Users};
use crate::change::delete;
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

    /// Merges `given` into the metadata that the user may write; null removes a key.
    ///
    /// # Errors
    /// [`UserError::Profile`] if they grow too large; [`UserError::Banned`], [`UserError::Store`].
    pub async fn update_own_metadata(&self, id: &UserId, given: &Map<String, Value>) -> Result<User, UserError> {
        let loaded = self.load(id).await?;
        let (user, ()) = self
            .change_own(id, loaded, self.now(), |user| {
                let stored = &mut user.profile.unsafe_metadata;
                *stored = stored.merged(given)?;
                Ok(())
            })
            .await?;
        Ok(user)
    }

    /// Deletes the user at the user's own wish; the numbers become free. Who comes back with the
    /// token of an outside identity provider is a new user under the same id.
    ///
    /// # Errors
    /// [`UserError::DeleteSelfDisabled`], [`UserError::NoSuchUser`], [`UserError::Banned`],
    /// [`UserError::Store`].
    pub async fn delete_own_account(&self, id: &UserId) -> Result<(), UserError> {
        let permit = |user: &User| match user {
            user if user.banned => Err(UserError::Banned),
            user if !user.delete_self_enabled => Err(UserError::DeleteSelfDisabled),
            _ => Ok(()),
        };
        delete(&*self.ports.repository, id, permit).await?;
        Ok(())
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
