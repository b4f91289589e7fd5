//! Sign-ups under way, as a back end looks after them.

use super::super::consequences::By;
use super::super::{AuthError, UseCases, UserError};
use crate::ports::{Unique, UserFilter};
use crate::profile::{Patch, ShortText};
use crate::sign_up::SignUp;
use crate::{ClientId, SignUpId};

impl UseCases {
    /// One sign-up, as long as its client keeps it.
    ///
    /// # Errors
    /// [`AuthError::NotFound`].
    pub async fn sign_up_by_id(&self, id: &SignUpId) -> Result<SignUp, AuthError> {
        let client = self.client_at(id).await?;
        let client = self.ports.clients.load(&client).await?;
        let sign_up = client.and_then(|client| client.aggregate.sign_up);
        sign_up.filter(|sign_up| sign_up.id == *id).ok_or(AuthError::NotFound)
    }

    /// Notes on a sign-up that still goes on which id its user shall have in the application's own system, and whether the
    /// back end has done what it wants to do before.
    ///
    /// # Errors
    /// [`AuthError::NotFound`]; [`AuthError::User`] with `Taken` if a user has the id.
    pub async fn annotate_sign_up(
        &self,
        id: &SignUpId,
        external_id: &Patch<ShortText>,
        custom_action: Option<bool>,
    ) -> Result<SignUp, AuthError> {
        let now = self.now();
        let client = self.client_at(id).await?;
        // The commit that makes the user decides in the end; until then the back end is told rather than the visitor.
        if let Patch::Set(external_id) = external_id {
            let filter = UserFilter {
                external_ids: vec![external_id.clone()],
                ..UserFilter::default()
            };
            if self.ports.directory.count(&filter).await? > 0 {
                return Err(UserError::Taken(Unique::ExternalId).into());
            }
        }
        let (_, sign_up) = self
            .change_client(By::BackEnd, client, |client| {
                let sign_up = client.sign_up.as_mut();
                let sign_up = sign_up.filter(|sign_up| sign_up.id == *id && sign_up.is_open(now));
                let sign_up = sign_up.ok_or(AuthError::NotFound)?;
                external_id.apply(&mut sign_up.external_id);
                sign_up.custom_action = custom_action.unwrap_or(sign_up.custom_action);
                Ok(sign_up.clone())
            })
            .await?;
        Ok(sign_up)
    }

    async fn client_at(&self, id: &SignUpId) -> Result<ClientId, AuthError> {
        self.ports.sessions.client_at(id).await?.ok_or(AuthError::NotFound)
    }
}
