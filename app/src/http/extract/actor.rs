//! The user who acts, by session or by token.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use phoneproof_domain::ports::IdentityError;
use phoneproof_domain::use_cases::{ClaimConflict, Done};
use phoneproof_domain::{Actor, ClientId, RequestContext, Token, UserId};
use serde::Serialize;

use crate::http::AppState;
use crate::http::extract::visitor::{Page, Visitor, languages};
use crate::http::present::envelope::without_client;
use crate::http::present::error::ApiError;

/// A user who acts: in a session of ours, or with the token of an identity provider.
pub(crate) struct Acting {
    pub(crate) actor: Actor,
    pub(crate) answer: Answer,
}

/// How a user who acts is answered: with the client beside the response, if the user is in a session.
pub(crate) struct Answer(Option<Page>);

impl Answer {
    /// The envelope around `response`, with the client as it is after what was done.
    pub(crate) async fn envelope<T>(
        &self,
        state: &AppState,
        done: &Done<T>,
        response: impl Serialize,
    ) -> Result<HttpResponse, ApiError> {
        match &self.0 {
            Some(page) => page.envelope_around(state, done, response).await,
            None => Ok(without_client(response)),
        }
    }
}

/// The text after `Bearer `; none without the header.
pub(super) fn bearer(request: &HttpRequest) -> Result<Option<&str>, ApiError> {
    let Some(value) = request.headers().get(AUTHORIZATION) else {
        return Ok(None);
    };
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or(ApiError::AuthorizationHeader)?;
    let token = token.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() {
        Ok(Some(token))
    } else {
        Err(ApiError::AuthorizationHeader)
    }
}

pub(super) fn state(request: &HttpRequest) -> Result<Data<AppState>, ApiError> {
    request
        .app_data::<Data<AppState>>()
        .cloned()
        .ok_or(ApiError::Internal("no state"))
}

async fn by_token(state: &AppState, token: &str, about: RequestContext) -> Result<Acting, ApiError> {
    for provider in &state.identity_providers {
        match provider.identify(token).await {
            Ok(identity) => {
                let actor = state.cases.by_token(identity, about).await?;
                if let Some(conflict) = &actor.conflict {
                    log_conflict(&actor.id, conflict);
                }
                return Ok(Acting {
                    actor: Actor::Token(Box::new(actor)),
                    answer: Answer(None),
                });
            }
            Err(IdentityError::NotMine) => {}
            Err(IdentityError::Invalid(cause)) => return Err(ApiError::Token(cause)),
            Err(IdentityError::Unavailable(cause)) => return Err(ApiError::IdentityUnavailable(cause)),
        }
    }
    Err(ApiError::Token("no identity provider knows its issuer".into()))
}

/// Once for each claim, and again after an hour: the request itself goes on as without the claim.
fn log_conflict(user: &UserId, conflict: &ClaimConflict) {
    let number = conflict
        .number
        .as_ref()
        .map_or_else(String::new, |number| number.masked().to_string());
    tracing::warn!(
        user.id = %user,
        phone_number = number,
        "the identity provider's claim about a phone number conflicts with the rules: {}",
        conflict.reason
    );
}

impl FromRequest for Acting {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let state = state(request);
        if request.headers().contains_key(AUTHORIZATION) && !holds_client_token(request) {
            let request = request.clone();
            return Box::pin(async move {
                let token = bearer(&request)?.ok_or(ApiError::SignedOut)?;
                // Another server stands between: the address is not the visitor's.
                let about = RequestContext {
                    languages: languages(request.headers()),
                    ..RequestContext::default()
                };
                by_token(&*state?, token, about).await
            });
        }
        let visitor = Visitor::from_request(request, payload);
        Box::pin(async move {
            let (page, acting) = visitor.await?.in_session(&*state?)?;
            Ok(Self {
                actor: Actor::Session(Box::new(acting)),
                answer: Answer(Some(page)),
            })
        })
    }
}

/// Whether an app says who it is (contract 2.4): a client's token in the `Authorization` header, or
/// none yet, rather than the token of an identity provider.
fn holds_client_token(request: &HttpRequest) -> bool {
    let native = request
        .query_string()
        .split('&')
        .any(|pair| matches!(pair, "_is_native=1" | "_is_native=true"));
    let value = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = value.map(|value| value.strip_prefix("Bearer ").unwrap_or(value).trim());
    native && token.is_some_and(|token| token.is_empty() || token.parse::<Token<ClientId>>().is_ok())
}
