use super::super::{AuthError, Done, UseCases};
use crate::actor::{Action, Actor};
use crate::{BackupCode, CodeHash, PhoneError, PhoneNumberId, User, UserId};

/// What shall change about a number as a second factor.
#[derive(Debug, Clone, Copy, Default)]
pub struct SecondFactorUpdate {
    /// Whether it is one.
    pub reserved: Option<bool>,
    /// Whether it is the default one.
    pub default: Option<bool>,
}

impl UseCases {
    /// `setReservedForSecondFactor()` and `makeDefaultSecondFactor()`, in this order and as one
    /// change. The answer has the backup codes if this turned the second factor on: they are
    /// shown this once.
    ///
    /// # Errors
    /// [`AuthError::User`] with `Phone` of `NotFound`, `SecondFactorUnverified`, `LastIdentificationReserved`,
    /// `NotASecondFactor` or `DefaultNeeded`, `Banned`, `Locked`; [`AuthError::ReverificationRequired`].
    pub async fn update_second_factor(
        &self,
        actor: &Actor,
        id: &PhoneNumberId,
        update: SecondFactorUpdate,
    ) -> Result<Done<(User, Option<Vec<BackupCode>>)>, AuthError> {
        let now = self.now();
        let (codes, hashes) = self.backup_codes_for(actor.user_id(), update.reserved == Some(true));
        let done = self
            .act(actor, Action::ChangeSecondFactor, None, |user| {
                let phones = &mut user.phones;
                let mut issued = false;
                match update.reserved {
                    Some(true) => issued = phones.reserve(id, &hashes, now, &self.policy)?,
                    Some(false) => {
                        phones.must_stay_protected(id, &self.policy)?;
                        phones.unreserve(id, now)?;
                    }
                    None => phones.get(id).map(|_| ()).ok_or(PhoneError::NotFound)?,
                }
                match update.default {
                    Some(true) => phones.make_default_second_factor(id)?,
                    Some(false) => phones.must_not_be_default(id)?,
                    None => {}
                }
                Ok(issued)
            })
            .await?;
        let codes = done.outcome.then_some(codes);
        done.of_user(actor, codes)
    }

    /// Replaces the backup codes of a user by a new set, shown this once.
    ///
    /// # Errors
    /// [`AuthError::User`] with `Phone` of `NoSecondFactor`, also where the instance has no backup codes, `Banned`,
    /// `Locked`; [`AuthError::ReverificationRequired`].
    pub async fn renew_backup_codes(&self, actor: &Actor) -> Result<Done<Vec<BackupCode>>, AuthError> {
        self.permit(actor, Action::RenewBackupCodes)?;
        if !self.policy.backup_codes {
            return Err(PhoneError::NoSecondFactor.into());
        }
        let (codes, hashes) = self.fresh_backup_codes(actor.user_id());
        let done = self
            .act(actor, Action::RenewBackupCodes, None, |user| {
                Ok(user.phones.renew_backup_codes(&hashes)?)
            })
            .await?;
        Ok(done.map(|()| codes))
    }

    /// The codes that a user gets when a second factor is turned on; none where there are none.
    pub(in super::super) fn backup_codes_for(
        &self,
        user: &UserId,
        second_factor: bool,
    ) -> (Vec<BackupCode>, Vec<CodeHash>) {
        if second_factor && self.policy.backup_codes {
            self.fresh_backup_codes(user)
        } else {
            (Vec::new(), Vec::new())
        }
    }

    /// A new set of backup codes, as they are shown and as they are stored.
    fn fresh_backup_codes(&self, user: &UserId) -> (Vec<BackupCode>, Vec<CodeHash>) {
        let codes = BackupCode::generate_set(&*self.ports.entropy);
        let hashes = self.hash_backup_codes(user, &codes);
        (codes, hashes)
    }

    pub(in super::super) fn hash_backup_codes(&self, user: &UserId, codes: &[BackupCode]) -> Vec<CodeHash> {
        codes.iter().map(|code| self.hasher.backup(user, code)).collect()
    }
}
