//! `/v1/sessions`, `/v1/clients` and `/v1/sign_in_tokens`, by secret key (contract 8.5).

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use phoneproof_domain::{ClientId, SessionStatus, SignInToken, Timestamp, Token};
use serde_json::{Value, json};

use crate::http::AppState;
use crate::http::extract::back_end::BackEnd;
use crate::http::extract::body::{Body, Query};
use crate::http::extract::ids::{named, user_named};
use crate::http::extract::lifetime::{session_token_lifetime, ticket_lifetime};
use crate::http::present::envelope::bare;
use crate::http::present::error::ApiError;
use crate::http::present::json::UserJson;
use crate::http::present::list::list_json;
use crate::http::present::own_session_json::TokenJson;
use crate::http::present::session_json::{client_json, session_json};

pub(crate) async fn list(_: BackEnd, state: Data<AppState>, Query(params): Query) -> Result<HttpResponse, ApiError> {
    let (limit, offset) = params.page()?;
    // An id that is none belongs to nobody.
    let user = params.given("user_id")?.map(str::parse);
    let client = params.given("client_id")?.map(str::parse);
    let (Ok(user), Ok(client)) = (user.transpose(), client.transpose()) else {
        return Ok(list_json(params.flag("paginated")?, Vec::new(), 0));
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
        Some("abandoned") => return Ok(list_json(params.flag("paginated")?, Vec::new(), 0)),
        Some(_) => return Err(ApiError::ParamValue("status")),
    };
    let (sessions, total) = state.cases.list_sessions(user, client, status, limit, offset).await?;
    Ok(list_json(
        params.flag("paginated")?,
        sessions.iter().map(session_json).collect(),
        total,
    ))
}

pub(crate) async fn show(_: BackEnd, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    Ok(bare(session_json(&state.cases.session_by_id(&named(&id)?).await?)))
}

pub(crate) async fn revoke(_: BackEnd, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    Ok(bare(session_json(&state.cases.revoke_session(&named(&id)?).await?)))
}

/// A session without a browser, for tests of an application.
pub(crate) async fn create(_: BackEnd, state: Data<AppState>, Body(params): Body) -> Result<HttpResponse, ApiError> {
    let user = user_named(params.required("user_id")?)?;
    if !state.development {
        return Err(ApiError::DevelopmentOnly);
    }
    Ok(bare(session_json(&state.cases.create_session(&user).await?)))
}

pub(crate) async fn token(
    _: BackEnd,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let (known, since) = state.cases.live_session_by_id(&named(&id)?).await?;
    let lifetime = session_token_lifetime(&params)?;
    let token = state
        .session_tokens
        .mint(&known.session, known.status, None, since, lifetime)
        .await?;
    Ok(bare(TokenJson::new(token)))
}

/// Refresh tokens would spare a handshake; none is ever set. The SDK takes the refusal and sends the browser there.
pub(crate) async fn refresh(_: BackEnd, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    state.cases.session_by_id(&named(&id)?).await?;
    Err(ApiError::RefreshToken)
}

pub(crate) async fn list_clients(
    _: BackEnd,
    state: Data<AppState>,
    Query(params): Query,
) -> Result<HttpResponse, ApiError> {
    let (limit, offset) = params.page()?;
    let (clients, total) = state.cases.list_clients(limit, offset).await?;
    let shown = clients.iter().map(|(client, sessions)| client_json(client, sessions));
    Ok(list_json(params.flag("paginated")?, shown.collect(), total))
}

pub(crate) async fn show_client(_: BackEnd, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let (client, sessions) = state.cases.client_by_id(&named(&id)?).await?;
    Ok(bare(client_json(&client, &sessions)))
}

/// Whose browser a client token is.
pub(crate) async fn verify_client(
    _: BackEnd,
    state: Data<AppState>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let token: Token<ClientId> = named(params.required("token")?)?;
    let (client, sessions) = state.cases.client_by_token(&token).await?;
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
    let user = user_named(params.required("user_id")?)?;
    let (ticket, token) = state.cases.create_ticket(&user, ticket_lifetime(&params)?).await?;
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
    Ok(bare(ticket_json(&state.cases.revoke_ticket(&named(&id)?).await?)))
}

/// A token with which a test suite passes a bot check. There is none here, so any will do.
pub(crate) async fn create_testing_token(_: BackEnd, state: Data<AppState>) -> HttpResponse {
    let expires_at: Timestamp = state.cases.now().plus(Duration::from_secs(3600));
    let token = state.cases.passing_id("testing");
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
    if state.cases.verify_password(&user_named(&id)?, password).await? {
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
    let user = state.cases.remove_password(&user_named(&id)?).await?;
    Ok(bare(UserJson::for_back_end(&user, &state.cases)))
}
