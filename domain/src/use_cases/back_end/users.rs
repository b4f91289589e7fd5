use serde_json::{Map, Value};

use super::super::account::ProfileUpdate;
use super::super::consequences::By;
use super::super::{AuthError, UseCases, UserError};
use crate::change::{Draft, Slot};
use crate::ports::{UserFilter, UserPlace, UserQuery};
use crate::profile::{Metadata, Patch, Profile, ShortText};
use crate::user_phones::{AdminNumber, Standing};
use crate::{BackupCode, E164, EmailAddress, Password, PhoneNumberId, Timestamp, User, UserId};

/// A user that a back end makes.
#[derive(Debug, Clone, Default)]
pub struct NewUser {
    /// Names and notes.
    pub profile: Profile,
    /// The numbers with what the back end vouches for; the first verified one becomes primary.
    pub numbers: Vec<(E164, Standing)>,
    /// Backup codes that the user holds already.
    pub backup_codes: Vec<BackupCode>,
    /// When the user was made elsewhere; never in the future.
    pub created_at: Option<Timestamp>,
    /// Whether the user is kept out.
    pub banned: bool,
    /// Whether the user starts locked.
    pub locked: bool,
    /// Whether the user may delete the account; yes by default.
    pub delete_self_enabled: Option<bool>,
    /// The password.
    pub password: Option<Password>,
    /// Whether the user may be without any number, where users sign in by number.
    pub may_lack_number: bool,
}

/// What a back end changes of a user's profile. `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct AdminProfileUpdate {
    /// What the user could change too.
    pub profile: ProfileUpdate,
    /// The id in the application's own system.
    pub external_id: Patch<ShortText>,
    /// The language.
    pub locale: Patch<ShortText>,
    /// Where the user is told of changes.
    pub notice_email: Patch<EmailAddress>,
    /// Whether the user may delete the account.
    pub delete_self_enabled: Option<bool>,
    /// Backup codes in the place of the present ones.
    pub backup_codes: Option<Vec<BackupCode>>,
    /// A password in the place of the present one.
    pub password: Option<Password>,
    /// Whether every session of the user ends.
    pub sign_out: bool,
}

/// New metadata, field by field; `None` leaves one as it is.
#[derive(Debug, Clone, Default)]
pub struct MetadataUpdate {
    /// Written by the back end, read by everyone.
    pub public: Option<Map<String, Value>>,
    /// Written and read by the back end alone.
    pub private: Option<Map<String, Value>>,
    /// Written and read by the user as well.
    pub unsafe_: Option<Map<String, Value>>,
    /// Whether a given field replaces the stored one as a whole, rather than being merged into it.
    pub replace: bool,
}

impl UseCases {
    /// Makes a user with numbers that are taken at the back end's word.
    ///
    /// # Errors
    /// [`AuthError::User`] with `NumberNeeded`, `Taken`, or `Phone` of `Taken`.
    pub async fn create_user(&self, new: NewUser) -> Result<User, AuthError> {
        let password = self.hash_given(new.password.as_ref()).await?;
        let now = self.now();
        if new.numbers.is_empty() && self.policy.used_for_first_factor && !new.may_lack_number {
            return Err(UserError::NumberNeeded.into());
        }
        let id = UserId::generate(now, &*self.ports.entropy);
        let mut user = User::new(id, new.created_at.unwrap_or(now).min(now));
        user.updated_at = now;
        user.profile = new.profile;
        user.banned = new.banned;
        user.locked_until = new.locked.then(|| now.plus(self.policy.lockout.duration));
        user.delete_self_enabled = new.delete_self_enabled.unwrap_or(true);
        user.set_password(password, now);
        for (number, standing) in new.numbers {
            if standing == Standing::Unverified {
                self.ensure_not_owned_by_another(&user.id, &number).await?;
            }
            let id = PhoneNumberId::generate(now, &*self.ports.entropy);
            let number = AdminNumber {
                id,
                number,
                standing,
                primary: false,
                reserved_for_second_factor: false,
            };
            user.phones.add_by_admin(number, &[], now)?;
        }
        user.phones
            .set_backup_codes(&self.hash_backup_codes(&user.id, &new.backup_codes));
        let draft = Draft::of_user(Slot::new(user.clone()));
        self.commit(By::BackEnd, draft, |_| Ok(())).await?;
        Ok(user)
    }

    /// One user.
    ///
    /// # Errors
    /// [`AuthError::User`] with `NoSuchUser`.
    pub async fn user(&self, id: &UserId) -> Result<User, AuthError> {
        Ok(self.ports.users.load(id).await?.ok_or(UserError::NoSuchUser)?.aggregate)
    }

    /// One page of users; with `after`, of those who come after that user in the order of creation.
    ///
    /// # Errors
    /// [`AuthError::NotFound`] if there is no such user; [`AuthError::User`].
    pub async fn list_users(&self, mut query: UserQuery, after: Option<&UserId>) -> Result<Vec<User>, AuthError> {
        if let Some(id) = after {
            let user = self.ports.users.load(id).await?.ok_or(AuthError::NotFound)?.aggregate;
            query.after = Some(UserPlace {
                created_at: user.created_at,
                id: user.id,
            });
        }
        Ok(self.ports.directory.list(&query).await?)
    }

    /// How many users fit.
    ///
    /// # Errors
    /// [`AuthError::User`].
    pub async fn count_users(&self, filter: &UserFilter) -> Result<u64, AuthError> {
        Ok(self.ports.directory.count(filter).await?)
    }

    /// Changes a user's profile.
    ///
    /// # Errors
    /// [`AuthError::User`] with `NoSuchUser`; `Phone` for the primary number;
    /// `Taken`, [`AuthError::User`].
    pub async fn update_user(&self, id: &UserId, update: &AdminProfileUpdate) -> Result<User, AuthError> {
        let password = self.hash_given(update.password.as_ref()).await?;
        let codes = update
            .backup_codes
            .as_ref()
            .map(|codes| self.hash_backup_codes(id, codes));
        let now = self.now();
        let (user, ()) = self
            .change_as_back_end(Slot::named(id.clone()), None, |user| {
                update.profile.apply(user)?;
                update.external_id.apply(&mut user.profile.external_id);
                update.locale.apply(&mut user.profile.locale);
                update.notice_email.apply(&mut user.profile.notice_email);
                if let Some(enabled) = update.delete_self_enabled {
                    user.delete_self_enabled = enabled;
                }
                if let Some(codes) = &codes {
                    user.phones.set_backup_codes(codes);
                }
                if let Some(hash) = &password {
                    user.set_password(Some(hash.clone()), now);
                }
                if update.sign_out {
                    user.end_sessions();
                }
                Ok(())
            })
            .await?;
        Ok(user)
    }

    /// Merges metadata into a user's, or replaces them.
    ///
    /// # Errors
    /// [`AuthError::User`] with `NoSuchUser`; `Profile` if they grow too large;
    /// [`AuthError::User`].
    pub async fn update_metadata(&self, id: &UserId, update: &MetadataUpdate) -> Result<User, AuthError> {
        let merged = |stored: &mut Metadata, given: &Option<Map<String, Value>>| -> Result<(), AuthError> {
            if let Some(given) = given {
                *stored = if update.replace {
                    Metadata::new(given.clone())?
                } else {
                    stored.merged(given)?
                };
            }
            Ok(())
        };
        let (user, ()) = self
            .change_as_back_end(Slot::named(id.clone()), None, |user| {
                merged(&mut user.profile.public_metadata, &update.public)?;
                merged(&mut user.profile.private_metadata, &update.private)?;
                merged(&mut user.profile.unsafe_metadata, &update.unsafe_)
            })
            .await?;
        Ok(user)
    }

    /// Deletes a user with everything; the numbers become free.
    ///
    /// # Errors
    /// [`AuthError::User`] with `NoSuchUser`.
    pub async fn delete_user(&self, id: &UserId) -> Result<(), AuthError> {
        let gone = |draft: &mut Draft| {
            draft.user()?;
            draft.delete_user();
            Ok(())
        };
        self.commit(By::BackEnd, Draft::of_user(Slot::named(id.clone())), gone)
            .await?;
        Ok(())
    }

    /// Bans a user, or lifts the ban.
    ///
    /// # Errors
    /// [`AuthError::User`] with `NoSuchUser`.
    pub async fn set_banned(&self, id: &UserId, banned: bool) -> Result<User, AuthError> {
        let change = self.change_as_back_end(Slot::named(id.clone()), None, |user| {
            user.banned = banned;
            Ok(())
        });
        Ok(change.await?.0)
    }

    /// Bans several users, or lifts their bans, one after the other. That all of them are there is found out before.
    ///
    /// # Errors
    /// [`AuthError::User`] with `NoSuchUser`.
    pub async fn set_each_banned(&self, ids: &[UserId], banned: bool) -> Result<Vec<User>, AuthError> {
        for id in ids {
            self.user(id).await?;
        }
        let mut users = Vec::with_capacity(ids.len());
        for id in ids {
            users.push(self.set_banned(id, banned).await?);
        }
        Ok(users)
    }

    /// Marks a user's password as known to others, or takes the mark off; with `sign_out` every session of the user ends.
    ///
    /// # Errors
    /// [`AuthError::NoPassword`]; [`AuthError::User`] with `NoSuchUser`.
    pub async fn set_compromised(&self, id: &UserId, compromised: bool, sign_out: bool) -> Result<User, AuthError> {
        let change = self.change_as_back_end(Slot::named(id.clone()), None, |user| {
            user.password.as_mut().ok_or(AuthError::NoPassword)?.compromised = compromised;
            if sign_out {
                user.end_sessions();
            }
            Ok(())
        });
        Ok(change.await?.0)
    }

    /// Uses up a backup code that a user has given to the back end. Nothing counts.
    ///
    /// # Errors
    /// [`AuthError::User`] with `NoSuchUser`, or `Phone` of `WrongBackupCode`.
    pub async fn redeem_backup_code(&self, id: &UserId, code: &BackupCode) -> Result<(), AuthError> {
        let (now, hash) = (self.now(), self.hasher.backup(id, code));
        let change = self.change_as_back_end(Slot::named(id.clone()), None, |user| {
            Ok(user.phones.redeem_backup_code(hash, now)?)
        });
        change.await.map(|_| ())
    }

    /// Locks a user for the time of a lockout, or unlocks.
    ///
    /// # Errors
    /// [`AuthError::User`] with `NoSuchUser`.
    pub async fn set_locked(&self, id: &UserId, locked: bool) -> Result<User, AuthError> {
        let now = self.now();
        let change = self.change_as_back_end(Slot::named(id.clone()), None, |user| {
            if locked {
                user.locked_until = Some(now.plus(self.policy.lockout.duration));
            } else {
                user.unlock();
            }
            Ok(())
        });
        Ok(change.await?.0)
    }

    /// Takes a user's password away, if there is one, and ends the sessions.
    ///
    /// # Errors
    /// [`AuthError::User`] with `NoSuchUser`.
    pub async fn remove_password(&self, id: &UserId) -> Result<User, AuthError> {
        let now = self.now();
        let change = self.change_as_back_end(Slot::named(id.clone()), None, |user| {
            if user.password.is_some() {
                user.end_sessions();
            }
            user.set_password(None, now);
            Ok(())
        });
        Ok(change.await?.0)
    }

    /// Turns every second factor and backup code of a user off, if any is on.
    ///
    /// # Errors
    /// [`AuthError::User`] with `NoSuchUser`.
    pub async fn disable_second_factors(&self, id: &UserId) -> Result<(), AuthError> {
        let now = self.now();
        let change = self.change_as_back_end(Slot::named(id.clone()), None, |user| {
            user.phones.disable_second_factors(now);
            user.phones.set_backup_codes(&[]);
            Ok(())
        });
        change.await.map(|_| ())
    }

    /// Removes a user's backup codes.
    ///
    /// # Errors
    /// [`AuthError::User`] with `NoSuchUser`.
    pub async fn remove_backup_codes(&self, id: &UserId) -> Result<(), AuthError> {
        let change = self.change_as_back_end(Slot::named(id.clone()), None, |user| {
            user.phones.set_backup_codes(&[]);
            Ok(())
        });
        change.await.map(|_| ())
    }
}
