//! The client as it stands on the wire, with its sessions, its sign-up and its sign-in (contract 5.6).

use phoneproof_domain::{Client, SessionId, SignIn, SignUp, Strategy, Timestamp, User};
use serde::Serialize;

use crate::http::AppState;
use crate::http::present::error::ApiError;
use crate::http::present::own_session_json::{OwnSessionJson, ReverificationJson};
use crate::http::present::sign_in_json::SignInJson;
use crate::http::present::sign_up_json::SignUpJson;

/// A client with everything that it takes to show it; fresh tokens are in it.
pub(crate) struct ClientView<'a> {
    state: &'a AppState,
    client: Option<&'a Client>,
    users: &'a [User],
    sessions: Vec<OwnSessionJson<'a>>,
    now: Timestamp,
}

/// What an answer is about.
#[derive(Clone, Copy)]
pub(crate) enum Part<'p> {
    /// The client itself.
    Client,
    /// Its sign-up.
    SignUp,
    /// Its sign-in.
    SignIn,
    /// A live session of it.
    Session(&'p SessionId),
    /// The reverification of a session.
    Reverification(&'p SessionId),
}

/// A part as it is written; null if the client has none.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum PartJson<'v> {
    Client(Option<Box<ClientJson<'v>>>),
    SignUp(Option<SignUpJson<'v>>),
    SignIn(Option<SignInJson<'v>>),
    Session(Option<&'v OwnSessionJson<'v>>),
    Reverification(Option<ReverificationJson<'v>>),
}

/// 5.6
#[derive(Serialize)]
pub(crate) struct ClientJson<'v> {
    object: &'static str,
    id: &'v str,
    sessions: &'v [OwnSessionJson<'v>],
    sign_in: Option<SignInJson<'v>>,
    sign_up: Option<SignUpJson<'v>>,
    last_active_session_id: Option<&'v str>,
    last_authentication_strategy: Option<&'static str>,
    cookie_expires_at: Option<i64>,
    captcha_bypass: bool,
    created_at: i64,
    updated_at: i64,
}

impl<'a> ClientView<'a> {
    /// With a token of each live session: the SDK takes them over at once (contract 5.5, 20).
    pub(crate) async fn new(
        state: &'a AppState,
        client: Option<&'a Client>,
        users: &'a [User],
        page: Option<&str>,
    ) -> Result<Self, ApiError> {
        let now = state.cases.now();
        let mut sessions = Vec::new();
        for session in client.into_iter().flat_map(|client| client.open_sessions(now)) {
            let user = users.iter().find(|user| user.id == session.user);
            let status = state.cases.status(session, user);
            if let (true, Some(user)) = (status.is_live(), user) {
                let since = client.map_or(now, |client| client.updated_at);
                let token = state.session_tokens.current(session, status, page, since).await?;
                sessions.push(OwnSessionJson::new(&state.cases, session, status, user, Some(token)));
            }
        }
        Ok(Self {
            state,
            client,
            users,
            sessions,
            now,
        })
    }

    /// One part of the client, as it is shown.
    pub(crate) fn part(&self, part: Part<'_>) -> PartJson<'_> {
        match part {
            Part::Client => PartJson::Client(self.json().map(Box::new)),
            Part::SignUp => PartJson::SignUp(
                self.client
                    .and_then(|client| Some(self.sign_up(client.sign_up.as_ref()?))),
            ),
            Part::SignIn => PartJson::SignIn(
                self.client
                    .and_then(|client| Some(self.sign_in(client.sign_in.as_ref()?))),
            ),
            Part::Session(id) => PartJson::Session(self.session(id)),
            Part::Reverification(id) => PartJson::Reverification(self.reverification(id)),
        }
    }

    /// 5.6
    pub(crate) fn json(&self) -> Option<ClientJson<'_>> {
        let client = self.client?;
        let sign_in = client.sign_in.as_ref();
        let sign_up = client.sign_up.as_ref();
        Some(ClientJson {
            object: "client",
            id: client.id.as_str(),
            sessions: &self.sessions,
            sign_in: sign_in
                .filter(|sign_in| sign_in.is_alive(self.user_of(sign_in), self.now))
                .map(|sign_in| self.sign_in(sign_in)),
            sign_up: sign_up
                .filter(|sign_up| self.now < sign_up.abandon_at())
                .map(|sign_up| self.sign_up(sign_up)),
            last_active_session_id: self.last_active().map(OwnSessionJson::id),
            last_authentication_strategy: client.last_strategy.map(Strategy::as_str),
            cookie_expires_at: None,
            captcha_bypass: false,
            created_at: client.created_at.as_millis(),
            updated_at: client.updated_at.as_millis(),
        })
    }

    /// When somebody last signed in or out, in seconds; 0 if nobody is signed in (contract 2.4).
    pub(crate) fn uat(&self) -> i64 {
        match self.client {
            Some(client) if !self.sessions.is_empty() => client.updated_at.as_seconds(),
            _ => 0,
        }
    }

    /// The fresh token of the session last active.
    pub(crate) fn active_token(&self) -> Option<&str> {
        self.last_active()?.token()
    }

    /// The live session that was last active, or else the first.
    fn last_active(&self) -> Option<&OwnSessionJson<'a>> {
        let last = self.client?.last_active_session.as_ref();
        last.and_then(|id| self.session(id)).or_else(|| self.sessions.first())
    }

    /// A live session.
    fn session(&self, id: &SessionId) -> Option<&OwnSessionJson<'a>> {
        self.sessions.iter().find(|session| session.id() == id.as_str())
    }

    fn sign_up<'v>(&'v self, sign_up: &'v SignUp) -> SignUpJson<'v> {
        SignUpJson::new(sign_up, self.state.cases.policy(), self.now)
    }

    fn sign_in<'v>(&'v self, sign_in: &'v SignIn) -> SignInJson<'v> {
        SignInJson::new(sign_in, self.user_of(sign_in), self.state.cases.policy(), self.now)
    }

    fn user_of(&self, sign_in: &SignIn) -> Option<&'a User> {
        let id = sign_in.user.as_ref()?;
        self.users.iter().find(|user| user.id == *id)
    }

    fn reverification(&self, id: &SessionId) -> Option<ReverificationJson<'_>> {
        let session = self.client?.session(id)?;
        let user = self.users.iter().find(|user| user.id == session.user);
        let reverification = session.reverification.as_ref()?;
        let (shown, policy) = (self.session(id), self.state.cases.policy());
        Some(ReverificationJson::new(
            reverification,
            &session.id,
            shown,
            user,
            policy,
            self.now,
        ))
    }
}
