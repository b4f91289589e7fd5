//! A session and its reverification, as their own user sees them (contract 5.5, 5.9).

use phoneproof_domain::{
    Policy, Proof, Reverification, ReverificationStatus, Session, SessionId, SessionStatus, ShortText, Timestamp,
    UseCases, User, Username,
};
use serde::Serialize;

use crate::http::present::json::{UserJson, VerificationJson};
use crate::http::present::sign_in_json::FactorJson;

/// 5.5
#[derive(Serialize)]
pub(crate) struct OwnSessionJson<'a> {
    object: &'static str,
    id: &'a str,
    status: &'static str,
    expire_at: i64,
    abandon_at: i64,
    last_active_at: i64,
    last_active_organization_id: Option<()>,
    actor: Option<()>,
    tasks: Option<[TaskJson; 1]>,
    /// Minutes since the first and the second factor; -1 for none.
    factor_verification_age: [i64; 2],
    user: UserJson<'a>,
    public_user_data: PublicUserDataJson<'a>,
    last_active_token: Option<TokenJson>,
    created_at: i64,
    updated_at: i64,
}

/// What a pending session waits for.
#[derive(Serialize)]
pub(crate) struct TaskJson {
    key: &'static str,
}

/// A session token.
#[derive(Serialize)]
pub(crate) struct TokenJson {
    object: &'static str,
    jwt: String,
}

impl TokenJson {
    pub(crate) const fn new(jwt: String) -> Self {
        Self { object: "token", jwt }
    }
}

/// The identifier is the primary number, or else the user's id.
#[derive(Serialize)]
struct PublicUserDataJson<'a> {
    first_name: Option<&'a str>,
    last_name: Option<&'a str>,
    image_url: &'static str,
    has_image: bool,
    identifier: &'a str,
    user_id: &'a str,
    username: Option<&'a str>,
}

/// 5.9
#[derive(Serialize)]
pub(crate) struct ReverificationJson<'a> {
    object: &'static str,
    id: &'a str,
    status: &'static str,
    level: &'static str,
    session: Option<&'a OwnSessionJson<'a>>,
    supported_first_factors: Option<Vec<FactorJson>>,
    supported_second_factors: Option<Vec<FactorJson>>,
    first_factor_verification: Option<VerificationJson>,
    second_factor_verification: Option<VerificationJson>,
}

impl<'a> OwnSessionJson<'a> {
    /// With `token`, if the session is live.
    pub(crate) fn new(
        cases: &UseCases,
        session: &'a Session,
        status: SessionStatus,
        user: &'a User,
        token: Option<String>,
    ) -> Self {
        let age = |age: Option<u64>| age.and_then(|minutes| i64::try_from(minutes).ok()).unwrap_or(-1);
        Self {
            object: "session",
            id: session.id.as_str(),
            status: status.as_str(),
            expire_at: session.expire_at.as_millis(),
            abandon_at: session.expire_at.as_millis(),
            last_active_at: session.last_active_at.as_millis(),
            last_active_organization_id: None,
            actor: None,
            tasks: tasks(status),
            factor_verification_age: session.factor_ages(cases.now()).map(age),
            user: UserJson::for_user(user, cases),
            public_user_data: PublicUserDataJson::new(user),
            last_active_token: token.map(TokenJson::new),
            created_at: session.created_at.as_millis(),
            updated_at: session.updated_at.as_millis(),
        }
    }

    pub(crate) const fn id(&self) -> &'a str {
        self.id
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.last_active_token.as_ref().map(|token| token.jwt.as_str())
    }
}

/// What a session of this status waits for.
pub(crate) const fn tasks(status: SessionStatus) -> Option<[TaskJson; 1]> {
    match status {
        SessionStatus::Pending => Some([TaskJson { key: "setup-mfa" }]),
        _ => None,
    }
}

impl<'a> PublicUserDataJson<'a> {
    fn new(user: &'a User) -> Self {
        let profile = &user.profile;
        let primary = user.phones.primary().and_then(|id| user.phones.get(id));
        Self {
            first_name: profile.first_name.as_ref().map(ShortText::as_str),
            last_name: profile.last_name.as_ref().map(ShortText::as_str),
            image_url: "",
            has_image: false,
            identifier: primary.map_or(user.id.as_str(), |number| number.number.as_str()),
            user_id: user.id.as_str(),
            username: profile.username.as_ref().map(Username::as_str),
        }
    }
}

impl<'a> ReverificationJson<'a> {
    /// Of the session `id`, which is shown as `session`.
    pub(crate) fn new(
        reverification: &Reverification,
        id: &'a SessionId,
        session: Option<&'a OwnSessionJson<'a>>,
        user: Option<&User>,
        policy: &Policy,
        now: Timestamp,
    ) -> Self {
        let proof = |proof: &Option<Proof>| proof.as_ref().map(|proof| VerificationJson::of_proof(proof, now));
        Self {
            object: "session_reverification",
            id: id.as_str(),
            status: match reverification.status() {
                ReverificationStatus::NeedsFirstFactor => "needs_first_factor",
                ReverificationStatus::NeedsSecondFactor => "needs_second_factor",
                ReverificationStatus::Complete => "complete",
            },
            level: reverification.level.as_str(),
            session,
            // The prebuilt card prepares the first factor as soon as it is offered one.
            supported_first_factors: user
                .and_then(|user| reverification.first_factors(user, policy))
                .map(FactorJson::first),
            supported_second_factors: user
                .and_then(|user| reverification.second_factors(user))
                .map(FactorJson::second),
            first_factor_verification: proof(&reverification.first),
            second_factor_verification: proof(&reverification.second),
        }
    }
}
