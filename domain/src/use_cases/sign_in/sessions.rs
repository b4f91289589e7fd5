//! Sessions, as their own client uses them (contract 6.1, 6.4).

use std::time::Duration;

use super::super::consequences::By;
use super::super::{AuthError, Done, UseCases};
use crate::actor::{Action, Actor, ClientContext, InSession};
use crate::change::{Draft, Slot};
use crate::ports::SessionQuery;
use crate::session::{Ending, Session, SessionStatus};
use crate::{Client, SessionId, User};

/// How many sessions a user's list of live ones has at most.
const MOST_LISTED: u32 = 100;
/// A page that is looked at often need not be written often.
const TOUCHED_EVERY: Duration = Duration::from_secs(60);

impl UseCases {
    /// Makes a client, if there is none.
    ///
    /// # Errors
    /// [`AuthError::TooOften`], [`AuthError::User`].
    pub async fn make_client(&self, context: &ClientContext) -> Result<Done<()>, AuthError> {
        if context.client.is_none() {
            self.limit_sign_ins("clients/address", context.request.address).await?;
        }
        self.in_client(context, self.fresh_token(context), |draft| draft, |_| Ok(()))
            .await
    }

    /// Marks the session as the one last active.
    ///
    /// # Errors
    /// [`AuthError::SessionOver`], [`AuthError::SignedOut`], [`AuthError::User`].
    pub async fn touch(&self, acting: &InSession) -> Result<Done<()>, AuthError> {
        let (now, id, context) = (self.now(), &acting.session.id, &acting.context);
        let user = Slot::loaded(acting.user.clone());
        let draft = |draft: Draft| draft.and_user(user);
        self.in_client(context, self.fresh_token(context), draft, |draft| {
            let (client, user) = draft.client_and_user()?;
            self.live_session(client, id, user)?;
            user.seen(now);
            let session = client.session_mut(id).ok_or(AuthError::SessionOver)?;
            if now.since(session.last_active_at) >= TOUCHED_EVERY {
                session.last_active_at = now;
                session.activity = context.request.activity.clone();
            }
            client.last_active_session = Some(id.clone());
            Ok(())
        })
        .await
    }

    /// Ends the session.
    ///
    /// # Errors
    /// [`AuthError::SignedOut`], [`AuthError::NotFound`].
    pub async fn end_session(&self, acting: &InSession, how: Ending) -> Result<Done<Session>, AuthError> {
        let (now, id, context) = (self.now(), &acting.session.id, &acting.context);
        self.in_client(
            context,
            self.fresh_token(context),
            |draft| draft,
            |draft| {
                let client = draft.client()?;
                client.end(id, how, now);
                client.session(id).cloned().ok_or(AuthError::NotFound)
            },
        )
        .await
    }

    /// Ends all sessions of the client, and forgets what it was at.
    ///
    /// # Errors
    /// [`AuthError::User`].
    pub async fn sign_out(&self, context: &ClientContext) -> Result<Option<Client>, AuthError> {
        if context.client.is_none() {
            return Ok(None);
        }
        let now = self.now();
        let done = self
            .in_client(
                context,
                self.fresh_token(context),
                |draft| draft,
                |draft| {
                    let client = draft.client()?;
                    client.end_all(Ending::Removed, now);
                    client.sign_in = None;
                    client.sign_up = None;
                    Ok(())
                },
            )
            .await?;
        Ok(done.client)
    }

    /// The actor's live sessions, on any device, with the user whose they are.
    ///
    /// # Errors
    /// [`AuthError::User`], also with `NoSuchUser`.
    pub async fn own_sessions(&self, actor: &Actor) -> Result<(User, Vec<Session>), AuthError> {
        self.permit(actor, Action::Read)?;
        let user = actor.user().ok_or(crate::change::Missing::User)?.aggregate.clone();
        let query = SessionQuery {
            second_factor_required: self.policy.second_factor_required,
            user: Some(user.id.clone()),
            client: None,
            status: Some(SessionStatus::Active),
            now: self.now(),
            limit: MOST_LISTED,
            offset: 0,
        };
        let (found, _) = self.ports.sessions.sessions(&query).await?;
        Ok((user, found.into_iter().map(|(_, session)| session).collect()))
    }

    /// Ends a session of the user who acts, on whichever device.
    ///
    /// # Errors
    /// [`AuthError::NotFound`] for a session of anybody else; [`AuthError::ReverificationRequired`];
    /// [`AuthError::SignedOut`] for the user of an identity provider.
    pub async fn revoke_own_session(&self, actor: &Actor, id: &SessionId) -> Result<Done<Session>, AuthError> {
        let acting = actor.session().ok_or(AuthError::SignedOut)?;
        self.permit(actor, Action::RevokeSession)?;
        let now = self.now();
        let revoke = |client: &mut Client| {
            let own = client
                .session(id)
                .is_some_and(|session| session.user == *actor.user_id());
            if !own {
                return Err(AuthError::NotFound);
            }
            client.end(id, Ending::Revoked, now);
            client.session(id).cloned().ok_or(AuthError::NotFound)
        };
        if acting
            .context
            .client()
            .is_some_and(|client| client.session(id).is_some())
        {
            let context = &acting.context;
            return self
                .in_client(
                    context,
                    self.fresh_token(context),
                    |draft| draft,
                    |draft| revoke(draft.client()?),
                )
                .await;
        }
        let client = self.ports.sessions.client_of(id).await?.ok_or(AuthError::NotFound)?;
        let (_, session) = self.change_client(By::User, client, revoke).await?;
        Ok(self.unchanged(&acting.context).map(|()| session))
    }

    /// What is shown of a client that has not changed.
    #[must_use]
    pub fn unchanged(&self, context: &ClientContext) -> Done<()> {
        Done {
            client: context.client().cloned(),
            users: context.users.iter().map(|loaded| loaded.aggregate.clone()).collect(),
            token: None,
            outcome: (),
        }
    }

    /// Removes clients that never did anything: nobody signed in or was about to for a day. How many.
    ///
    /// # Errors
    /// [`AuthError::User`].
    pub async fn forget_idle_clients(&self) -> Result<u64, AuthError> {
        let before = self.now().minus(crate::ABANDONED_AFTER);
        Ok(self.ports.sessions.forget_idle_clients(before).await?)
    }
}
