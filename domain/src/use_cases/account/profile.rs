use serde_json::{Map, Value};

use super::super::{AuthError, Done, UseCases, UserError};
use crate::actor::{Action, Actor};
use crate::profile::{Patch, ShortText, Username};
use crate::{PhoneNumberId, User};

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

impl UseCases {
    /// The user as the user sees it. Made at first sight of an identity provider's token.
    ///
    /// # Errors
    /// [`AuthError::User`] with `Banned` or `Store`.
    pub async fn own_account(&self, actor: &Actor) -> Result<Done<User>, AuthError> {
        let done = self.act(actor, Action::Read, None, |_| Ok(())).await?;
        Ok(done.of_user(actor, ())?.map(|(user, ())| user))
    }

    /// Merges `given` into the metadata that the user may write; null removes a key.
    ///
    /// # Errors
    /// [`AuthError::User`] with `Profile` if they grow too large, `Banned` or `Locked`.
    pub async fn update_own_metadata(
        &self,
        actor: &Actor,
        given: &Map<String, Value>,
    ) -> Result<Done<User>, AuthError> {
        let done = self
            .act(actor, Action::EditProfile, None, |user| {
                let stored = &mut user.profile.unsafe_metadata;
                *stored = stored.merged(given)?;
                Ok(())
            })
            .await?;
        Ok(done.of_user(actor, ())?.map(|(user, ())| user))
    }

    /// Deletes the user at the user's own wish; the numbers become free. Who comes back with the
    /// token of an outside identity provider is a new user under the same id.
    ///
    /// # Errors
    /// [`AuthError::User`] with `DeleteSelfDisabled`, `NoSuchUser`, `Banned` or `Locked`;
    /// [`AuthError::ReverificationRequired`].
    pub async fn delete_own_account(&self, actor: &Actor) -> Result<Done<()>, AuthError> {
        if actor.user().is_none() {
            return Err(UserError::NoSuchUser.into());
        }
        self.act_on(actor, Action::DeleteAccount, None, |draft| {
            if !draft.user()?.delete_self_enabled {
                return Err(UserError::DeleteSelfDisabled.into());
            }
            draft.delete_user();
            Ok(())
        })
        .await
    }

    /// Changes names and primary number.
    ///
    /// # Errors
    /// [`AuthError::User`] with `Phone` if the number is not the user's or not verified, `Taken` for a username, `Banned` or
    /// `Locked`; [`AuthError::ReverificationRequired`] for the primary number.
    pub async fn update_own_profile(&self, actor: &Actor, update: &ProfileUpdate) -> Result<Done<User>, AuthError> {
        let action = match update.primary {
            Some(_) => Action::MakePrimary,
            None => Action::EditProfile,
        };
        let done = self.act(actor, action, None, |user| update.apply(user)).await?;
        Ok(done.of_user(actor, ())?.map(|(user, ())| user))
    }
}

impl ProfileUpdate {
    pub(in super::super) fn apply(&self, user: &mut User) -> Result<(), AuthError> {
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
