//! `/v1/client/sessions` and `/v1/me/sessions`: sessions, as their own users see them (contract 6.4, 6.5).

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use phoneproof_domain::use_cases::{Done, TriedFactor, Turn};
use phoneproof_domain::{Ending, Level, Session, SessionId, Strategy, User};
use serde_json::{Value, json};

use crate::http::AppState;
use crate::http::detached::detached;
use crate::http::extract::actor::Acting;
use crate::http::extract::body::{Body, Query};
use crate::http::extract::factor::{first_factor, must_be, number, second_factor};
use crate::http::extract::ids::named;
use crate::http::extract::params::Params;
use crate::http::extract::visitor::{Page, Visitor};
use crate::http::present::client_json::Part;
use crate::http::present::envelope::bare;
use crate::http::present::error::ApiError;
use crate::http::present::outcome::passed;
use crate::http::present::own_session_json::{OwnSessionJson, TokenJson};
use crate::http::present::session_json::activity;

pub(crate) async fn show(visitor: Visitor, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let (page, acting) = visitor.in_session_named(&state, &id)?;
    let done = state.cases.unchanged(&acting.context);
    page.envelope(&state, &done, Part::Session(&acting.session.id)).await
}

pub(crate) async fn touch(visitor: Visitor, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let (page, acting) = visitor.in_session_named(&state, &id)?;
    let done = state.cases.touch(&acting).await?;
    page.envelope(&state, &done, Part::Session(&acting.session.id)).await
}

pub(crate) async fn end(visitor: Visitor, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    over(visitor, &state, &id, Ending::Ended).await
}

pub(crate) async fn remove(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    over(visitor, &state, &id, Ending::Removed).await
}

async fn over(visitor: Visitor, state: &AppState, id: &str, how: Ending) -> Result<HttpResponse, ApiError> {
    let (page, acting) = visitor.in_session_named(state, id)?;
    let done = state.cases.end_session(&acting, how).await?;
    let shown = ended(state, &done.outcome, &acting.user.aggregate);
    page.envelope_around(state, &done, shown).await
}

/// A session that is over, as its own user sees it.
fn ended<'a>(state: &AppState, session: &'a Session, user: &'a User) -> OwnSessionJson<'a> {
    let status = state.cases.status(session, Some(user));
    OwnSessionJson::new(&state.cases, session, status, user, None)
}

/// Bare, and never 422: the SDK would take that for a sign-out (contract 2.5).
pub(crate) async fn token(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Query(query): Query,
) -> Result<HttpResponse, ApiError> {
    let (page, acting) = visitor.in_session_named(&state, &id)?;
    let (session, origin) = (&acting.session, page.origin.as_deref());
    let status = state.cases.status(session, Some(&acting.user.aggregate));
    // What the SDK sends to get past its own cache.
    let fresh = query.given("debug").is_ok_and(|debug| debug == Some("skip_cache"));
    let (tokens, since) = (&state.session_tokens, acting.client_updated_at());
    let token = tokens.issue(session, status, origin, since, fresh).await?;
    Ok(bare(TokenJson::new(token)))
}

/// All live sessions of the user, on any device. Bare.
pub(crate) async fn list_mine(acting: Acting, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let (user, sessions) = state.cases.own_sessions(&acting.actor).await?;
    let shown: Vec<Value> = sessions
        .iter()
        .map(|session| {
            let status = state.cases.status(session, Some(&user)).as_str();
            json!({
                "object": "session",
                "id": session.id.as_str(),
                "status": status,
                "expire_at": session.expire_at.as_millis(),
                "abandon_at": session.expire_at.as_millis(),
                "last_active_at": session.last_active_at.as_millis(),
                "actor": null,
                "latest_activity": activity(session),
            })
        })
        .collect();
    Ok(bare(shown))
}

pub(crate) async fn revoke_mine(
    acting: Acting,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = named(&id)?;
    let done = state.cases.revoke_own_session(&acting.actor, &id).await?;
    let user = acting.actor.user().ok_or(ApiError::SignedOut)?;
    let shown = ended(&state, &done.outcome, &user.aggregate);
    acting.answer.envelope(&state, &done, shown).await
}

pub(crate) async fn verify(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let (page, acting) = visitor.in_session_named(&state, &id)?;
    let level = match params.given("level")?.unwrap_or("second_factor") {
        "first_factor" => Level::FirstFactor,
        "second_factor" => Level::SecondFactor,
        "multi_factor" => Level::MultiFactor,
        _ => return Err(ApiError::ParamValue("level")),
    };
    let done = state.cases.begin_reverification(&acting, level).await?;
    reverified(&page, &state, &done, &acting.session.id).await
}

pub(crate) async fn prepare_first(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    prepare(visitor, &state, &id, &params, Turn::First).await
}

pub(crate) async fn prepare_second(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    prepare(visitor, &state, &id, &params, Turn::Second).await
}

async fn prepare(
    visitor: Visitor,
    state: &AppState,
    id: &str,
    params: &Params,
    turn: Turn,
) -> Result<HttpResponse, ApiError> {
    must_be(params, Strategy::PhoneCode)?;
    let number = number(params)?;
    let (page, acting) = visitor.in_session_named(state, id)?;
    let (cases, session) = (state.cases.clone(), acting.session.id.clone());
    let prepare = async move { cases.prepare_reverification(&acting, turn, number.as_ref()).await };
    reverified(&page, state, &detached(prepare).await?, &session).await
}

pub(crate) async fn attempt_first(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let given = first_factor(&params)?;
    attempt(visitor, &state, &id, Turn::First, given.factor()).await
}

pub(crate) async fn attempt_second(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let given = second_factor(&params)?;
    attempt(visitor, &state, &id, Turn::Second, given.factor()).await
}

async fn attempt(
    visitor: Visitor,
    state: &AppState,
    id: &str,
    turn: Turn,
    factor: TriedFactor<'_>,
) -> Result<HttpResponse, ApiError> {
    let (page, acting) = visitor.in_session_named(state, id)?;
    let done = state.cases.attempt_reverification(&acting, turn, factor).await?;
    reverified(&page, state, &passed(done)?, &acting.session.id).await
}

/// The reverification after a change.
async fn reverified(
    page: &Page,
    state: &AppState,
    done: &Done<()>,
    session: &SessionId,
) -> Result<HttpResponse, ApiError> {
    page.envelope(state, done, Part::Reverification(session)).await
}
