//! Finding out who asks, and loading what the use cases need of them: once for a request.

use super::{AuthError, UseCases};
use crate::actor::{ByToken, ClientContext, InSession, RequestContext};
use crate::ports::{Identity, Loaded, StoreError};
use crate::session::{Session, SessionStatus};
use crate::{Client, ClientId, SessionId, Token, User, UserId};

impl UseCases {
    /// The client that a token opens, with the users of its sessions.
    ///
    /// # Errors
    /// [`AuthError::TokenReplaced`] for a token that was replaced a moment ago; [`AuthError::User`] if the store fails.
    pub async fn client_context(
        &self,
        token: Option<&Token<ClientId>>,
        request: RequestContext,
    ) -> Result<ClientContext, AuthError> {
        let client = match token {
            Some(token) => self.client_opened_by(token).await?,
            None => None,
        };
        let users = match &client {
            Some(loaded) => self.users_of(&loaded.aggregate).await?,
            None => Vec::new(),
        };
        Ok(ClientContext { client, users, request })
    }

    pub(super) async fn client_opened_by(&self, token: &Token<ClientId>) -> Result<Option<Loaded<Client>>, AuthError> {
        let Some(loaded) = self.ports.clients.load(&token.id).await? else {
            return Ok(None);
        };
        if loaded.aggregate.token == token.hash() {
            Ok(Some(loaded))
        } else if loaded.aggregate.has_just_replaced(&token.hash(), self.now()) {
            Err(AuthError::TokenReplaced)
        } else {
            Ok(None)
        }
    }

    /// The users of a client's open sessions and of its sign-in: what it takes to show the client.
    pub(super) async fn users_of(&self, client: &Client) -> Result<Vec<Loaded<User>>, StoreError> {
        let now = self.now();
        let mut ids: Vec<&UserId> = client.open_sessions(now).map(|session| &session.user).collect();
        ids.extend(client.sign_in.as_ref().and_then(|sign_in| sign_in.user.as_ref()));
        ids.sort_unstable();
        ids.dedup();
        let mut users = Vec::with_capacity(ids.len());
        for id in ids {
            users.extend(self.ports.users.load(id).await?);
        }
        Ok(users)
    }

    /// Who acts in a client: in the session named, or in the one last active.
    ///
    /// # Errors
    /// [`AuthError::SignedOut`] without a client or a live session in it; [`AuthError::SessionOver`], also
    /// for a session of another client: whoever names one must be told to sign out.
    pub fn in_session(&self, context: ClientContext, named: Option<&SessionId>) -> Result<InSession, AuthError> {
        let client = context.client().ok_or(AuthError::SignedOut)?;
        let chosen = if let Some(id) = named {
            let session = client.session(id).ok_or(AuthError::SessionOver)?;
            let user = self.live_user(&context, session);
            (session.clone(), user.ok_or(AuthError::SessionOver)?.clone())
        } else {
            let live = self.live_sessions(&context);
            let last = client.last_active_session.as_ref();
            let chosen = live.iter().find(|(session, _)| last == Some(&session.id));
            let (session, user) = *chosen.or_else(|| live.first()).ok_or(AuthError::SignedOut)?;
            (session.clone(), user.clone())
        };
        let (session, user) = chosen;
        Ok(InSession { context, session, user })
    }

    /// The user whom an identity provider's token names, with what is known of that user, after following what
    /// the token says of the phone number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn by_token(&self, identity: Identity, request: RequestContext) -> Result<ByToken, StoreError> {
        let user = self.ports.users.load(&identity.user).await?;
        let (user, conflict) = match &identity.phone {
            Some(said) => self.follow(&identity, said, user).await?,
            None => (user, None),
        };
        Ok(ByToken {
            user,
            id: identity.user,
            email: identity.email,
            conflict,
            request,
        })
    }

    /// How a session stands now.
    #[must_use]
    pub fn status(&self, session: &Session, user: Option<&User>) -> SessionStatus {
        session.status(user, self.policy.second_factor_required, self.now())
    }

    /// The sessions of a client by which somebody is signed in, with their users.
    pub(super) fn live_sessions<'c>(&self, context: &'c ClientContext) -> Vec<(&'c Session, &'c Loaded<User>)> {
        let open = context
            .client()
            .into_iter()
            .flat_map(|client| client.open_sessions(self.now()));
        open.filter_map(|session| Some((session, self.live_user(context, session)?)))
            .collect()
    }

    fn live_user<'c>(&self, context: &'c ClientContext, session: &Session) -> Option<&'c Loaded<User>> {
        let user = context.user(&session.user)?;
        self.status(session, Some(&user.aggregate)).is_live().then_some(user)
    }
}
