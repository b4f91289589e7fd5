use futures_util::future::try_join;

use super::{UserError, Users};
use crate::{E164, PhoneNumberId, User, UserId};

impl Users {
    /// `create()`: adds a number to a user, unverified.
    ///
    /// # Errors
    /// [`UserError::NotAllowed`]; [`UserError::Phone`] with `Taken` (on this user already, or
    /// verified by another) or `TooManyUnverified`; [`UserError::Banned`], [`UserError::Store`].
    pub async fn add_phone_number(&self, user: &UserId, number: &E164) -> Result<(User, PhoneNumberId), UserError> {
        let now = self.now();
        self.policy.admit(number)?;
        let not_anothers = self.must_not_be_anothers(user, number);
        let loaded = async { Ok(self.load(user).await?) };
        let ((), loaded) = try_join(not_anothers, loaded).await?;
        let id = PhoneNumberId::generate(now, &*self.ports.entropy);
        let (user, ()) = self
            .change_own(user, loaded, now, |user| {
                Ok(user.phones.add(id.clone(), number.clone(), now, &self.policy)?)
            })
            .await?;
        Ok((user, id))
    }
}
