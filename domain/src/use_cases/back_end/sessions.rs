//! Sessions and clients, as a back end sees them (contract 8.5).

use super::super::consequences::By;
use super::super::decide::must_be_in_good_standing;
use super::super::{AuthError, UseCases};
use crate::actor::{ClientContext, RequestContext};
use crate::change::{Draft, Slot};
use crate::ports::SessionQuery;
use crate::session::{Ending, Session, SessionStatus};
use crate::{Client, ClientId, SessionId, Timestamp, Token, User, UserId};

/// A session with what it takes to show it.
#[derive(Debug, Clone)]
pub struct KnownSession {
    /// The session.
    pub session: Session,
    /// Its client.
    pub client: ClientId,
    /// How it stands.
    pub status: SessionStatus,
    /// Its user; none if deleted.
    pub user: Option<User>,
}

impl UseCases {
    async fn known(&self, client: ClientId, session: Session) -> Result<KnownSession, AuthError> {
        let user = self
            .ports
            .users
            .load(&session.user)
            .await?
            .map(|loaded| loaded.aggregate);
        Ok(KnownSession {
            status: self.status(&session, user.as_ref()),
            session,
            client,
            user,
        })
    }

    /// One session.
    ///
    /// # Errors
    /// [`AuthError::NotFound`].
    pub async fn session_by_id(&self, id: &SessionId) -> Result<KnownSession, AuthError> {
        let client = self.client_of_session(id).await?;
        let session = client.session(id).cloned().ok_or(AuthError::NotFound)?;
        self.known(client.id, session).await
    }

    async fn client_of_session(&self, id: &SessionId) -> Result<Client, AuthError> {
        let client = self.ports.sessions.client_of(id).await?.ok_or(AuthError::NotFound)?;
        let loaded = self.ports.clients.load(&client).await?.ok_or(AuthError::NotFound)?;
        Ok(loaded.aggregate)
    }

    /// One session that is not over, and when somebody last signed in or out in its client.
    ///
    /// # Errors
    /// [`AuthError::NotFound`], [`AuthError::SessionOver`].
    pub async fn live_session_by_id(&self, id: &SessionId) -> Result<(KnownSession, Timestamp), AuthError> {
        let client = self.client_of_session(id).await?;
        let session = client.session(id).cloned().ok_or(AuthError::NotFound)?;
        let known = self.known(client.id, session).await?;
        if known.status.is_live() {
            Ok((known, client.updated_at))
        } else {
            Err(AuthError::SessionOver)
        }
    }

    /// One page of sessions, and how many fit in all.
    ///
    /// # Errors
    /// [`AuthError::User`].
    pub async fn list_sessions(
        &self,
        user: Option<UserId>,
        client: Option<ClientId>,
        status: Option<SessionStatus>,
        limit: u32,
        offset: u64,
    ) -> Result<(Vec<KnownSession>, u64), AuthError> {
        let now = self.now();
        let query = SessionQuery {
            second_factor_required: self.policy.second_factor_required,
            user,
            client,
            status,
            now,
            limit,
            offset,
        };
        let (found, total) = self.ports.sessions.sessions(&query).await?;
        let mut known = Vec::with_capacity(found.len());
        for (client, session) in found {
            known.push(self.known(client, session).await?);
        }
        Ok((known, total))
    }

    /// Ends a session, wherever it is.
    ///
    /// # Errors
    /// [`AuthError::NotFound`].
    pub async fn revoke_session(&self, id: &SessionId) -> Result<KnownSession, AuthError> {
        let client = self.ports.sessions.client_of(id).await?.ok_or(AuthError::NotFound)?;
        let now = self.now();
        let revoke = |client: &mut Client| {
            client.end(id, Ending::Revoked, now);
            client.session(id).cloned().ok_or(AuthError::NotFound)
        };
        let (client, session) = self.change_client(By::BackEnd, client, revoke).await?;
        self.known(client.id, session).await
    }

    /// One client, with its sessions.
    ///
    /// # Errors
    /// [`AuthError::NotFound`].
    pub async fn client_by_id(&self, id: &ClientId) -> Result<(Client, Vec<KnownSession>), AuthError> {
        let client = self.ports.clients.load(id).await?.ok_or(AuthError::NotFound)?.aggregate;
        let sessions = self.known_sessions(&client).await?;
        Ok((client, sessions))
    }

    /// One page of clients, and how many there are in all.
    ///
    /// # Errors
    /// [`AuthError::User`].
    pub async fn list_clients(
        &self,
        limit: u32,
        offset: u64,
    ) -> Result<(Vec<(Client, Vec<KnownSession>)>, u64), AuthError> {
        let (clients, total) = self.ports.sessions.clients(limit, offset).await?;
        let mut known = Vec::with_capacity(clients.len());
        for client in clients {
            let sessions = self.known_sessions(&client).await?;
            known.push((client, sessions));
        }
        Ok((known, total))
    }

    /// The client whose token this is, with its sessions.
    ///
    /// # Errors
    /// [`AuthError::NotFound`].
    pub async fn client_by_token(&self, token: &Token<ClientId>) -> Result<(Client, Vec<KnownSession>), AuthError> {
        let client = self
            .client_opened_by(token)
            .await?
            .ok_or(AuthError::NotFound)?
            .aggregate;
        let sessions = self.known_sessions(&client).await?;
        Ok((client, sessions))
    }

    /// A client with what it takes to show it to its own browser, as a handshake does.
    ///
    /// # Errors
    /// [`AuthError::User`] if the store fails.
    pub async fn client_for_handshake(&self, id: &ClientId) -> Result<ClientContext, AuthError> {
        let client = self.ports.clients.load(id).await?;
        let users = match &client {
            Some(loaded) => self.users_of(&loaded.aggregate).await?,
            None => Vec::new(),
        };
        Ok(ClientContext {
            client,
            users,
            request: RequestContext::default(),
        })
    }

    /// A session of a user without any browser, for a development back end.
    ///
    /// # Errors
    /// [`AuthError::User`] with `NoSuchUser`, `Banned` or `Locked`.
    pub async fn create_session(&self, user: &UserId) -> Result<KnownSession, AuthError> {
        let now = self.now();
        let context = ClientContext::default();
        let fresh = self.fresh_token(&context);
        let token = fresh.hash();
        let id = SessionId::generate(now, &*self.ports.entropy);
        let draft = |draft: Draft| draft.and_user(Slot::named(user.clone()));
        let done = self
            .in_client(&context, fresh, draft, |draft| {
                let (client, user) = draft.client_and_user()?;
                must_be_in_good_standing(user, now)?;
                let session = self.new_session(id.clone(), user, &context, [Some(now), None]);
                client.begin(session.clone(), token, None, true, now);
                Ok((client.id.clone(), session))
            })
            .await?;
        let (client, session) = done.outcome;
        self.known(client, session).await
    }

    async fn known_sessions(&self, client: &Client) -> Result<Vec<KnownSession>, AuthError> {
        let mut known = Vec::with_capacity(client.sessions.len());
        for session in &client.sessions {
            known.push(self.known(client.id.clone(), session.clone()).await?);
        }
        Ok(known)
    }
}
