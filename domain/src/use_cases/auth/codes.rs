//! Drawing codes and texting them, for whatever purpose.

use super::{Address, Auth, AuthError, Visit};
use crate::use_cases::draw::{Drawn, Recipient};
use crate::use_cases::{Prepared, UserError, Users};
use crate::{CodeHash, Message, PhoneError, PhoneNumberId, Purpose, UserId};

impl Auth {
    /// Draws a code and writes its text, if the number may be texted at all and not too many were.
    pub(super) async fn draw(
        &self,
        visit: &Visit,
        to: Recipient<'_>,
        purpose: Purpose<'_>,
    ) -> Result<Drawn, AuthError> {
        let policy = self.policy();
        policy.admit(to.number).map_err(UserError::from)?;
        if !policy.is_test(to.number) {
            self.limit_codes(to.number, to.user.map(|user| &user.id), visit.address)
                .await?;
        }
        Ok(self.users.in_language(visit.locale.clone()).draw(to, purpose))
    }

    /// `prepareVerification()` of a user's number, if not too many codes were sent; see
    /// [`Users::prepare_verification`].
    ///
    /// # Errors
    /// [`AuthError::TooManyCodes`], and those of the other one.
    pub async fn prepare_verification(
        &self,
        users: &Users,
        user: &UserId,
        id: &PhoneNumberId,
        address: Option<Address>,
    ) -> Result<Prepared, AuthError> {
        let loaded = users.load(user).await?.map(|loaded| loaded.aggregate);
        // What is refused anyway is not charged.
        if let Some(known) = loaded.filter(|user| !user.banned && user.locked_for(self.now()).is_none()) {
            let number = known.phones.get(id).ok_or(PhoneError::NotFound)?.number.clone();
            let nothing = CodeHash::from_bytes([0; 32]);
            known.phones.clone().prepare(id, nothing, self.now(), self.policy())?;
            self.policy().admit(&number).map_err(UserError::from)?;
            if !self.policy().is_test(&number) {
                self.limit_codes(&number, Some(user), address).await?;
            }
        }
        Ok(users.prepare_verification(user, id).await?)
    }

    /// Sends what is committed.
    pub(super) async fn send(&self, message: Option<Message>) -> Result<(), AuthError> {
        self.users.send(message).await?;
        Ok(())
    }
}
