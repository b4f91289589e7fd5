//! Setting and checking passwords.

use super::change::Subject;
use super::{Acting, Auth, AuthError, Changed, Visit};
use crate::use_cases::UserError;
use crate::{Password, PasswordHash, User, UserId};

impl Auth {
    /// Hashes a password that a user wants to have.
    pub(super) async fn hash_password(&self, text: &str) -> Result<PasswordHash, AuthError> {
        if !self.policy().passwords {
            return Err(AuthError::PasswordsOff);
        }
        Ok(self.ports.passwords.hash(&Password::parse(text)?).await?)
    }

    /// Whether `text` is the password of `user`, and the hash that was looked at: the change that
    /// follows must find it unchanged.
    pub(super) async fn check_password(&self, user: &User, text: &str) -> Result<(bool, PasswordHash), AuthError> {
        let stored = user.password.as_ref().ok_or(AuthError::NoPassword)?.hash.clone();
        let right = self.ports.passwords.verify(&Password::tried(text), &stored).await?;
        Ok((right, stored))
    }

    /// Sets the password of the user who acts; with `sign_out_others` it ends every other session.
    ///
    /// # Errors
    /// [`AuthError::WrongPassword`] if there is one and `current` is not it (that counts);
    /// [`AuthError::Password`], [`AuthError::PasswordsOff`].
    pub async fn change_password(
        &self,
        visit: &Visit,
        acting: &Acting,
        current: Option<&str>,
        new: Option<&str>,
        sign_out_others: bool,
    ) -> Result<Changed<()>, AuthError> {
        let now = self.now();
        if let Some(left) = acting.user.locked_for(now) {
            return Err(UserError::Locked { left }.into());
        }
        let checked = match &acting.user.password {
            Some(_) => Some(self.check_password(&acting.user, current.unwrap_or_default()).await?),
            None => None,
        };
        let hash = match new {
            Some(new) => Some(self.hash_password(new).await?),
            None if acting.user.password.is_none() => return Err(AuthError::NoPassword),
            None => None,
        };
        let fresh = self.fresh(visit);
        let changed = self
            .change_both(visit, &fresh, Subject::Known(acting.user.id.clone()), |client, user| {
                let right = match (&checked, &user.password) {
                    (Some((right, seen)), Some(stored)) => *right && stored.hash == *seen,
                    (None, None) => true,
                    (Some(_), None) | (None, Some(_)) => false,
                };
                if !right {
                    user.fail(now, self.policy());
                    return Ok(false);
                }
                user.set_password(hash.clone(), now);
                if sign_out_others {
                    user.end_sessions();
                    if let Some(session) = client.session_mut(&acting.session.id) {
                        session.generation = user.sessions_generation;
                    }
                }
                Ok(true)
            })
            .await?;
        if !changed.outcome {
            return Err(AuthError::WrongPassword);
        }
        Ok(Changed {
            client: changed.client,
            user: changed.user,
            token: changed.token,
            outcome: (),
        })
    }

    /// Hashes a password that a back end sets for a user. `unchecked` takes one of any length.
    ///
    /// # Errors
    /// [`AuthError::Password`], [`AuthError::PasswordsOff`].
    pub async fn password_of_back_end(&self, text: &str, unchecked: bool) -> Result<PasswordHash, AuthError> {
        if unchecked {
            if !self.policy().passwords {
                return Err(AuthError::PasswordsOff);
            }
            return Ok(self.ports.passwords.hash(&Password::tried(text)).await?);
        }
        self.hash_password(text).await
    }

    /// Whether `text` is the user's password, for a back end. Nothing counts.
    ///
    /// # Errors
    /// [`AuthError::NoPassword`]; [`UserError::NoSuchUser`].
    pub async fn verify_password(&self, id: &UserId, text: &str) -> Result<bool, AuthError> {
        let user = self.users.user(id).await?;
        Ok(self.check_password(&user, text).await?.0)
    }
}
