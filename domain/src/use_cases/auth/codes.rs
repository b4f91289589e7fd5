//! Drawing codes and texting them, for whatever purpose.

use super::sign_in::may_sign_in;
use super::{Address, Auth, AuthError, Changed, Visit};
use crate::proof::{Proof, Strategy};
use crate::use_cases::draw::{Drawn, Recipient};
use crate::use_cases::{Prepared, UserError, Users};
use crate::{Client, CodeHash, Message, PhoneError, PhoneNumber, PhoneNumberId, Purpose, User, UserId};

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

    /// Texts a code of `user` to `to` as a new proof of `strategy`, in the place of the one that `slot` finds in the client.
    /// What `slot` refuses, nothing is committed for.
    pub(super) async fn text_proof(
        &self,
        visit: &Visit,
        user: &User,
        to: &PhoneNumber,
        purpose: Purpose<'_>,
        strategy: Strategy,
        slot: impl Fn(&mut Client) -> Result<&mut Option<Proof>, AuthError> + Send + Sync,
    ) -> Result<Changed<()>, AuthError> {
        let now = self.now();
        let recipient = Recipient {
            number: &to.number,
            phone_number: Some(&to.id),
            user: Some(user),
        };
        let Drawn { hash, message } = self.draw(visit, recipient, purpose).await?;
        let changed = self
            .change_client(&visit.carrying(message.as_ref()), |client| {
                let proof = slot(client)?;
                Proof::must_be_due(proof.as_ref(), now, self.policy())?;
                *proof = Some(Proof::texted(strategy, to.id.clone(), hash, now, self.policy()));
                Ok(())
            })
            .await?;
        self.send(message).await?;
        Ok(changed)
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
        let loaded = users.load(user).await?;
        let known = loaded.as_ref().map(|loaded| &loaded.aggregate);
        // What is refused anyway is not charged.
        if let Some(known) = known.filter(|user| may_sign_in(user, self.now()).is_ok()) {
            let number = known.phones.get(id).ok_or(PhoneError::NotFound)?.number.clone();
            let nothing = CodeHash::from_bytes([0; 32]);
            known.phones.clone().prepare(id, nothing, self.now(), self.policy())?;
            self.policy().admit(&number).map_err(UserError::from)?;
            if !self.policy().is_test(&number) {
                self.limit_codes(&number, Some(user), address).await?;
            }
        }
        Ok(users.prepare_loaded(user, loaded, id).await?)
    }

    /// Sends what is committed.
    pub(super) async fn send(&self, message: Option<Message>) -> Result<(), AuthError> {
        self.users.send(message).await?;
        Ok(())
    }
}
