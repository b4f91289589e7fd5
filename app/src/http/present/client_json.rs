//! The client with its sessions, sign-up and sign-in, as they stand on the wire (contract 5.5 to 5.9).

use phoneproof_domain::{
    Client, Factor, Proof, Reverification, ReverificationStatus, Session, SessionId, SessionStatus, SignIn, SignUp,
    Step, Strategy, Timestamp, User, Verification,
};
use serde_json::{Value, json};

use crate::http::AppState;
use crate::http::present::error::ApiError;
use crate::http::present::json::{UserJson, VerificationJson, public_user_data};

/// A client with everything that it takes to show it; fresh tokens are in it.
pub(crate) struct ClientView<'a> {
    state: &'a AppState,
    client: Option<&'a Client>,
    users: &'a [User],
    sessions: Vec<Value>,
    now: Timestamp,
}

/// What an answer is about.
pub(crate) enum Part<'a> {
    /// The client itself.
    Client,
    /// Its sign-up.
    SignUp,
    /// Its sign-in.
    SignIn,
    /// A live session of it.
    Session(&'a SessionId),
    /// The reverification of a session.
    Reverification(&'a SessionId),
    /// Something else, beside the client.
    Other(Value),
}

impl<'a> ClientView<'a> {
    /// One part of the client, as it is shown.
    pub(crate) fn part(&self, part: Part<'_>) -> Value {
        match part {
            Part::Client => self.json(),
            Part::SignUp => self.current_sign_up(),
            Part::SignIn => self.current_sign_in(),
            Part::Session(id) => self.session(id),
            Part::Reverification(id) => self.reverification(id),
            Part::Other(value) => value,
        }
    }

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
                sessions.push(session_json(state, session, status, user, Some(&token)));
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

    /// 5.6
    pub(crate) fn json(&self) -> Value {
        let Some(client) = self.client else { return Value::Null };
        let now = self.now;
        let live = |id: &SessionId| self.sessions.iter().any(|session| session["id"] == id.as_str());
        let first_live = || {
            self.sessions
                .first()
                .and_then(|session| session["id"].as_str().map(str::to_owned))
        };
        let last_active = client.last_active_session.as_ref().filter(|id| live(id));
        json!({
            "object": "client",
            "id": client.id.as_str(),
            "sessions": self.sessions,
            "sign_in": client.sign_in.as_ref().filter(|sign_in| self.is_alive(sign_in)).map(|sign_in| self.sign_in(sign_in)),
            "sign_up": client.sign_up.as_ref().filter(|sign_up| now < sign_up.abandon_at()).map(|sign_up| self.sign_up(sign_up)),
            "last_active_session_id": last_active.map(ToString::to_string).or_else(first_live),
            "last_authentication_strategy": client.last_strategy.map(Strategy::as_str),
            "cookie_expires_at": null,
            "captcha_bypass": false,
            "created_at": client.created_at.as_millis(),
            "updated_at": client.updated_at.as_millis(),
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
    pub(crate) fn active_token(&self) -> Option<String> {
        let last = self.client?.last_active_session.as_ref();
        let is_last = |session: &&Value| last.is_some_and(|id| session["id"] == id.as_str());
        let session = self.sessions.iter().find(is_last).or_else(|| self.sessions.first())?;
        session["last_active_token"]["jwt"].as_str().map(str::to_owned)
    }

    /// The client's sign-up.
    fn current_sign_up(&self) -> Value {
        let sign_up = self.client.and_then(|client| client.sign_up.as_ref());
        sign_up.map_or(Value::Null, |sign_up| self.sign_up(sign_up))
    }

    /// The client's sign-in.
    fn current_sign_in(&self) -> Value {
        let sign_in = self.client.and_then(|client| client.sign_in.as_ref());
        sign_in.map_or(Value::Null, |sign_in| self.sign_in(sign_in))
    }

    /// A live session.
    fn session(&self, id: &SessionId) -> Value {
        let found = self.sessions.iter().find(|session| session["id"] == id.as_str());
        found.cloned().unwrap_or(Value::Null)
    }

    /// 5.7
    fn sign_up(&self, sign_up: &SignUp) -> Value {
        let policy = self.state.cases.policy();
        let (missing, unverified) = match &sign_up.number {
            None => (vec!["phone_number"], vec![]),
            Some(_) if sign_up.verification.is_verified() => (vec![], vec![]),
            Some(_) => (vec![], vec!["phone_number"]),
        };
        let mut optional = vec!["first_name", "last_name"];
        if policy.passwords {
            optional.push("password");
        }
        let status = match &sign_up.completed {
            Some(_) => "complete",
            None if self.now >= sign_up.abandon_at() => "abandoned",
            None => "missing_requirements",
        };
        json!({
            "object": "sign_up_attempt",
            "id": sign_up.id.as_str(),
            "status": status,
            "required_fields": ["phone_number"],
            "optional_fields": optional,
            "missing_fields": missing,
            "unverified_fields": unverified,
            "verifications": {
                "phone_number": sign_up.number.as_ref().map(|_| sign_up_verification(&sign_up.verification, self.now)),
                "email_address": null, "web3_wallet": null, "external_account": null,
            },
            "username": null,
            "email_address": null,
            "phone_number": sign_up.number.as_ref().map(phoneproof_domain::E164::as_str),
            "web3_wallet": null,
            "password_enabled": sign_up.password.is_some(),
            "has_password": sign_up.password.is_some(),
            "first_name": sign_up.first_name.as_ref().map(phoneproof_domain::ShortText::as_str),
            "last_name": sign_up.last_name.as_ref().map(phoneproof_domain::ShortText::as_str),
            "unsafe_metadata": sign_up.unsafe_metadata.as_object(),
            "public_metadata": {},
            "custom_action": false,
            "external_id": null,
            "created_session_id": sign_up.completed.as_ref().map(|(_, session)| session.as_str()),
            "created_user_id": sign_up.completed.as_ref().map(|(user, _)| user.as_str()),
            "abandon_at": sign_up.abandon_at().as_millis(),
            "legal_accepted_at": null,
            "locale": sign_up.locale.as_ref().map(phoneproof_domain::ShortText::as_str),
        })
    }

    fn user_of(&self, sign_in: &SignIn) -> Option<&User> {
        let id = sign_in.user.as_ref()?;
        self.users.iter().find(|user| user.id == *id)
    }

    fn is_alive(&self, sign_in: &SignIn) -> bool {
        sign_in.is_alive(self.user_of(sign_in), self.now)
    }

    /// 5.8
    fn sign_in(&self, sign_in: &SignIn) -> Value {
        let (user, is_alive) = (self.user_of(sign_in), self.is_alive(sign_in));
        let policy = self.state.cases.policy();
        let first = user.map(|user| factors(&Factor::first_of(user, sign_in.identifier.as_ref(), policy), "primary"));
        // Nothing of the second factor shows before the first has passed, nor once that is worth nothing.
        let shows_second = is_alive && matches!(sign_in.step, Step::NeedsSecondFactor | Step::Complete(_));
        let second = user.filter(|_| shows_second);
        let second = second
            .filter(|user| user.two_factor_enabled())
            .map(|user| factors(&Factor::second_of(user), "default"));
        let status = if is_alive { sign_in.step.as_str() } else { "abandoned" };
        json!({
            "object": "sign_in_attempt",
            "id": sign_in.id.as_str(),
            "status": status,
            "supported_identifiers": ["phone_number"],
            "identifier": sign_in.identifier.as_ref().map(phoneproof_domain::E164::as_str),
            "supported_first_factors": first,
            "supported_second_factors": second,
            "first_factor_verification": sign_in.first.as_ref().map(|proof| proof_json(proof, self.now)),
            "second_factor_verification": sign_in.second.as_ref().map(|proof| proof_json(proof, self.now)),
            "user_data": user.map(user_data),
            "created_session_id": sign_in.session().map(SessionId::as_str),
            "abandon_at": sign_in.abandon_at().as_millis(),
            "client_trust_state": "known",
        })
    }

    /// 5.9
    fn reverification(&self, id: &SessionId) -> Value {
        let session = self.client.and_then(|client| client.session(id));
        let Some((session, reverification)) = session.and_then(|s| s.reverification.as_ref().map(|r| (s, r))) else {
            return Value::Null;
        };
        let user = self.users.iter().find(|user| user.id == session.user);
        let policy = self.state.cases.policy();
        let status = reverification.status();
        json!({
            "object": "session_reverification",
            "id": session.id.as_str(),
            "status": match status {
                ReverificationStatus::NeedsFirstFactor => "needs_first_factor",
                ReverificationStatus::NeedsSecondFactor => "needs_second_factor",
                ReverificationStatus::Complete => "complete",
            },
            "level": reverification.level.as_str(),
            "session": self.session(id),
            "supported_first_factors": user.map(|user| reverifying_factors(user, policy)),
            "supported_second_factors": user.filter(|user| user.two_factor_enabled())
                .map(|user| factors(&Factor::second_of(user), "default")),
            "first_factor_verification": proof_of(reverification, true).map(|proof| proof_json(proof, self.now)),
            "second_factor_verification": proof_of(reverification, false).map(|proof| proof_json(proof, self.now)),
        })
    }
}

fn proof_of(reverification: &Reverification, first: bool) -> Option<&Proof> {
    if first {
        reverification.first.as_ref()
    } else {
        reverification.second.as_ref()
    }
}

/// A session verifies anew by what one signs in with; a password is not reset here.
fn reverifying_factors(user: &User, policy: &phoneproof_domain::Policy) -> Value {
    let mut offered = Factor::first_of(user, None, policy);
    offered.retain(|factor| factor.strategy != Strategy::ResetPasswordPhoneCode);
    factors(&offered, "primary")
}

/// 5.5
pub(crate) fn session_json(
    state: &AppState,
    session: &Session,
    status: SessionStatus,
    user: &User,
    token: Option<&str>,
) -> Value {
    let now = state.cases.now();
    let age = |age: Option<u64>| age.map_or(json!(-1), |minutes| json!(minutes));
    let [first, second] = session.factor_ages(now).map(age);
    json!({
        "object": "session",
        "id": session.id.as_str(),
        "status": status.as_str(),
        "expire_at": session.expire_at.as_millis(),
        "abandon_at": session.expire_at.as_millis(),
        "last_active_at": session.last_active_at.as_millis(),
        "last_active_organization_id": null,
        "actor": null,
        "tasks": tasks(status),
        "factor_verification_age": [first, second],
        "user": UserJson::for_user(user, &state.cases),
        "public_user_data": public_user_data(user),
        "last_active_token": token.map(|token| json!({ "object": "token", "jwt": token })),
        "created_at": session.created_at.as_millis(),
        "updated_at": session.updated_at.as_millis(),
    })
}

/// What a pending session waits for.
pub(crate) fn tasks(status: SessionStatus) -> Value {
    match status {
        SessionStatus::Pending => json!([{ "key": "setup-mfa" }]),
        _ => Value::Null,
    }
}

fn user_data(user: &User) -> Value {
    let profile = &user.profile;
    json!({
        "first_name": profile.first_name.as_ref().map(phoneproof_domain::ShortText::as_str),
        "last_name": profile.last_name.as_ref().map(phoneproof_domain::ShortText::as_str),
        "image_url": "",
        "has_image": false,
    })
}

fn factors(factors: &[Factor], preferred: &str) -> Value {
    let factor = |factor: &Factor| {
        let mut json = json!({ "strategy": factor.strategy.as_str() });
        if let Some(number) = &factor.number {
            json["phone_number_id"] = json!(number.id.as_str());
            json["safe_identifier"] = json!(number.safe_identifier);
            json[preferred] = json!(number.preferred);
        }
        json
    };
    factors.iter().map(factor).collect()
}

/// 5.2, of a factor.
fn proof_json(proof: &Proof, now: Timestamp) -> Value {
    match proof {
        Proof::Texted {
            strategy, verification, ..
        } => {
            let mut json = json!(VerificationJson::of(verification, now));
            json["strategy"] = json!(strategy.as_str());
            json
        }
        Proof::Given { strategy } => json!({
            "object": format!("verification_{}", strategy.as_str()),
            "status": "verified", "strategy": strategy.as_str(), "attempts": null, "expire_at": null,
        }),
    }
}

/// 5.7, the table: without `prepare` there must be neither status nor strategy.
fn sign_up_verification(verification: &Verification, now: Timestamp) -> Value {
    let mut json = json!(VerificationJson::of(verification, now));
    if json.is_null() {
        json = json!({
            "object": "verification_otp", "status": null, "strategy": null, "attempts": null, "expire_at": null,
        });
    }
    json["next_action"] = json!(match verification {
        Verification::Running { .. } => "needs_attempt",
        verification if verification.is_verified() => "",
        _ => "needs_prepare",
    });
    json["supported_strategies"] = json!(["phone_code"]);
    json
}
