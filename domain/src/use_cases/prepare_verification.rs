use super::draw::{Drawn, Recipient};
use super::{UserError, Users};
use crate::ports::Loaded;
use crate::{PhoneError, PhoneNumberId, Purpose, User, UserId};

/// A code is out.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The user afterwards.
    pub user: User,
    /// Whether a text was handed to the gateway; test numbers get none.
    pub texted: bool,
}

impl Users {
    /// `prepareVerification()`: makes a new code, keeps its keyed hash, and texts it.
    ///
    /// The text is committed with the code, so a code that arrives always works, and a text that no provider takes
    /// at once is tried again while its code is valid.
    ///
    /// # Errors
    /// [`UserError::Phone`] with `NotFound`, `AlreadyVerified`, `TooSoon`, or `Taken` by another
    /// user meanwhile; [`UserError::NotAllowed`]; [`UserError::Locked`]; [`UserError::NotSent`];
    /// [`UserError::Banned`], [`UserError::Store`].
    pub async fn prepare_verification(&self, user: &UserId, id: &PhoneNumberId) -> Result<Prepared, UserError> {
        let loaded = self.load(user).await?;
        self.prepare_loaded(user, loaded, id).await
    }

    /// The same for a user who was just loaded.
    pub(super) async fn prepare_loaded(
        &self,
        user: &UserId,
        loaded: Option<Loaded<User>>,
        id: &PhoneNumberId,
    ) -> Result<Prepared, UserError> {
        let now = self.now();
        let known = loaded.as_ref().and_then(|loaded| loaded.aggregate.phones.get(id));
        let number = known.ok_or(PhoneError::NotFound)?.number.clone();
        self.policy.admit(&number)?;
        self.must_not_be_anothers(user, &number).await?;

        let recipient = Recipient {
            number: &number,
            phone_number: Some(id),
            user: loaded.as_ref().map(|loaded| &loaded.aggregate),
        };
        let Drawn { hash, message } = self.draw(recipient, Purpose::VerifyNumber(id));
        let (user, ()) = self
            .carrying(message.as_ref())
            .change_own(user, loaded, now, |user| {
                if let Some(left) = user.locked_for(now) {
                    return Err(UserError::Locked { left });
                }
                Ok(user.phones.prepare(id, hash, now, &self.policy)?)
            })
            .await?;
        let texted = self.send(message).await?;
        Ok(Prepared { user, texted })
    }
}
