//! `/v1/client/sessions` and `/v1/me/sessions`: sessions, as their own users see them (contract 6.4, 6.5).

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use phoneproof_domain::use_cases::{Acting, Changed};
use phoneproof_domain::{Ending, Level, Session, SessionId, Strategy};
use serde_json::{Value, json};

use crate::http::AppState;
use crate::http::detached::detached;
use crate::http::extract::body::Body;
use crate::http::extract::caller::Caller;
use crate::http::extract::visitor::Visitor;
use crate::http::handlers::sign_ins::{first_factor, must_be, number, passed, second_factor};
use crate::http::present::client_json::{Part, session_json};
use crate::http::present::envelope::bare;
use crate::http::present::error::ApiError;
use crate::session_tokens::LIFETIME;

fn named(id: &str) -> Result<SessionId, ApiError> {
    id.parse().map_err(|_| ApiError::NotFound)
}

async fn acting(visitor: &Visitor, state: &AppState, id: &str) -> Result<Acting, ApiError> {
    // Without a client nobody is signed in, whatever the id.
    if visitor.visit.client.is_none() {
        return Err(ApiError::SignedOut);
    }
    Ok(state.auth.acting(&visitor.visit, Some(&named(id)?)).await?)
}

pub(crate) async fn show(visitor: Visitor, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let acting = acting(&visitor, &state, &id).await?;
    let client = visitor.visit.client.as_ref().map(|loaded| &loaded.aggregate);
    visitor
        .answer(&state, client, None, Part::Session(&acting.session.id))
        .await
}

pub(crate) async fn touch(visitor: Visitor, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let acting = acting(&visitor, &state, &id).await?;
    let changed = state.auth.touch(&visitor.visit, &acting.session.id).await?;
    visitor
        .changed(&state, &changed, Part::Session(&acting.session.id))
        .await
}

pub(crate) async fn end(visitor: Visitor, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    over(&visitor, &state, &id, Ending::Ended).await
}

pub(crate) async fn remove(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    over(&visitor, &state, &id, Ending::Removed).await
}

async fn over(visitor: &Visitor, state: &AppState, id: &str, how: Ending) -> Result<HttpResponse, ApiError> {
    let acting = acting(visitor, state, id).await?;
    let changed = state.auth.end_session(&visitor.visit, &acting.session.id, how).await?;
    let shown = ended(state, &changed.outcome, &acting);
    visitor.changed(state, &changed, Part::Other(shown)).await
}

/// A session that is over, as its own user sees it.
fn ended(state: &AppState, session: &Session, acting: &Acting) -> Value {
    let status = state.auth.status(session, Some(&acting.user));
    session_json(state, session, status, &acting.user, None)
}

/// Bare, and never 422: the SDK would take that for a sign-out (contract 2.5).
pub(crate) async fn token(visitor: Visitor, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let acting = acting(&visitor, &state, &id).await?;
    let status = state.auth.status(&acting.session, Some(&acting.user));
    let token = state
        .session_tokens
        .mint(&acting.session, status, visitor.page.as_deref(), LIFETIME)
        .await?;
    Ok(bare(json!({ "object": "token", "jwt": token })))
}

/// All live sessions of the user, on any device. Bare.
pub(crate) async fn list_mine(caller: Caller, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let sessions = state.auth.sessions_of(&caller.user).await?;
    let user = state.users.user(&caller.user).await?;
    let shown: Vec<Value> = sessions
        .iter()
        .map(|session| {
            let status = state.auth.status(session, Some(&user)).as_str();
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

/// What the client said of itself, as far as it can be told from that.
pub(crate) fn activity(session: &Session) -> Value {
    let agent = session.activity.user_agent.as_deref().unwrap_or_default();
    let is_mobile = ["Mobile", "Android", "iPhone"].iter().any(|word| agent.contains(word));
    let device = ["iPhone", "iPad", "Android", "Macintosh", "Windows", "Linux"];
    let device = device.iter().find(|word| agent.contains(**word));
    // Each also calls itself by the names of those after it.
    let browsers = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Version/", "Safari"),
    ];
    let browser = browsers.iter().find_map(|(mark, name)| {
        let version = agent.split(mark).nth(1)?.split([' ', ';']).next()?;
        Some((*name, version))
    });
    json!({
        "object": "session_activity",
        "id": session.id.as_str(),
        "device_type": device,
        "is_mobile": is_mobile,
        "browser_name": browser.map(|(name, _)| name),
        "browser_version": browser.map(|(_, version)| version),
        "ip_address": session.activity.address,
        "city": null,
        "country": null,
    })
}

pub(crate) async fn revoke_mine(
    caller: Caller,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let session = caller.session().ok_or(ApiError::SignedOut)?;
    caller.must_be_fresh(&state)?;
    let revoked = state.auth.revoke_own(&session.acting, &named(&id)?).await?;
    let shown = ended(&state, &revoked, &session.acting);
    caller.enveloped(&state, shown).await
}

pub(crate) async fn verify(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let acting = acting(&visitor, &state, &id).await?;
    let level = match params.given("level")?.unwrap_or("second_factor") {
        "first_factor" => Level::FirstFactor,
        "second_factor" => Level::SecondFactor,
        "multi_factor" => Level::MultiFactor,
        _ => return Err(ApiError::ParamValue("level")),
    };
    let changed = state.auth.begin_reverification(&visitor.visit, &acting, level).await?;
    reverified(&visitor, &state, &changed, &acting).await
}

pub(crate) async fn prepare_first(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    must_be(&params, Strategy::PhoneCode)?;
    let number = number(&params)?;
    let acting = acting(&visitor, &state, &id).await?;
    let (auth, visit, who) = (state.auth.clone(), visitor.visit.clone(), acting.clone());
    let prepare = async move { auth.prepare_first_reverification(&visit, &who, number.as_ref()).await };
    let changed = detached(prepare).await?;
    reverified(&visitor, &state, &changed, &acting).await
}

pub(crate) async fn attempt_first(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let given = first_factor(&params)?;
    let acting = acting(&visitor, &state, &id).await?;
    let tried = state
        .auth
        .attempt_first_reverification(&visitor.visit, &acting, given.factor())
        .await?;
    let changed = passed(tried)?;
    reverified(&visitor, &state, &changed, &acting).await
}

pub(crate) async fn prepare_second(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    must_be(&params, Strategy::PhoneCode)?;
    let number = number(&params)?;
    let acting = acting(&visitor, &state, &id).await?;
    let (auth, visit, who) = (state.auth.clone(), visitor.visit.clone(), acting.clone());
    let prepare = async move { auth.prepare_second_reverification(&visit, &who, number.as_ref()).await };
    let changed = detached(prepare).await?;
    reverified(&visitor, &state, &changed, &acting).await
}

pub(crate) async fn attempt_second(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let given = second_factor(&params)?;
    let acting = acting(&visitor, &state, &id).await?;
    let tried = state
        .auth
        .attempt_second_reverification(&visitor.visit, &acting, given.factor())
        .await?;
    let changed = passed(tried)?;
    reverified(&visitor, &state, &changed, &acting).await
}

/// The reverification after a change.
async fn reverified(
    visitor: &Visitor,
    state: &AppState,
    changed: &Changed<()>,
    acting: &Acting,
) -> Result<HttpResponse, ApiError> {
    let shown = Part::Reverification(&acting.session.id);
    visitor.changed(state, changed, shown).await
}
