use super::{UserError, Users};
use crate::{PhoneNumberId, User, UserId};

impl Users {
    /// `destroy()`: removes a number; default second factor and primary number pass on.
    ///
    /// # Errors
    /// [`UserError::Phone`] with `NotFound` or `LastIdentificationRemoved`; [`UserError::Banned`],
    /// [`UserError::Store`].
    pub async fn remove_phone_number(&self, user: &UserId, id: &PhoneNumberId) -> Result<User, UserError> {
        let now = self.now();
        let loaded = self.load(user).await?;
        let (user, ()) = self
            .change_own(user, loaded, now, |user| {
                Ok(user.phones.remove(id, now, &self.policy)?)
            })
            .await?;
        Ok(user)
    }
}
