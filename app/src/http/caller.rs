//! Who is asking: a user by token, or a back end by secret key.

use std::future::{Future, Ready, ready};
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use phoneproof_domain::UserId;
use phoneproof_domain::ports::IdentityError;

use super::error::ApiError;
use crate::server::AppState;

/// A user, by the token of an identity provider.
pub(crate) struct Caller {
    pub(crate) user: UserId,
}

/// A back end, by the secret key.
pub(crate) struct BackEnd;

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

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = bearer(request).and_then(|token| token.map(str::to_owned).ok_or(ApiError::SignedOut));
        let state = state(request);
        Box::pin(async move {
            let (token, state) = (token?, state?);
            for provider in &state.identity_providers {
                match provider.identify(&token).await {
                    Ok(identity) => return Ok(Self { user: identity.user }),
                    Err(IdentityError::NotMine) => {}
                    Err(IdentityError::Invalid(cause)) => return Err(ApiError::Token(cause)),
                    Err(IdentityError::Unavailable(cause)) => return Err(ApiError::IdentityUnavailable(cause)),
                }
            }
            Err(ApiError::Token("no identity provider knows its issuer".into()))
        })
    }
}

impl FromRequest for BackEnd {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let known = bearer(request).and_then(|key| {
            let known = key.is_some_and(|key| state(request).is_ok_and(|state| state.secret_key.is(key)));
            if known { Ok(Self) } else { Err(ApiError::SecretKey) }
        });
        ready(known)
    }
}
