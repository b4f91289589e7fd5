//! `/v1/client/handshake`: bringing the cookies of a server-rendered application up to date (contract 7.4).
//!
//! The nonce says which client is meant, sealed; whoever redeems it needs the secret key, and it works
//! once, within a minute.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderValue, LOCATION, SET_COOKIE};
use actix_web::web::Data;
use phoneproof_domain::ports::Sealer;
use phoneproof_domain::{ClientContext, ClientId, Timestamp};
use serde_json::{Value, json};
use url::Url;

use crate::config::KeyKind;
use crate::http::AppState;
use crate::http::extract::back_end::BackEnd;
use crate::http::extract::body::Query;
use crate::http::extract::visitor::{UAT_COOKIE, Visitor};
use crate::http::present::client_json::ClientView;
use crate::http::present::envelope::bare;
use crate::http::present::error::ApiError;

const NONCE: &str = "__clerk_handshake_nonce";
/// How long a nonce may be redeemed.
const LIFETIME: Duration = Duration::from_secs(60);

pub(crate) async fn show(
    visitor: Visitor,
    state: Data<AppState>,
    Query(params): Query,
) -> Result<HttpResponse, ApiError> {
    let mut redirect = Url::parse(params.required("redirect_url")?).map_err(|_| ApiError::RedirectUrl)?;
    let origin = redirect.origin().ascii_serialization();
    let by_own_proxy = visitor.page.origin.as_deref() == Some(&origin) && visitor.page.proxied;
    if !state.origins.allows(&origin) && !by_own_proxy {
        return Err(ApiError::RedirectUrl);
    }
    let now = state.cases.now();
    let client = visitor.context.client().map(|client| client.id.as_str());
    let id = state.cases.passing_id("hs");
    let said = json!({ "id": id, "client": client, "origin": origin, "at": now.as_millis() });
    let nonce = state.handshakes.close(NONCE, &said.to_string());
    let nonce = nonce.ok_or(ApiError::Internal("a nonce could not be sealed"))?;
    let mut answer = HttpResponse::TemporaryRedirect();
    if state.publishable_key.kind() == KeyKind::Live {
        let domain = state.cookie_domain.as_deref();
        let cookie = visitor.page.cookie(
            NONCE,
            &nonce,
            u32::try_from(LIFETIME.as_secs()).unwrap_or(60),
            domain,
            "; HttpOnly",
        );
        answer.append_header((SET_COOKIE, cookie));
    } else {
        redirect.query_pairs_mut().append_pair(NONCE, &nonce);
    }
    let location = HeaderValue::from_str(redirect.as_str()).map_err(|_| ApiError::RedirectUrl)?;
    Ok(answer.insert_header((LOCATION, location)).finish())
}

/// The cookies that the application's server shall set.
pub(crate) async fn redeem(_: BackEnd, state: Data<AppState>, Query(params): Query) -> Result<HttpResponse, ApiError> {
    let opened = state.handshakes.open(NONCE, params.required("nonce")?);
    let said: Value = opened
        .and_then(|text| serde_json::from_str(&text).ok())
        .ok_or(ApiError::NotFound)?;
    let made_at = Timestamp::from_millis(said["at"].as_i64().unwrap_or(0));
    let now = state.cases.now();
    if now.since(made_at).max(made_at.since(now)) >= LIFETIME {
        return Err(ApiError::NotFound);
    }
    let once = state.cases.take_once(said["id"].as_str().unwrap_or_default(), LIFETIME);
    if !once.await? {
        return Err(ApiError::NotFound);
    }
    let id: Option<ClientId> = said["client"].as_str().and_then(|id| id.parse().ok());
    let context = match id {
        Some(id) => state.cases.client_for_handshake(&id).await?,
        None => ClientContext::default(),
    };
    let done = state.cases.unchanged(&context);
    let view = ClientView::new(&state, done.client.as_ref(), &done.users, said["origin"].as_str()).await?;
    Ok(bare(
        json!({ "directives": directives(&state, view.active_token(), view.uat()) }),
    ))
}

fn directives(state: &AppState, token: Option<&str>, uat: i64) -> Vec<String> {
    let secure = if state.secure_cookies { "; Secure" } else { "" };
    let domain = state.cookie_domain.as_deref();
    let domain = domain.map(|domain| format!("; Domain={domain}")).unwrap_or_default();
    let suffix = &state.cookie_suffix;
    let year = 365 * 24 * 3600;
    let session = |name: &str| match token {
        Some(token) => format!("{name}={token}; Path=/; Max-Age={year}; SameSite=Lax{secure}"),
        None => format!("{name}=; Path=/; Max-Age=0; SameSite=Lax{secure}"),
    };
    let told = |name: &str| format!("{name}={uat}; Path=/; Max-Age={year}; SameSite=Lax{domain}{secure}");
    vec![
        session("__session"),
        session(&format!("__session_{suffix}")),
        told(UAT_COOKIE),
        told(&format!("{UAT_COOKIE}_{suffix}")),
    ]
}
