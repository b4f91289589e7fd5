//! Back ends: the secret key, and the limit on requests with it.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest, HttpResponse};
use phoneproof_domain::use_cases::AuthError;

use crate::http::extract::actor::{bearer, state};
use crate::http::present::error::ApiError;

/// How soon a store that takes no change must say so, for a read to be tried.
const SOON: Duration = Duration::from_millis(250);

/// Evidence that the secret key was checked. A handler that takes it and stands in the table of operations under
/// another caller answers nobody.
#[derive(Clone, Copy)]
pub(crate) struct BackEnd;

/// Lets a request through to its handler if it carries the secret key and the limit is not reached. The table of
/// operations puts it before every operation of `Caller::BackEnd`.
pub(crate) async fn require_secret_key<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match check(request.request()).await {
        Ok(back_end) => {
            request.extensions_mut().insert(back_end);
            next.call(request).await.map(ServiceResponse::map_into_left_body)
        }
        Err(error) => {
            // Not `into_response`: it forgets the error, of which `observe` makes the answer.
            let (request, _) = request.into_parts();
            Ok(ServiceResponse::new(request, HttpResponse::from_error(error)).map_into_right_body())
        }
    }
}

async fn check(request: &HttpRequest) -> Result<BackEnd, ApiError> {
    let (key, state) = (bearer(request)?, state(request)?);
    if !key.is_some_and(|key| state.secret_key.is(key)) {
        return Err(ApiError::SecretKey);
    }
    let asked = state.cases.now();
    if state.back_end_limit.needs_more(asked) {
        match state.cases.limit_back_end().await {
            Ok(()) => state.back_end_limit.refill(state.cases.now()),
            // A store that takes no change may still be read, if it has said so soon enough for an answer in 2 s.
            Err(AuthError::User(_)) if request.method().is_safe() && state.cases.now().since(asked) < SOON => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(BackEnd)
}

impl FromRequest for BackEnd {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let checked = request.extensions().get::<Self>().copied();
        ready(checked.ok_or(ApiError::Internal(
            "the table of operations does not ask for the secret key here",
        )))
    }
}
