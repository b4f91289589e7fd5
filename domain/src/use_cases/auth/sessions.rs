//! Sessions, as their own client uses them (contract 6.1, 6.4).

use super::change::write;
use super::{Acting, Auth, AuthError, Changed, Visit};
use crate::change::{ChangeError, change};
use crate::ports::{SessionQuery, Write};
use crate::session::{Ending, Session, SessionStatus};
use crate::use_cases::UserError;
use crate::{Client, ClientId, SessionId, Timestamp, User, UserId};

/// How many sessions a user's list of live ones has at most.
const MOST_LISTED: u32 = 100;

impl Auth {
    /// Who acts: in the session named, or in the one last active.
    ///
    /// # Errors
    /// [`AuthError::SignedOut`] without a client or a live session in it; [`AuthError::SessionOver`], also
    /// for a session of another client: whoever names one must be told to sign out.
    pub async fn acting(&self, visit: &Visit, named: Option<&SessionId>) -> Result<Acting, AuthError> {
        let client = &visit.client.as_ref().ok_or(AuthError::SignedOut)?.aggregate;
        let Some(id) = named else {
            let live = self.live_sessions(client).await?;
            let chosen = live
                .iter()
                .position(|acting| client.last_active_session.as_ref() == Some(&acting.session.id));
            return live.into_iter().nth(chosen.unwrap_or(0)).ok_or(AuthError::SignedOut);
        };
        let session = client.session(id).ok_or(AuthError::SessionOver)?;
        let user = self.users.load(&session.user).await?.map(|loaded| loaded.aggregate);
        if !self.status(session, user.as_ref()).is_live() {
            return Err(AuthError::SessionOver);
        }
        Ok(Acting {
            session: session.clone(),
            user: user.ok_or(AuthError::SessionOver)?,
        })
    }

    /// How a session stands now.
    #[must_use]
    pub fn status(&self, session: &Session, user: Option<&User>) -> SessionStatus {
        session.status(user, self.policy().second_factor_required, self.now())
    }

    /// Refuses a sensitive action whose factor was proven too long ago (contract 11.9).
    ///
    /// # Errors
    /// [`AuthError::ReverificationRequired`].
    pub fn must_be_fresh(&self, acting: &Acting) -> Result<(), AuthError> {
        match self.policy().reverify_after {
            Some(span) if !acting.session.is_fresh(&acting.user, self.now(), span) => {
                Err(AuthError::ReverificationRequired)
            }
            _ => Ok(()),
        }
    }

    /// Makes a client, if there is none.
    ///
    /// # Errors
    /// [`AuthError::User`].
    pub async fn make_client(&self, visit: &Visit) -> Result<Changed<()>, AuthError> {
        self.change_client(visit, |_| Ok(())).await
    }

    /// Marks a live session as the one last active.
    ///
    /// # Errors
    /// Those of [`Auth::acting`].
    pub async fn touch(&self, visit: &Visit, id: &SessionId) -> Result<Changed<Acting>, AuthError> {
        let now = self.now();
        let acting = self.acting(visit, Some(id)).await?;
        let mut user = acting.user.clone();
        let news = user.seen(now);
        let changed = self
            .change_client(visit, |client| {
                let activity = visit.activity.clone();
                let session = client.session_mut(id).ok_or(AuthError::NotFound)?;
                // To the minute: a page that is looked at often need not be written often.
                if now.since(session.last_active_at) >= std::time::Duration::from_secs(60) {
                    session.last_active_at = now;
                    session.activity = activity;
                }
                client.last_active_session = Some(id.clone());
                Ok(())
            })
            .await?;
        if news {
            user = self.users().own_account(&acting.user.id).await?;
        }
        let session = changed.client.session(id).cloned().unwrap_or(acting.session);
        Ok(Changed {
            client: changed.client,
            user: Some(user.clone()),
            token: changed.token,
            outcome: Acting { session, user },
        })
    }

    /// Ends one session of the client, which need not be live.
    ///
    /// # Errors
    /// [`AuthError::SignedOut`], [`AuthError::NotFound`].
    pub async fn end_session(&self, visit: &Visit, id: &SessionId, how: Ending) -> Result<Changed<Session>, AuthError> {
        let now = self.now();
        let client = &visit.client.as_ref().ok_or(AuthError::SignedOut)?.aggregate;
        client.session(id).ok_or(AuthError::NotFound)?;
        self.change_client(visit, |client| {
            client.end(id, how, now);
            client.session(id).cloned().ok_or(AuthError::NotFound)
        })
        .await
    }

    /// Ends all sessions of the client, and forgets what it was at.
    ///
    /// # Errors
    /// [`AuthError::User`].
    pub async fn sign_out(&self, visit: &Visit) -> Result<Option<Client>, AuthError> {
        if visit.client.is_none() {
            return Ok(None);
        }
        let now = self.now();
        let changed = self
            .change_client(visit, |client| {
                client.end_all(Ending::Removed, now);
                client.sign_in = None;
                client.sign_up = None;
                Ok(())
            })
            .await?;
        Ok(Some(changed.client))
    }

    /// The live sessions of a user, on any device.
    ///
    /// # Errors
    /// [`AuthError::User`].
    pub async fn sessions_of(&self, user: &UserId) -> Result<Vec<Session>, AuthError> {
        let query = SessionQuery {
            second_factor_required: self.policy().second_factor_required,
            user: Some(user.clone()),
            client: None,
            status: Some(SessionStatus::Active),
            now: self.now(),
            limit: MOST_LISTED,
            offset: 0,
        };
        let (found, _) = self.ports.sessions.sessions(&query).await?;
        Ok(found.into_iter().map(|(_, session)| session).collect())
    }

    /// Ends a session of the user who acts, on whichever device.
    ///
    /// # Errors
    /// [`AuthError::NotFound`] for a session of anybody else.
    pub async fn revoke_own(&self, acting: &Acting, id: &SessionId) -> Result<Session, AuthError> {
        let client = self.ports.sessions.client_of(id).await?.ok_or(AuthError::NotFound)?;
        let is_own = |client: &Client| client.session(id).is_some_and(|session| session.user == acting.user.id);
        let (client, ()) = self
            .change_anothers(&client, |client| {
                if !is_own(client) {
                    return Err(AuthError::NotFound);
                }
                client.end(id, Ending::Revoked, self.now());
                Ok(())
            })
            .await?;
        client.session(id).cloned().ok_or(AuthError::NotFound)
    }

    /// Changes a client that is not the one that asks.
    pub(super) async fn change_anothers<T: Send>(
        &self,
        id: &ClientId,
        decide: impl FnMut(&mut Client) -> Result<T, AuthError> + Send,
    ) -> Result<(Client, T), AuthError> {
        let loaded = self.ports.clients.load(id).await?;
        change(&*self.ports.clients, id, loaded, None, decide)
            .await
            .map_err(|error| match error {
                ChangeError::Refused(error) => error,
                ChangeError::Missing => AuthError::NotFound,
                ChangeError::Taken(what) => UserError::Taken(what).into(),
                ChangeError::Contended => UserError::Contended.into(),
                ChangeError::Store(error) => error.into(),
            })
    }

    /// After the user who acts has changed the own factors: every other session of the user ends.
    ///
    /// # Errors
    /// [`AuthError::User`].
    pub async fn end_other_sessions(&self, visit: &Visit, acting: &Acting) -> Result<Changed<()>, AuthError> {
        let fresh = self.fresh(visit);
        let subject = super::change::Subject::Known(acting.user.id.clone());
        self.change_both(visit, &fresh, subject, |client, user| {
            user.end_sessions();
            if let Some(session) = client.session_mut(&acting.session.id) {
                session.generation = user.sessions_generation;
            }
            Ok(())
        })
        .await
    }

    /// A session of a user without any browser, for a development back end.
    ///
    /// # Errors
    /// [`UserError::NoSuchUser`].
    pub async fn create_session(&self, user: &UserId) -> Result<(Client, Session), AuthError> {
        let now: Timestamp = self.now();
        let visit = Visit::default();
        let fresh = self.fresh(&visit);
        let loaded = self.users.load(user).await?.ok_or(UserError::NoSuchUser)?;
        super::sign_in::may_sign_in(&loaded.aggregate, now)?;
        let id = SessionId::generate(now, &*self.users.ports.entropy);
        let session = self.session(id, &loaded.aggregate, &visit, now, [Some(now), None]);
        let mut client = Client::new(fresh.token.id.clone(), fresh.token.hash(), now);
        client.begin(session.clone(), fresh.token.hash(), None, true, now);
        let writes = write(None, client.clone())
            .map(|change| Write::Client(Box::new(change)))
            .into_iter()
            .collect();
        match self.users.ports.unit_of_work.commit_all(writes).await {
            Ok(()) => Ok((client, session)),
            Err(crate::ports::CommitError::Store(error)) => Err(error.into()),
            Err(_) => Err(UserError::Contended.into()),
        }
    }
}
