//! Signing in with a ticket, which a back end has made (contract 6.3).

use super::super::decide::must_be_in_good_standing;
use super::super::{AuthError, Done, UseCases};
use crate::actor::ClientContext;
use crate::change::{Draft, Slot};
use crate::proof::{Proof, Strategy};
use crate::sign_in::SignIn;
use crate::sign_in_token::TicketError;
use crate::{SessionId, SignInId, SignInTokenId, Token};

impl UseCases {
    /// Signs in with a ticket, past every factor: the back end vouches. Ticket, user and client
    /// change as one, so a ticket signs in once, whatever happens.
    ///
    /// # Errors
    /// [`AuthError::Ticket`], [`AuthError::SessionExists`], [`AuthError::AlreadySignedIn`],
    /// [`AuthError::TooOften`]; [`AuthError::User`] with `Banned` or `Locked`.
    pub async fn sign_in_with_ticket(&self, context: &ClientContext, text: &str) -> Result<Done<()>, AuthError> {
        let now = self.now();
        self.limit_sign_ins("sign-ins/address", context.request.address).await?;
        let token: Token<SignInTokenId> = text.parse().map_err(|_| TicketError::Unknown)?;
        let ticket = self.ports.tickets.load(&token.id).await?;
        let ticket = ticket.filter(|ticket| ticket.aggregate.token == token.hash());
        let ticket = ticket.ok_or(TicketError::Unknown)?;
        ticket.aggregate.clone().redeem(now)?;
        let user = self.ports.users.load(&ticket.aggregate.user).await?;
        let user = user.ok_or(TicketError::Useless)?;
        must_be_in_good_standing(&user.aggregate, now)?;
        let live = self.live_sessions(context);
        let same_user = live.iter().find(|(session, _)| session.user == user.aggregate.id);
        if let Some((session, _)) = same_user {
            return Err(AuthError::AlreadySignedIn(session.id.clone()));
        }
        self.ensure_free(context)?;
        let fresh = self.fresh_token(context);
        let hash = fresh.hash();
        let id = SignInId::generate(now, &*self.ports.entropy);
        let session = SessionId::generate(now, &*self.ports.entropy);
        let draft = |draft: Draft| draft.and_user(Slot::loaded(user)).and_ticket(Slot::loaded(ticket));
        self.in_client(context, fresh, draft, |draft| {
            draft.ticket()?.redeem(now)?;
            let (client, user) = draft.client_and_user()?;
            must_be_in_good_standing(user, now)?;
            let mut sign_in = SignIn::new(id.clone(), now);
            sign_in.user = Some(user.id.clone());
            sign_in.first = Some(Proof::Given {
                strategy: Strategy::Ticket,
            });
            client.sign_in = Some(sign_in);
            // Past both factors: so it is as fresh as after both.
            let factors = [Some(now), user.two_factor_enabled().then_some(now)];
            self.complete(client, user, &session, hash, context, Strategy::Ticket, factors);
            Ok(())
        })
        .await
    }
}
