//! One browser or app: its sessions, and the sign-up and sign-in that it is at.

use std::time::Duration;

use crate::ports::Aggregate;
use crate::proof::Strategy;
use crate::session::{Ending, Session};
use crate::sign_in::SignIn;
use crate::sign_up::SignUp;
use crate::{ClientId, SessionId, Timestamp, TokenHash, UserId};

/// How long an ended session is remembered.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 3600);
/// At most so many ended sessions of one client are remembered, the youngest ones.
const MOST_ENDED: usize = 20;

/// A client: what a browser's cookie opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The identifier, `client_…`.
    pub id: ClientId,
    /// What is kept of its token. A new one at every sign-in: a token planted before is worthless after.
    pub token: TokenHash,
    /// Its sessions, oldest first: live ones, and for a while ended ones.
    pub sessions: Vec<Session>,
    /// The session that was last chosen.
    pub last_active_session: Option<SessionId>,
    /// By what somebody last signed in.
    pub last_strategy: Option<Strategy>,
    /// The sign-up that it is at.
    pub sign_up: Option<SignUp>,
    /// The sign-in that it is at.
    pub sign_in: Option<SignIn>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When somebody last signed in or out, and nothing else: back ends compare it with the age of
    /// session tokens (contract 7.3).
    pub updated_at: Timestamp,
}

impl Aggregate for Client {
    type Id = ClientId;
}

impl Client {
    /// A client in which nobody is signed in.
    #[must_use]
    pub const fn new(id: ClientId, token: TokenHash, now: Timestamp) -> Self {
        Self {
            id,
            token,
            sessions: Vec::new(),
            last_active_session: None,
            last_strategy: None,
            sign_up: None,
            sign_in: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// One session.
    #[must_use]
    pub fn session(&self, id: &SessionId) -> Option<&Session> {
        self.sessions.iter().find(|session| session.id == *id)
    }

    pub(crate) fn session_mut(&mut self, id: &SessionId) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.id == *id)
    }

    /// The sessions that nothing in this client has ended and whose time is not up. Whether they
    /// are live depends on their users, too.
    pub fn open_sessions(&self, now: Timestamp) -> impl Iterator<Item = &Session> {
        self.sessions
            .iter()
            .filter(move |session| session.ending.is_none() && now < session.expire_at)
    }

    /// The open sessions of one user.
    pub fn open_sessions_of<'a>(&'a self, user: &'a UserId, now: Timestamp) -> impl Iterator<Item = &'a Session> {
        self.open_sessions(now).filter(move |session| session.user == *user)
    }

    /// Begins a session. With `alone` it replaces all others; else those of the same user.
    pub(crate) fn begin(
        &mut self,
        session: Session,
        token: TokenHash,
        strategy: Option<Strategy>,
        alone: bool,
        now: Timestamp,
    ) {
        for other in &mut self.sessions {
            if alone || other.user == session.user {
                other.end(Ending::Replaced, now);
            }
        }
        self.last_active_session = Some(session.id.clone());
        self.last_strategy = strategy.or(self.last_strategy);
        self.sessions.push(session);
        self.token = token;
        self.updated_at = now;
        self.forget(now);
    }

    /// Ends one session.
    pub(crate) fn end(&mut self, id: &SessionId, how: Ending, now: Timestamp) {
        if let Some(session) = self.session_mut(id) {
            session.end(how, now);
        }
        self.settle(now);
    }

    /// Ends all sessions.
    pub(crate) fn end_all(&mut self, how: Ending, now: Timestamp) {
        for session in &mut self.sessions {
            session.end(how, now);
        }
        self.settle(now);
    }

    /// After somebody signed out: who is left becomes the one last active.
    fn settle(&mut self, now: Timestamp) {
        let left = self
            .open_sessions(now)
            .max_by_key(|session| session.last_active_at)
            .map(|session| session.id.clone());
        let chosen = self.last_active_session.as_ref();
        if !chosen.is_some_and(|id| self.open_sessions(now).any(|session| session.id == *id)) {
            self.last_active_session = left;
        }
        self.updated_at = now;
        self.forget(now);
    }

    fn forget(&mut self, now: Timestamp) {
        let is_over = |session: &Session| session.ending.is_some() || now >= session.expire_at;
        let mut over: Vec<(Timestamp, SessionId)> = self
            .sessions
            .iter()
            .filter(|session| is_over(session))
            .map(|session| (session.updated_at, session.id.clone()))
            .collect();
        over.sort_unstable_by(|one, other| other.cmp(one));
        over.retain({
            let mut at = 0;
            move |(ended_at, _)| {
                at += 1;
                at > MOST_ENDED || now.since(*ended_at) > REMEMBERED
            }
        });
        self.sessions
            .retain(|session| !over.iter().any(|(_, id)| *id == session.id));
    }
}
