//! `/v1/client/handshake`: bringing the cookies of a server-rendered application up to date.
//!
//! The nonce says which client is meant, sealed; whoever redeems it needs the secret key. On a live key it may be redeemed
//! again until its time is up, by any process: a page and its fetches run in parallel with one cookie. On a test key it is in
//! the address of the page, and with it in histories and logs, so it is redeemed once.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderValue, LOCATION};
use actix_web::web::Data;
use phoneproof_domain::ports::Sealer;
use phoneproof_domain::{Client, ClientContext, ClientId, Timestamp, Token};
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use crate::config::KeyKind;
use crate::http::AppState;
use crate::http::extract::back_end::BackEnd;
use crate::http::extract::body::Query;
use crate::http::extract::visitor::{Transport, UAT_COOKIE, Visitor};
use crate::http::present::client_json::ClientView;
use crate::http::present::envelope::{bare, cookie, set_cookie};
use crate::http::present::error::ApiError;

const NONCE: &str = "__clerk_handshake_nonce";
/// The cookie that carries the token of a development browser to the application's server.
const DEV_BROWSER: &str = "__clerk_db_jwt";
/// The cookie in which the SDK counts handshakes; after three within two seconds it gives up.
const REDIRECT_COUNT: &str = "__clerk_redirect_count";
/// How long a nonce may be redeemed, and how long its cookie is kept, in seconds.
const LIFETIME: u32 = 60;
/// How long the application's cookies are kept, in seconds: a year.
const YEAR: u32 = 365 * 24 * 3600;

/// What a nonce says, sealed.
#[derive(Serialize, Deserialize)]
struct Handshake {
    /// What the nonce is known by once it is redeemed.
    id: String,
    client: Option<String>,
    /// The page to which the browser returns.
    origin: String,
    /// When it was made, in milliseconds.
    at: i64,
    /// Whether the cookies are for https alone.
    #[serde(default)]
    secure: bool,
    /// The token of the development browser, if the instance has such.
    #[serde(default)]
    dev_browser: Option<String>,
}

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
    let dev_browser = dev_browser(&visitor, &state).await?;
    let client = visitor.context.client().map(|client| client.id.to_string());
    let handshake = Handshake {
        id: state.cases.passing_id("hs"),
        client: client.or_else(|| dev_browser.as_ref().map(|token| token.id.to_string())),
        origin,
        at: state.cases.now().as_millis(),
        secure: visitor.page.secure,
        dev_browser: dev_browser.as_ref().map(Token::reveal),
    };
    let nonce = state.handshakes.close(NONCE, &json!(handshake).to_string());
    let nonce = nonce.ok_or(ApiError::Internal("a nonce could not be sealed"))?;
    let live = state.publishable_key.kind() == KeyKind::Live;
    if !live {
        redirect.query_pairs_mut().append_pair(NONCE, &nonce);
    }
    let location = HeaderValue::from_str(redirect.as_str()).map_err(|_| ApiError::RedirectUrl)?;
    let mut answer = HttpResponse::TemporaryRedirect()
        .insert_header((LOCATION, location))
        .finish();
    if live {
        set_cookie(
            answer.headers_mut(),
            &nonce_cookie(&state, &nonce, LIFETIME, visitor.page.secure),
        );
    }
    Ok(answer)
}

/// The token of the development browser: the one that the request carries if it is known, else that of a new one. Without it
/// the application's server would send the browser here again.
async fn dev_browser(visitor: &Visitor, state: &AppState) -> Result<Option<Token<ClientId>>, ApiError> {
    if visitor.page.transport != Transport::DevBrowser {
        return Ok(None);
    }
    if visitor.context.client.is_some() {
        return Ok(visitor.page.token.clone());
    }
    Ok(state.cases.make_client(&visitor.context).await?.token)
}

/// The cookies that the application's server shall set.
pub(crate) async fn redeem(_: BackEnd, state: Data<AppState>, Query(params): Query) -> Result<HttpResponse, ApiError> {
    let opened = state.handshakes.open(NONCE, params.required("nonce")?);
    let handshake: Handshake = opened
        .and_then(|text| serde_json::from_str(&text).ok())
        .ok_or(ApiError::NotFound)?;
    let (made_at, now) = (Timestamp::from_millis(handshake.at), state.cases.now());
    let lifetime = Duration::from_secs(LIFETIME.into());
    if now.since(made_at).max(made_at.since(now)) >= lifetime {
        return Err(ApiError::NotFound);
    }
    // A nonce is good for a lifetime on either side of when it was made, for clocks that differ.
    if state.publishable_key.kind() == KeyKind::Test && !state.cases.take_once(&handshake.id, lifetime * 2).await? {
        return Err(ApiError::NotFound);
    }
    let id: Option<ClientId> = handshake.client.as_deref().and_then(|id| id.parse().ok());
    let context = match id {
        Some(id) => state.cases.client_for_handshake(&id).await?,
        None => ClientContext::default(),
    };
    let done = state.cases.unchanged(&context);
    let view = ClientView::new(&state, done.client.as_ref(), &done.users, Some(&handshake.origin)).await?;
    let dev_browser = handshake
        .dev_browser
        .as_deref()
        .filter(|token| opens(token, done.client.as_ref()));
    let directives = Directives {
        state: &state,
        secure: handshake.secure,
    };
    Ok(bare(json!({
        "directives": directives.all(view.active_token(), view.uat(), dev_browser)
    })))
}

/// Whether a token still is the client's. One that was replaced meanwhile must not come back into the browser.
fn opens(token: &str, client: Option<&Client>) -> bool {
    let token: Option<Token<ClientId>> = token.parse().ok();
    token
        .zip(client)
        .is_some_and(|(token, client)| token.hash() == client.token)
}

/// The nonce travels on the domain that is shared with the application, and is cleared there.
fn nonce_cookie(state: &AppState, nonce: &str, seconds: u32, secure: bool) -> String {
    let domain = state.cookie_domain.as_deref();
    cookie(NONCE, nonce, seconds, domain, secure, "; HttpOnly")
}

/// The values of `Set-Cookie` that a redeemed nonce stands for.
struct Directives<'a> {
    state: &'a AppState,
    secure: bool,
}

impl Directives<'_> {
    /// All of them. The SDK takes the token of the request at hand from the last one that is called `__session…`.
    fn all(&self, token: Option<&str>, uat: i64, dev_browser: Option<&str>) -> Vec<String> {
        let (domain, uat) = (self.state.cookie_domain.as_deref(), uat.to_string());
        let mut all = self.with_suffix(UAT_COOKIE, &uat, YEAR, domain).to_vec();
        // The SDK in the page writes and removes these itself, without a domain.
        all.extend(match token {
            Some(token) => self.with_suffix("__session", token, YEAR, None),
            None => self.with_suffix("__session", "", 0, None),
        });
        if self.state.publishable_key.kind() == KeyKind::Live {
            // Each request that carries it would redeem it again.
            all.push(nonce_cookie(self.state, "", 0, self.secure));
        }
        if let Some(token) = dev_browser {
            all.extend(self.with_suffix(DEV_BROWSER, token, YEAR, None));
        }
        all.push(cookie(REDIRECT_COUNT, "", 0, None, self.secure, "; HttpOnly"));
        all
    }

    /// The cookie under its name and under the name with the suffix of the instance.
    fn with_suffix(&self, name: &str, value: &str, seconds: u32, domain: Option<&str>) -> [String; 2] {
        let suffixed = format!("{name}_{}", self.state.cookie_suffix);
        [name, &suffixed].map(|name| cookie(name, value, seconds, domain, self.secure, ""))
    }
}
