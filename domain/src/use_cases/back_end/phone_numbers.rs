use super::super::{AuthError, UseCases, UserError};
use crate::change::Slot;
use crate::ports::Loaded;
use crate::user_phones::{AdminNumber, Standing};
use crate::{BackupCode, E164, PhoneError, PhoneNumberId, User, UserId};

/// A number that a back end adds to a user.
#[derive(Debug, Clone)]
pub struct NewPhoneNumber {
    /// The number.
    pub number: E164,
    /// What the back end vouches for.
    pub standing: Standing,
    /// Whether it becomes the primary number; the first verified one does anyway.
    pub primary: bool,
    /// Whether it becomes a second factor.
    pub reserved_for_second_factor: bool,
}

/// What a back end changes about a number. `None` leaves it as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct AdminUpdate {
    /// Whether it counts as proven.
    pub verified: Option<bool>,
    /// Whether it is the primary one; `false` asks for nothing.
    pub primary: Option<bool>,
    /// Whether it is a second factor.
    pub reserved_for_second_factor: Option<bool>,
}

impl UseCases {
    /// Adds a number to a user at a back end's word: any country, no cap.
    ///
    /// # Errors
    /// [`AuthError::User`] with `NoSuchUser`, `Taken`, or `Phone` of `Taken`, `NewSecondFactorUnverified` or
    /// `PrimaryUnverified`.
    pub async fn create_phone_number(
        &self,
        user: &UserId,
        new: NewPhoneNumber,
    ) -> Result<(User, PhoneNumberId, Option<Vec<BackupCode>>), AuthError> {
        let now = self.now();
        self.ensure_not_owned_by_another(user, &new.number).await?;
        let id = PhoneNumberId::generate(now, &*self.ports.entropy);
        let (codes, hashes) = self.backup_codes_for(user, new.reserved_for_second_factor);
        let number = AdminNumber {
            id: id.clone(),
            number: new.number,
            standing: new.standing,
            primary: new.primary,
            reserved_for_second_factor: new.reserved_for_second_factor,
        };
        let (user, issued) = self
            .change_as_back_end(Slot::named(user.clone()), None, |user| {
                Ok(user.phones.add_by_admin(number.clone(), &hashes, now)?)
            })
            .await?;
        Ok((user, id, issued.then_some(codes)))
    }

    /// One number, with its user.
    ///
    /// # Errors
    /// [`AuthError::User`] with `Phone` of `NotFound`.
    pub async fn phone_number(&self, id: &PhoneNumberId) -> Result<User, AuthError> {
        Ok(self.user_with_number(id).await?.aggregate)
    }

    pub(super) async fn user_with_number(&self, id: &PhoneNumberId) -> Result<Loaded<User>, AuthError> {
        let loaded = self.ports.users.load(&self.owner_of_id(id).await?).await?;
        // Between the two questions the user may have gone, or the number.
        let user = loaded.filter(|user| user.aggregate.phones.get(id).is_some());
        Ok(user.ok_or(PhoneError::NotFound)?)
    }

    /// Changes a number at a back end's word, all of it as one change.
    ///
    /// # Errors
    /// [`AuthError::User`] with `Phone` with `NotFound`, `SecondFactorUnverified` or `PrimaryUnverified`; `Taken` if another
    /// user owns it; [`AuthError::User`] with `Store`.
    pub async fn update_phone_number(
        &self,
        id: &PhoneNumberId,
        update: AdminUpdate,
    ) -> Result<(User, Option<Vec<BackupCode>>), AuthError> {
        let now = self.now();
        let user = self.owner_of_id(id).await?;
        let (codes, hashes) = self.backup_codes_for(&user, update.reserved_for_second_factor == Some(true));
        let (user, issued) = self
            .change_as_back_end(Slot::named(user), None, |user| {
                let phones = &mut user.phones;
                phones.get(id).ok_or(PhoneError::NotFound)?;
                if let Some(verified) = update.verified {
                    phones.set_verified(id, verified, now)?;
                }
                if update.primary == Some(true) {
                    phones.make_primary(id)?;
                }
                match update.reserved_for_second_factor {
                    Some(true) => Ok(phones.reserve_by_admin(id, &hashes, now)?),
                    Some(false) => {
                        phones.unreserve(id, now)?;
                        Ok(false)
                    }
                    None => Ok(false),
                }
            })
            .await
            .map_err(user_is_number)?;
        Ok((user, issued.then_some(codes)))
    }

    /// Removes a number, be it the last.
    ///
    /// # Errors
    /// [`AuthError::User`] with `Phone` with `NotFound`; [`AuthError::User`] with `Store`.
    pub async fn delete_phone_number(&self, id: &PhoneNumberId) -> Result<(), AuthError> {
        let now = self.now();
        let user = self.owner_of_id(id).await?;
        let removed = self
            .change_as_back_end(Slot::named(user), None, |user| {
                Ok(user.phones.remove_by_admin(id, now)?)
            })
            .await;
        removed.map(|_| ()).map_err(user_is_number)
    }

    /// Puts one number in the place of all numbers of a user.
    ///
    /// # Errors
    /// [`AuthError::User`] with `NoSuchUser`; [`AuthError::User`] with `Phone` with `Taken`; `Taken`.
    pub async fn replace_phone_numbers(
        &self,
        user: &UserId,
        number: &E164,
        standing: Standing,
    ) -> Result<(User, PhoneNumberId), AuthError> {
        let now = self.now();
        self.ensure_not_owned_by_another(user, number).await?;
        let id = PhoneNumberId::generate(now, &*self.ports.entropy);
        let new = AdminNumber {
            id,
            number: number.clone(),
            standing,
            primary: true,
            reserved_for_second_factor: false,
        };
        let (user, id) = self
            .change_as_back_end(Slot::named(user.clone()), None, |user| {
                user.phones.replace_all(new.clone(), now);
                user.phones
                    .numbers()
                    .first()
                    .map(|number| number.id.clone())
                    .ok_or(PhoneError::NotFound.into())
            })
            .await?;
        Ok((user, id))
    }

    async fn owner_of_id(&self, id: &PhoneNumberId) -> Result<UserId, AuthError> {
        Ok(self.ports.directory.user_with(id).await?.ok_or(PhoneError::NotFound)?)
    }
}

/// The caller named a number; that its user went meanwhile means that the number is gone.
fn user_is_number(error: AuthError) -> AuthError {
    match error {
        AuthError::User(UserError::NoSuchUser) => PhoneError::NotFound.into(),
        other => other,
    }
}
