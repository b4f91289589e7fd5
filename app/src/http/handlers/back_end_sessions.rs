//! `/v1/sessions`, `/v1/clients` and `/v1/sign_in_tokens`, by secret key (contract 8.5).

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use phoneproof_domain::use_cases::KnownSession;
use phoneproof_domain::{
    Client, ClientId, Lockout, Session, SessionId, SessionStatus, SignInToken, Strategy, Timestamp, Token, User,
    passing_id,
};
use serde_json::{Value, json};

use crate::http::AppState;
use crate::http::extract::body::{Body, Query};
use crate::http::extract::caller::BackEnd;
use crate::http::extract::params::Params;
use crate::http::handlers::sessions::activity;
use crate::http::handlers::users::user_named;
use crate::http::present::client_json::tasks;
use crate::http::present::envelope::bare;
use crate::http::present::error::ApiError;
use crate::http::present::json::{UserJson, user_event};
use crate::session_tokens::{LIFETIME, PUBLISHED_AFTER};

/// 8.5
pub(crate) fn session_json(known: &KnownSession) -> Value {
    shown(&known.client, &known.session, known.status)
}

/// A session as an event tells of it: with its user.
pub(crate) fn session_event(
    client: &ClientId,
    session: &Session,
    status: SessionStatus,
    user: Option<&User>,
    now: Timestamp,
    lockout: &Lockout,
) -> Value {
    let mut event = shown(client, session, status);
    event["user"] = json!(user.map(|user| user_event(user, now, lockout)));
    event
}

fn shown(client: &ClientId, session: &Session, status: SessionStatus) -> Value {
    json!({
        "object": "session",
        "id": session.id.as_str(),
        "user_id": session.user.as_str(),
        "client_id": client.as_str(),
        "actor": null,
        "status": status.as_str(),
        "last_active_organization_id": null,
        "last_active_at": session.last_active_at.as_millis(),
        "latest_activity": activity(session),
        "expire_at": session.expire_at.as_millis(),
        "abandon_at": session.expire_at.as_millis(),
        "tasks": tasks(status),
        "created_at": session.created_at.as_millis(),
        "updated_at": session.updated_at.as_millis(),
    })
}

fn client_json(client: &Client, sessions: &[KnownSession]) -> Value {
    let live: Vec<&KnownSession> = sessions.iter().filter(|known| known.status.is_live()).collect();
    json!({
        "object": "client",
        "id": client.id.as_str(),
        "session_ids": live.iter().map(|known| known.session.id.as_str()).collect::<Vec<_>>(),
        "sessions": live.iter().map(|known| session_json(known)).collect::<Vec<_>>(),
        "sign_in_id": client.sign_in.as_ref().map(|sign_in| sign_in.id.as_str()),
        "sign_up_id": client.sign_up.as_ref().map(|sign_up| sign_up.id.as_str()),
        "last_active_session_id": client.last_active_session.as_ref().map(SessionId::as_str),
        "last_authentication_strategy": client.last_strategy.map(Strategy::as_str),
        "created_at": client.created_at.as_millis(),
        "updated_at": client.updated_at.as_millis(),
    })
}

/// A bare list, or with `paginated=true` one with its total.
pub(crate) fn listed(params: &Params, data: Vec<Value>, total: u64) -> Result<HttpResponse, ApiError> {
    if params.flag("paginated")? == Some(true) {
        Ok(bare(json!({ "data": data, "total_count": total })))
    } else {
        Ok(bare(data))
    }
}

pub(crate) async fn list(_: BackEnd, state: Data<AppState>, Query(params): Query) -> Result<HttpResponse, ApiError> {
    let (limit, offset) = params.page()?;
    // An id that is none belongs to nobody.
    let user = params.given("user_id")?.map(str::parse);
    let client = params.given("client_id")?.map(str::parse);
    let (Ok(user), Ok(client)) = (user.transpose(), client.transpose()) else {
        return listed(&params, Vec::new(), 0);
    };
    let status = match params.given("status")? {
        None => None,
        Some("active") => Some(SessionStatus::Active),
        Some("pending") => Some(SessionStatus::Pending),
        Some("ended") => Some(SessionStatus::Ended),
        Some("removed") => Some(SessionStatus::Removed),
        Some("revoked") => Some(SessionStatus::Revoked),
        Some("replaced") => Some(SessionStatus::Replaced),
        Some("expired") => Some(SessionStatus::Expired),
        Some("abandoned") => return listed(&params, Vec::new(), 0),
        Some(_) => return Err(ApiError::ParamValue("status")),
    };
    let (sessions, total) = state.auth.list_sessions(user, client, status, limit, offset).await?;
    listed(&params, sessions.iter().map(session_json).collect(), total)
}

pub(crate) async fn show(_: BackEnd, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    Ok(bare(session_json(&state.auth.session_by_id(&named(&id)?).await?)))
}

pub(crate) async fn revoke(_: BackEnd, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    Ok(bare(session_json(&state.auth.revoke_session(&named(&id)?).await?)))
}

/// A session without a browser, for tests of an application.
pub(crate) async fn create(_: BackEnd, state: Data<AppState>, Body(params): Body) -> Result<HttpResponse, ApiError> {
    let user = user_named(params.required("user_id")?)?;
    if !state.development {
        return Err(ApiError::DevelopmentOnly);
    }
    let (_, session) = state.auth.create_session(&user).await?;
    Ok(bare(session_json(&state.auth.session_by_id(&session.id).await?)))
}

pub(crate) async fn token(
    _: BackEnd,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let known = state.auth.session_by_id(&named(&id)?).await?;
    if !known.status.is_live() {
        return Err(phoneproof_domain::use_cases::AuthError::SessionOver.into());
    }
    let lifetime = match params.integer("expires_in_seconds")? {
        None => LIFETIME,
        // No longer than a replaced key is published.
        Some(seconds) => u64::try_from(seconds)
            .ok()
            .map(Duration::from_secs)
            .filter(|span| *span >= Duration::from_secs(30) && *span <= PUBLISHED_AFTER)
            .ok_or(ApiError::ParamValue("expires_in_seconds"))?,
    };
    let token = state
        .session_tokens
        .mint(&known.session, known.status, None, lifetime)
        .await?;
    Ok(bare(json!({ "object": "token", "jwt": token })))
}

pub(crate) async fn list_clients(
    _: BackEnd,
    state: Data<AppState>,
    Query(params): Query,
) -> Result<HttpResponse, ApiError> {
    let (limit, offset) = params.page()?;
    let (clients, total) = state.auth.list_clients(limit, offset).await?;
    let shown = clients.iter().map(|(client, sessions)| client_json(client, sessions));
    listed(&params, shown.collect(), total)
}

pub(crate) async fn show_client(_: BackEnd, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let id: ClientId = id.parse().map_err(|_| ApiError::NotFound)?;
    let (client, sessions) = state.auth.client_by_id(&id).await?;
    Ok(bare(client_json(&client, &sessions)))
}

/// Whose browser a client token is.
pub(crate) async fn verify_client(
    _: BackEnd,
    state: Data<AppState>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let token: Token<ClientId> = params.required("token")?.parse().map_err(|_| ApiError::NotFound)?;
    let loaded = state.auth.client(&token).await?.ok_or(ApiError::NotFound)?;
    let (client, sessions) = state.auth.client_by_id(&loaded.aggregate.id).await?;
    Ok(bare(client_json(&client, &sessions)))
}

fn ticket_json(ticket: &SignInToken) -> Value {
    json!({
        "object": "sign_in_token",
        "id": ticket.id.as_str(),
        "status": ticket.status.as_str(),
        "user_id": ticket.user.as_str(),
        "created_at": ticket.created_at.as_millis(),
        "updated_at": ticket.updated_at.as_millis(),
    })
}

pub(crate) async fn create_ticket(
    _: BackEnd,
    state: Data<AppState>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    const MOST: u64 = 315_360_000;
    let user = user_named(params.required("user_id")?)?;
    let lifetime = params.integer("expires_in_seconds")?.map(|seconds| {
        let seconds = u64::try_from(seconds)
            .ok()
            .filter(|seconds| (1..=MOST).contains(seconds));
        seconds
            .map(Duration::from_secs)
            .ok_or(ApiError::ParamValue("expires_in_seconds"))
    });
    let (ticket, token) = state.auth.create_ticket(&user, lifetime.transpose()?).await?;
    let token = token.reveal();
    let mut shown = ticket_json(&ticket);
    // The prebuilt sign-in component takes the ticket from the address of its page.
    shown["url"] = json!(state.sign_in_url.clone().map(|mut url| {
        url.query_pairs_mut().append_pair("__clerk_ticket", &token);
        String::from(url)
    }));
    shown["token"] = json!(token);
    Ok(bare(shown))
}

pub(crate) async fn revoke_ticket(
    _: BackEnd,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = id.parse().map_err(|_| ApiError::NotFound)?;
    Ok(bare(ticket_json(&state.auth.revoke_ticket(&id).await?)))
}

/// A token with which a test suite passes a bot check. There is none here, so any will do.
pub(crate) async fn create_testing_token(_: BackEnd, state: Data<AppState>) -> HttpResponse {
    let expires_at: Timestamp = state.users.now().plus(Duration::from_secs(3600));
    let token = passing_id("testing", state.users.now(), &*state.entropy);
    bare(json!({ "object": "testing_token", "token": token, "expires_at": expires_at.as_seconds() }))
}

/// What changes about a user's password, by secret key.
pub(crate) async fn verify_password(
    _: BackEnd,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let password = params.required("password")?;
    if state.auth.verify_password(&user_named(&id)?, password).await? {
        Ok(bare(json!({ "verified": true })))
    } else {
        Err(ApiError::IncorrectPassword)
    }
}

pub(crate) async fn remove_password(
    _: BackEnd,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let user = state.users.remove_password(&user_named(&id)?).await?;
    Ok(bare(UserJson::for_back_end(&user, &state.users)))
}

fn named(id: &str) -> Result<SessionId, ApiError> {
    id.parse().map_err(|_| ApiError::NotFound)
}
