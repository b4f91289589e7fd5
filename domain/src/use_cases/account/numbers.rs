use super::super::{AuthError, Done, UseCases};
use crate::actor::{Action, Actor};
use crate::ports::StoreError;
use crate::{E164, PhoneError, PhoneNumberId, User, UserId};

impl UseCases {
    /// `create()`: adds a number to a user, unverified.
    ///
    /// # Errors
    /// [`AuthError::User`] with `NotAllowed`, `Phone` with `Taken` (on this user already, or verified by another) or
    /// `TooManyUnverified`, `Banned`, `Locked`; [`AuthError::ReverificationRequired`], [`AuthError::TooOften`].
    pub async fn add_phone_number(
        &self,
        actor: &Actor,
        number: &E164,
    ) -> Result<Done<(User, PhoneNumberId)>, AuthError> {
        self.permit(actor, Action::AddNumber)?;
        self.policy.admit(number)?;
        self.limit_new_numbers(actor.user_id()).await?;
        if !self.policy.enumeration_protection {
            self.ensure_not_owned_by_another(actor.user_id(), number).await?;
        }
        let now = self.now();
        let id = PhoneNumberId::generate(now, &*self.ports.entropy);
        self.act(actor, Action::AddNumber, None, |user| {
            Ok(user.phones.add(id.clone(), number.clone(), now, &self.policy)?)
        })
        .await?
        .of_user(actor, id)
    }

    /// `destroy()`: removes a number; default second factor and primary number pass on.
    ///
    /// # Errors
    /// [`AuthError::User`] with `Phone` of `NotFound`, `LastIdentificationRemoved` or `LastSecondFactor`, `Banned`,
    /// `Locked`; [`AuthError::ReverificationRequired`].
    pub async fn remove_phone_number(&self, actor: &Actor, id: &PhoneNumberId) -> Result<Done<()>, AuthError> {
        let now = self.now();
        self.act(actor, Action::RemoveNumber, None, |user| {
            Ok(user.phones.remove(id, now, &self.policy)?)
        })
        .await
    }

    /// Refuses a number that another user owns. The commit decides in the end; this one keeps
    /// texts from going to a number that can no longer be won.
    pub(in super::super) async fn ensure_not_owned_by_another(
        &self,
        user: &UserId,
        number: &E164,
    ) -> Result<(), AuthError> {
        match self.owner_of(number).await? {
            Some(owner) if owner != *user => Err(PhoneError::Taken.into()),
            Some(_) | None => Ok(()),
        }
    }

    pub(in super::super) async fn owner_of(&self, number: &E164) -> Result<Option<UserId>, StoreError> {
        self.ports.directory.owner_of(number).await
    }
}
