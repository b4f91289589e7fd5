//! Tickets: signing in with what a back end has made (contract 6.3, 8.5).

use std::time::Duration;

use super::change::write;
use super::sign_in::may_sign_in;
use super::{Auth, AuthError, Changed, Visit};
use crate::change::{ChangeError, MAX_ROUNDS, change};
use crate::ports::{CommitError, Write};
use crate::proof::{Proof, Strategy};
use crate::sign_in::SignIn;
use crate::sign_in_token::{SignInToken, TICKET_LIFETIME, TicketError, TicketStatus};
use crate::use_cases::UserError;
use crate::{Client, SessionId, SignInId, SignInTokenId, Token, UserId};

impl Auth {
    /// Makes a ticket for a user.
    ///
    /// # Errors
    /// [`UserError::NoSuchUser`].
    pub async fn create_ticket(
        &self,
        user: &UserId,
        lifetime: Option<Duration>,
    ) -> Result<(SignInToken, Token<SignInTokenId>), AuthError> {
        let now = self.now();
        let user = self.users.user(user).await?.id;
        let entropy = &*self.users.ports.entropy;
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
        let none = |_: &mut SignInToken| Ok::<(), AuthError>(());
        let (ticket, ()) = change(&*self.ports.tickets, &token.id, None, Some(&ticket), none)
            .await
            .map_err(refused)?;
        Ok((ticket, token))
    }

    /// Takes a ticket back.
    ///
    /// # Errors
    /// [`AuthError::NotFound`], [`AuthError::Ticket`] with `NotPending`.
    pub async fn revoke_ticket(&self, id: &SignInTokenId) -> Result<SignInToken, AuthError> {
        let now = self.now();
        let loaded = self.ports.tickets.load(id).await?;
        let (ticket, ()) = change(&*self.ports.tickets, id, loaded, None, |ticket| Ok(ticket.revoke(now)?))
            .await
            .map_err(refused)?;
        Ok(ticket)
    }

    /// Signs in with a ticket, past every factor: the back end vouches. Ticket, user and client
    /// change as one, so a ticket signs in once, whatever happens.
    ///
    /// # Errors
    /// [`AuthError::Ticket`], [`AuthError::SessionExists`], [`AuthError::AlreadySignedIn`],
    /// [`AuthError::TooOften`]; [`AuthError::User`] with `Banned`.
    pub async fn sign_in_with_ticket(&self, visit: &Visit, text: &str) -> Result<Changed<()>, AuthError> {
        let now = self.now();
        self.limit_sign_ins("sign-ins/address", visit.address).await?;
        let token: Token<SignInTokenId> = text.parse().map_err(|_| TicketError::Unknown)?;
        let entropy = &*self.users.ports.entropy;
        let fresh = self.fresh(visit);
        let sign_in_id = SignInId::generate(now, entropy);
        let session = SessionId::generate(now, entropy);
        let mut loaded = visit.client.clone();
        for _ in 0..MAX_ROUNDS {
            let ticket = self.ports.tickets.load(&token.id).await?;
            let ticket = ticket.filter(|ticket| ticket.aggregate.token == token.hash());
            let ticket = ticket.ok_or(TicketError::Unknown)?;
            let mut redeemed = ticket.aggregate.clone();
            redeemed.redeem(now)?;
            let user = self.users.load(&redeemed.user).await?.ok_or(TicketError::Useless)?;
            let mut signed_in = user.aggregate.clone();
            may_sign_in(&signed_in, now)?;
            if let Some(loaded) = &loaded {
                let live = self.live_sessions(&loaded.aggregate).await?;
                if let Some(acting) = live.iter().find(|acting| acting.user.id == signed_in.id) {
                    return Err(AuthError::AlreadySignedIn(acting.session.id.clone()));
                }
                if self.policy().single_session && !live.is_empty() {
                    return Err(AuthError::SessionExists);
                }
            }
            let mut client = match &loaded {
                Some(loaded) => loaded.aggregate.clone(),
                None => Client::new(fresh.token.id.clone(), fresh.token.hash(), now),
            };
            let mut sign_in = SignIn::new(sign_in_id.clone(), now);
            sign_in.user = Some(signed_in.id.clone());
            sign_in.first = Some(Proof::Given {
                strategy: Strategy::Ticket,
            });
            client.sign_in = Some(sign_in);
            // Past both factors: so it is as fresh as after both.
            let second = signed_in.phones.two_factor_enabled().then_some(now);
            self.complete(
                &mut client,
                &mut signed_in,
                &session,
                &fresh,
                visit,
                Strategy::Ticket,
                [Some(now), second],
            );
            signed_in.stamp(&user.aggregate, now);
            let writes = [
                write(Some(user), signed_in.clone()).map(|change| Write::User(Box::new(change))),
                write(loaded.clone(), client.clone()).map(|change| Write::Client(Box::new(change))),
                write(Some(ticket), redeemed).map(|change| Write::SignInToken(Box::new(change))),
            ];
            match self
                .users
                .ports
                .unit_of_work
                .commit_all(writes.into_iter().flatten().collect())
                .await
            {
                Ok(()) => {
                    return Ok(Changed {
                        client,
                        user: Some(signed_in),
                        token: Some(fresh.token),
                        outcome: (),
                    });
                }
                Err(CommitError::Stale) => {
                    if let Some(before) = &visit.client {
                        let again = self.ports.clients.load(&before.aggregate.id).await?;
                        let again = again.filter(|again| again.aggregate.token == before.aggregate.token);
                        loaded = Some(again.ok_or(AuthError::SignedOut)?);
                    }
                }
                Err(CommitError::Taken(what)) => return Err(UserError::Taken(what).into()),
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(UserError::Contended.into())
    }
}

fn refused(error: ChangeError<AuthError>) -> AuthError {
    match error {
        ChangeError::Refused(error) => error,
        ChangeError::Missing => AuthError::NotFound,
        ChangeError::Taken(what) => UserError::Taken(what).into(),
        ChangeError::Contended => UserError::Contended.into(),
        ChangeError::Store(error) => error.into(),
    }
}
