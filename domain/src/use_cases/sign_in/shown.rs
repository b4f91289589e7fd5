//! The sign-in or sign-up of a client, to be shown once more.

use super::super::{AuthError, Done, UseCases};
use crate::actor::ClientContext;
use crate::{SignInId, SignUpId};

impl UseCases {
    /// The client, if this is its sign-in.
    ///
    /// # Errors
    /// [`AuthError::NotFound`].
    pub fn sign_in(&self, context: &ClientContext, id: &SignInId) -> Result<Done<()>, AuthError> {
        let sign_in = context.client().and_then(|client| client.sign_in.as_ref());
        let found = sign_in.is_some_and(|sign_in| sign_in.id == *id);
        found.then(|| self.unchanged(context)).ok_or(AuthError::NotFound)
    }

    /// The client, if this is its sign-up.
    ///
    /// # Errors
    /// [`AuthError::NotFound`].
    pub fn sign_up(&self, context: &ClientContext, id: &SignUpId) -> Result<Done<()>, AuthError> {
        let sign_up = context.client().and_then(|client| client.sign_up.as_ref());
        let found = sign_up.is_some_and(|sign_up| sign_up.id == *id);
        found.then(|| self.unchanged(context)).ok_or(AuthError::NotFound)
    }
}
