//! Setting and checking passwords.

use super::super::consequences::By;
use super::super::decide::must_be_in_good_standing;
use super::super::{AuthError, Done, UseCases, UserError};
use crate::actor::{Action, Actor, InSession};
use crate::change::{Draft, Slot};
use crate::ports::Loaded;
use crate::{LedgerKind, Password, PasswordHash, Timestamp, User, UserId};

/// A password that was compared with the stored one, and counted before that.
pub(in super::super) struct CheckedPassword {
    /// Whether it is right.
    right: bool,
    /// The hash that it was compared with: the change that follows must find it unchanged.
    seen: PasswordHash,
    /// When, and in which ledger, it was counted as wrong.
    counted_at: Timestamp,
    counted_in: LedgerKind,
}

impl UseCases {
    /// Hashes a password that a user wants to have.
    pub(in super::super) async fn hash_password(&self, text: &str) -> Result<PasswordHash, AuthError> {
        if !self.policy.passwords {
            return Err(AuthError::PasswordsOff);
        }
        Ok(self.ports.passwords.hash(&Password::parse(text)?).await?)
    }

    /// Compares a password with the user's, after it was counted as wrong in a commit of its own: however many are tried at
    /// once, no more are compared than the ledger allows. One that turns out right is [taken
    /// back](CheckedPassword::settle).
    ///
    /// # Errors
    /// [`AuthError::NoPassword`]; [`AuthError::FactorClosed`] or [`AuthError::User`] with `Locked` or `Banned`, and nothing
    /// was compared.
    pub(in super::super) async fn check_password(
        &self,
        user: &Loaded<User>,
        text: &str,
        ledger: LedgerKind,
    ) -> Result<CheckedPassword, AuthError> {
        let now = self.now();
        let reserve = |draft: &mut Draft| {
            let user = draft.user()?;
            must_be_in_good_standing(user, now)?;
            let stored = user.password.as_ref().ok_or(AuthError::NoPassword)?.hash.clone();
            user.failures.ensure_open(ledger, now, &self.policy.lockout)?;
            user.failures.ledger(ledger).count(now);
            Ok(stored)
        };
        let draft = Draft::of_user(Slot::loaded(user.clone()));
        let (_, seen) = self.commit(By::User, draft, reserve).await?;
        let right = self.ports.passwords.verify(&Password::tried(text), &seen).await?;
        Ok(CheckedPassword {
            right,
            seen,
            counted_at: now,
            counted_in: ledger,
        })
    }

    /// Sets the password of the user who acts in a session; with `sign_out_others` it ends every other session.
    ///
    /// # Errors
    /// [`AuthError::WrongPassword`] if there is one and `current` is not it (that counts);
    /// [`AuthError::Password`], [`AuthError::PasswordsOff`], [`AuthError::NoPassword`],
    /// [`AuthError::ReverificationRequired`]; [`AuthError::SignedOut`] for the user of an identity provider, who signs in
    /// there; [`AuthError::User`] with `Locked` or `Banned`.
    pub async fn change_password(
        &self,
        actor: &Actor,
        current: Option<&str>,
        new: Option<&str>,
        sign_out_others: bool,
    ) -> Result<Done<User>, AuthError> {
        let acting = actor.session().ok_or(AuthError::SignedOut)?;
        self.permit(actor, Action::ChangePassword)?;
        let now = self.now();
        self.limit_attempts("factor-attempts/address", actor.request().address)
            .await?;
        // Before anything is counted.
        if let Some(new) = new {
            Password::parse(new)?;
        }
        let has_password = acting.user.aggregate.password.is_some();
        if new.is_none() && !has_password {
            return Err(AuthError::NoPassword);
        }
        let checked = if has_password {
            let tried = current.unwrap_or_default();
            Some(
                self.check_password(&acting.user, tried, LedgerKind::SessionPassword)
                    .await?,
            )
        } else {
            None
        };
        if checked.as_ref().is_some_and(|checked| !checked.right) {
            return Err(AuthError::WrongPassword);
        }
        let hash = match new {
            Some(new) => Some(self.hash_password(new).await?),
            None => None,
        };
        // The ledger was written since the user was loaded.
        let actor = match checked {
            Some(_) => self.loaded_anew(acting).await?,
            None => actor.clone(),
        };
        let done = self
            .act(&actor, Action::ChangePassword, None, |user| {
                if let Some(checked) = &checked {
                    if !checked.settle(user) {
                        return Err(UserError::Contended.into());
                    }
                } else if user.password.is_some() {
                    return Err(UserError::Contended.into());
                }
                user.set_password(hash.clone(), now);
                if sign_out_others {
                    user.end_sessions();
                }
                Ok(())
            })
            .await?;
        Ok(done.of_user(&actor, ())?.map(|(user, ())| user))
    }

    async fn loaded_anew(&self, acting: &InSession) -> Result<Actor, AuthError> {
        let user = self.ports.users.load(&acting.user.aggregate.id).await?;
        let mut acting = acting.clone();
        acting.user = user.ok_or(UserError::NoSuchUser)?;
        Ok(Actor::Session(Box::new(acting)))
    }

    /// Takes a password that a back end sets for a user. `unchecked` takes one of any length.
    ///
    /// # Errors
    /// [`AuthError::Password`], [`AuthError::PasswordsOff`].
    pub fn password_of_back_end(&self, text: &str, unchecked: bool) -> Result<Password, AuthError> {
        if !self.policy.passwords {
            return Err(AuthError::PasswordsOff);
        }
        if unchecked {
            Ok(Password::tried(text))
        } else {
            Ok(Password::parse(text)?)
        }
    }

    /// Hashes a password that a back end sets, if it sets one.
    pub(in super::super) async fn hash_given(
        &self,
        password: Option<&Password>,
    ) -> Result<Option<PasswordHash>, AuthError> {
        match password {
            Some(password) => Ok(Some(self.ports.passwords.hash(password).await?)),
            None => Ok(None),
        }
    }

    /// Whether `text` is the user's password, for a back end. Nothing counts.
    ///
    /// # Errors
    /// [`AuthError::NoPassword`]; [`AuthError::User`] with `NoSuchUser`.
    pub async fn verify_password(&self, id: &UserId, text: &str) -> Result<bool, AuthError> {
        let user = self.user(id).await?;
        let stored = user.password.ok_or(AuthError::NoPassword)?.hash;
        Ok(self.ports.passwords.verify(&Password::tried(text), &stored).await?)
    }
}

impl CheckedPassword {
    /// Whether the password is right and still the user's. Then it is taken out of the ledger in which it was counted. The
    /// wrong tries before it are forgiven only if it is the strongest factor: whoever has stolen it could otherwise try
    /// second factors without end.
    pub(in super::super) fn settle(&self, user: &mut User) -> bool {
        let right = self.right && user.password.as_ref().is_some_and(|stored| stored.hash == self.seen);
        if right {
            let is_strongest = self.counted_in == LedgerKind::Password || !user.two_factor_enabled();
            let ledger = user.failures.ledger(self.counted_in);
            ledger.withdraw(self.counted_at);
            if is_strongest {
                ledger.reset_streak();
            }
        }
        right
    }
}
