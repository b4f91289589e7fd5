//! Reading the body of a request, within bounds.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt;

use super::error::ApiError;
use super::params::Params;
use crate::server::AppState;

/// Longest body: 64 KiB. The longest legitimate one holds a user's metadata, 8 KiB each.
const MAX_BYTES: usize = 64 * 1024;

/// The parameters in the body. An empty body has none, whatever its content type says.
pub(crate) struct Body(pub(crate) Params);

/// The parameters in the query.
pub(crate) struct Query(pub(crate) Params);

impl FromRequest for Body {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let mut payload = payload.take();
        let header = |name| {
            request
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_owned()
        };
        let content_type = header(CONTENT_TYPE);
        let announced: usize = header(CONTENT_LENGTH).parse().unwrap_or(0);
        let limit = request
            .app_data::<Data<AppState>>()
            .map_or(Duration::from_secs(10), |state| state.body_timeout);
        Box::pin(async move {
            if announced > MAX_BYTES {
                return Err(ApiError::BodyTooLarge);
            }
            let read = async {
                let mut body = Vec::with_capacity(announced);
                while let Some(chunk) = payload.next().await {
                    let chunk = chunk.map_err(|_| ApiError::BodyMalformed)?;
                    if body.len() + chunk.len() > MAX_BYTES {
                        return Err(ApiError::BodyTooLarge);
                    }
                    body.extend_from_slice(&chunk);
                }
                Ok(body)
            };
            let body = tokio::time::timeout(limit, read)
                .await
                .map_err(|_| ApiError::BodyTooSlow)??;
            if body.is_empty() {
                return Ok(Self(Params::default()));
            }
            match content_type
                .split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase()
                .as_str()
            {
                "application/x-www-form-urlencoded" | "" => Params::from_form(&body).map(Self),
                "application/json" => Params::from_json(&body).map(Self),
                _ => Err(ApiError::ContentType),
            }
        })
    }
}

impl FromRequest for Query {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Params::from_form(request.query_string().as_bytes()).map(Self))
    }
}
