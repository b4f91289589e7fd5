//! Tickets that a back end makes (contract 8.5).

use std::time::Duration;

use super::super::consequences::By;
use super::super::{AuthError, UseCases};
use crate::change::{Draft, Missing, Slot};
use crate::sign_in_token::{SignInToken, TICKET_LIFETIME, TicketStatus};
use crate::{SignInTokenId, Token, UserId};

impl UseCases {
    /// Makes a ticket for a user.
    ///
    /// # Errors
    /// [`AuthError::User`] with `NoSuchUser`.
    pub async fn create_ticket(
        &self,
        user: &UserId,
        lifetime: Option<Duration>,
    ) -> Result<(SignInToken, Token<SignInTokenId>), AuthError> {
        let now = self.now();
        let user = self.user(user).await?.id;
        let entropy = &*self.ports.entropy;
        let token = Token::generate(SignInTokenId::generate(now, entropy), entropy);
        let ticket = SignInToken {
            id: token.id.clone(),
            token: token.hash(),
            user,
            status: TicketStatus::Pending,
            expires_at: now.plus(lifetime.unwrap_or(TICKET_LIFETIME)),
            created_at: now,
            updated_at: now,
        };
        let draft = Draft::of_ticket(Slot::new(ticket.clone()));
        self.commit(By::BackEnd, draft, |_| Ok(())).await?;
        Ok((ticket, token))
    }

    /// Takes a ticket back.
    ///
    /// # Errors
    /// [`AuthError::NotFound`], [`AuthError::Ticket`] with `NotPending`.
    pub async fn revoke_ticket(&self, id: &SignInTokenId) -> Result<SignInToken, AuthError> {
        let now = self.now();
        let draft = Draft::of_ticket(Slot::named(id.clone()));
        let revoke = |draft: &mut Draft| {
            let ticket = draft.ticket().map_err(|_: Missing| AuthError::NotFound)?;
            ticket.revoke(now)?;
            Ok(())
        };
        let (mut changed, ()) = self.commit(By::BackEnd, draft, revoke).await?;
        Ok(changed.ticket()?.clone())
    }
}
