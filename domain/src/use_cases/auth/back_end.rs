//! Sessions and clients, as a back end sees them (contract 8.5).

use super::{Auth, AuthError};
use crate::ports::SessionQuery;
use crate::session::{Ending, Session, SessionStatus};
use crate::{Client, ClientId, SessionId, User, UserId};

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

impl Auth {
    async fn known(&self, client: ClientId, session: Session) -> Result<KnownSession, AuthError> {
        let user = self.users.load(&session.user).await?.map(|loaded| loaded.aggregate);
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
        let client = self.ports.sessions.client_of(id).await?.ok_or(AuthError::NotFound)?;
        let loaded = self.ports.clients.load(&client).await?.ok_or(AuthError::NotFound)?;
        let session = loaded.aggregate.session(id).ok_or(AuthError::NotFound)?;
        self.known(client, session.clone()).await
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
            second_factor_required: self.policy().second_factor_required,
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
        let (changed, ()) = self
            .change_anothers(&client, |client| {
                client.end(id, Ending::Revoked, self.now());
                Ok(())
            })
            .await?;
        let session = changed.session(id).ok_or(AuthError::NotFound)?;
        self.known(client, session.clone()).await
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

    async fn known_sessions(&self, client: &Client) -> Result<Vec<KnownSession>, AuthError> {
        let mut known = Vec::with_capacity(client.sessions.len());
        for session in &client.sessions {
            known.push(self.known(client.id.clone(), session.clone()).await?);
        }
        Ok(known)
    }
}
