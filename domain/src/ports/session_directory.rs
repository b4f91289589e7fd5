use async_trait::async_trait;

use super::StoreError;
use crate::{Client, ClientId, Session, SessionId, SessionStatus, SignUpId, Timestamp, UserId};

/// Which sessions are meant; all given conditions must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionQuery {
    /// Of this user.
    pub user: Option<UserId>,
    /// Of this client.
    pub client: Option<ClientId>,
    /// That stand like this.
    pub status: Option<SessionStatus>,
    /// Whether the sessions of users without a second factor are pending.
    pub second_factor_required: bool,
    /// At this moment.
    pub now: Timestamp,
    /// At most so many, youngest first.
    pub limit: u32,
    /// After leaving out so many.
    pub offset: u64,
}

/// Answers questions across clients. What it says may be outdated a moment later.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SessionDirectory: Send + Sync {
    /// Which client a session belongs to.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn client_of(&self, id: &SessionId) -> Result<Option<ClientId>, StoreError>;

    /// Which client is, or was last, at a sign-up.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn client_at(&self, id: &SignUpId) -> Result<Option<ClientId>, StoreError>;

    /// One page of the sessions that fit, youngest first, each with its client; and how many fit in all.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn sessions(&self, query: &SessionQuery) -> Result<(Vec<(ClientId, Session)>, u64), StoreError>;

    /// One page of clients, youngest first; and how many there are in all.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn clients(&self, limit: u32, offset: u64) -> Result<(Vec<Client>, u64), StoreError>;

    /// Removes clients that were made before `before` and never did anything: without sessions, and without a sign-up or
    /// sign-in that has begun since. How many.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn forget_idle_clients(&self, before: Timestamp) -> Result<u64, StoreError>;
}
