//! Who is asking: a user by session or by token, or a back end by secret key.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use phoneproof_domain::ports::IdentityError;
use phoneproof_domain::use_cases::{Acting, Address, AuthError};
use phoneproof_domain::{ClientId, Token, User, UserId, Users};
use serde::Serialize;
use serde_json::json;

use crate::http::AppState;
use crate::http::extract::visitor::{Visitor, language};
use crate::http::present::client_json::Part;
use crate::http::present::envelope::without_client;
use crate::http::present::error::ApiError;

/// A user who acts.
pub(crate) struct Caller {
    pub(crate) user: UserId,
    /// The use cases: those who came with a token are made at first sight, those with a session are not.
    pub(crate) users: Users,
    place: Place,
}

/// Where a user acts.
enum Place {
    /// With the token of an identity provider.
    Token,
    /// In a session of ours.
    Session(Box<InSession>),
}

/// A session of ours, and the browser that it is in.
pub(crate) struct InSession {
    pub(crate) visitor: Visitor,
    pub(crate) acting: Acting,
}

/// A back end, by the secret key.
pub(crate) struct BackEnd;

impl Caller {
    /// The envelope, with the client beside the response if the user acts in a session.
    pub(crate) async fn enveloped(&self, state: &AppState, response: impl Serialize) -> Result<HttpResponse, ApiError> {
        match &self.place {
            Place::Token => Ok(without_client(response)),
            Place::Session(session) => session.visitor.envelope(state, json!(response)).await,
        }
    }

    /// The envelope after a change of `user`. If it changed the second factors, every other session of the user
    /// is over: whoever got into one by the old factors is out.
    pub(crate) async fn enveloped_after(
        &self,
        state: &AppState,
        user: &User,
        response: impl Serialize,
    ) -> Result<HttpResponse, ApiError> {
        match &self.place {
            Place::Session(session) if !session.acting.user.phones.has_same_second_factors(&user.phones) => {
                let visitor = &session.visitor;
                let changed = state.auth.end_other_sessions(&visitor.visit, &session.acting).await?;
                visitor.changed(state, &changed, Part::Other(json!(response))).await
            }
            _ => self.enveloped(state, response).await,
        }
    }

    /// Refuses a sensitive action if the factor was proven too long ago (contract 11.9). An identity
    /// provider's own rules hold for its tokens.
    pub(crate) fn must_be_fresh(&self, state: &AppState) -> Result<(), ApiError> {
        match &self.place {
            Place::Token => Ok(()),
            Place::Session(session) => Ok(state.auth.must_be_fresh(&session.acting)?),
        }
    }

    /// The visitor's address, for limits; none where another server stands between.
    pub(crate) fn address(&self) -> Option<Address> {
        match &self.place {
            Place::Token => None,
            Place::Session(session) => session.visitor.visit.address,
        }
    }

    /// The session, if the user acts in one.
    pub(crate) fn session(&self) -> Option<&InSession> {
        match &self.place {
            Place::Token => None,
            Place::Session(session) => Some(session),
        }
    }
}

/// The text after `Bearer `; none without the header.
fn bearer(request: &HttpRequest) -> Result<Option<&str>, ApiError> {
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

fn state(request: &HttpRequest) -> Result<Data<AppState>, ApiError> {
    request
        .app_data::<Data<AppState>>()
        .cloned()
        .ok_or(ApiError::Internal("no state"))
}

async fn by_token(state: &AppState, token: &str, language: Option<String>) -> Result<Caller, ApiError> {
    for provider in &state.identity_providers {
        match provider.identify(token).await {
            Ok(identity) => {
                return Ok(Caller {
                    user: identity.user,
                    users: state.users.in_language(language).reachable_at(identity.email),
                    place: Place::Token,
                });
            }
            Err(IdentityError::NotMine) => {}
            Err(IdentityError::Invalid(cause)) => return Err(ApiError::Token(cause)),
            Err(IdentityError::Unavailable(cause)) => return Err(ApiError::IdentityUnavailable(cause)),
        }
    }
    Err(ApiError::Token("no identity provider knows its issuer".into()))
}

impl FromRequest for InSession {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (state, visitor) = (state(request), Visitor::from_request(request, payload));
        Box::pin(async move {
            let (state, visitor) = (state?, visitor.await?);
            let acting = state
                .auth
                .acting(&visitor.visit, visitor.named_session()?.as_ref())
                .await?;
            Ok(Self { visitor, acting })
        })
    }
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let state = state(request);
        let visitor = Visitor::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let state = state?;
            if request.headers().contains_key(AUTHORIZATION) && !holds_client_token(&request) {
                let token = bearer(&request)?.ok_or(ApiError::SignedOut)?;
                return by_token(&state, token, language(request.headers())).await;
            }
            let visitor = visitor.await?;
            let acting = state
                .auth
                .acting(&visitor.visit, visitor.named_session()?.as_ref())
                .await?;
            Ok(Self {
                user: acting.user.id.clone(),
                users: state.auth.users().in_language(language(request.headers())),
                place: Place::Session(Box::new(InSession { visitor, acting })),
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

impl FromRequest for BackEnd {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let (state, known) = (state(request), bearer(request));
        let known = known.and_then(|key| {
            let known = key.is_some_and(|key| state.as_ref().is_ok_and(|state| state.secret_key.is(key)));
            if known { Ok(()) } else { Err(ApiError::SecretKey) }
        });
        let reads = request.method().is_safe();
        Box::pin(async move {
            known?;
            let state = state?;
            if state.back_end_limit.needs_more(state.users.now()) {
                let asked = state.users.now();
                match state.auth.limit_back_end().await {
                    Ok(()) => state.back_end_limit.refill(state.users.now()),
                    // A store that takes no change may still be read, if it has said so soon enough for an answer in 2 s.
                    Err(AuthError::User(_)) if reads && state.users.now().since(asked) < SOON => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(Self)
        })
    }
}

/// How soon a store that takes no change must say so, for a read to be tried.
const SOON: Duration = Duration::from_millis(250);
