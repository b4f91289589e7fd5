use super::{UserError, Users};
use crate::{BackupCode, PhoneNumberId, User, UserId};

/// What shall change about a number as a second factor.
#[derive(Debug, Clone, Copy, Default)]
pub struct SecondFactorUpdate {
    /// Whether it is one.
    pub reserved: Option<bool>,
    /// Whether it is the default one.
    pub default: Option<bool>,
}

impl Users {
    /// `setReservedForSecondFactor()` and `makeDefaultSecondFactor()`, in this order and as one
    /// change. The answer has the backup codes if this turned the second factor on: they are
    /// shown this once.
    ///
    /// # Errors
    /// [`UserError::Phone`] with `NotFound`, `SecondFactorUnverified`, `LastIdentificationReserved`,
    /// `NotASecondFactor` or `DefaultNeeded`; [`UserError::Banned`], [`UserError::Store`].
    pub async fn update_second_factor(
        &self,
        user: &UserId,
        id: &PhoneNumberId,
        update: SecondFactorUpdate,
    ) -> Result<(User, Option<Vec<BackupCode>>), UserError> {
        let now = self.now();
        let (codes, hashes) = match update.reserved {
            Some(true) if self.policy.backup_codes => self.fresh_backup_codes(user),
            _ => (Vec::new(), Vec::new()),
        };
        let loaded = self.load(user).await?;
        let (user, issued) = self
            .change_own(user, loaded, now, |user| {
                let phones = &mut user.phones;
                let mut issued = false;
                match update.reserved {
                    Some(true) => issued = phones.reserve(id, &hashes, now, &self.policy)?,
                    Some(false) => {
                        phones.must_stay_protected(id, &self.policy)?;
                        phones.unreserve(id, now)?;
                    }
                    None => phones.get(id).map(|_| ()).ok_or(crate::PhoneError::NotFound)?,
                }
                match update.default {
                    Some(true) => phones.make_default_second_factor(id)?,
                    Some(false) => phones.must_not_be_default(id)?,
                    None => {}
                }
                Ok(issued)
            })
            .await?;
        Ok((user, issued.then_some(codes)))
    }
}
