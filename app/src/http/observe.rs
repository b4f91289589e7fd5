//! What happens around every request: its trace id, its log line, its figures, the browser's
//! questions, and an answer in the contract's form whatever went wrong.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpResponse, ResponseError};
use futures_util::FutureExt;
use tracing::Instrument;

use crate::error_chain::Chain;
use crate::http::AppState;
use crate::http::origins::{Verdict, is_preflight};
use crate::http::present::error::ApiError;

/// Handles one request from its first to its last moment.
pub(crate) async fn observe<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let Some(state) = request.app_data::<Data<AppState>>().cloned() else {
        return Err(ApiError::Internal("no state").into());
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a request took is no business of the domain's clock"
    )]
    let started = Instant::now();
    let trace_id = state.trace_id();
    let verdict = state.origins.judge(&request);
    let preflight = is_preflight(&request);
    let span = tracing::info_span!("request", trace_id = %trace_id);

    let early = match &verdict {
        Verdict::Refused => Some(ApiError::Origin),
        Verdict::Allowed(_) | Verdict::NoPage => smuggled_method(&mut request).err(),
    };
    // The verb that is meant, for the log and the figures.
    let method = request.method().clone();
    let mut response = if let Some(error) = early {
        // Not `into_response`: it forgets the error, of which the answer is made below.
        let (request, _) = request.into_parts();
        ServiceResponse::new(request, HttpResponse::from_error(error)).map_into_right_body()
    } else if preflight && matches!(verdict, Verdict::Allowed(_)) {
        request
            .into_response(HttpResponse::NoContent().finish())
            .map_into_right_body()
    } else {
        match AssertUnwindSafe(next.call(request).instrument(span.clone()))
            .catch_unwind()
            .await
        {
            Ok(Ok(response)) => response.map_into_left_body(),
            Ok(Err(error)) => return Err(error),
            Err(panic) => {
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                let text = text
                    .or_else(|| panic.downcast_ref::<String>().cloned())
                    .unwrap_or_default();
                span.in_scope(|| tracing::error!(http.method = %method, "a request panicked: {text}"));
                state.metrics.request(
                    method.as_str(),
                    "",
                    StatusCode::INTERNAL_SERVER_ERROR,
                    started.elapsed(),
                );
                return Err(Panicked { trace_id, verdict }.into());
            }
        }
    };

    let error = response
        .response()
        .error()
        .and_then(|error| error.as_error::<ApiError>());
    let code = error.map(ApiError::code);
    let cause = error.map(|error| Chain(error).to_string());
    if let Some(answer) = error.map(|error| error.response(&trace_id)) {
        let allow = response.headers().get(header::ALLOW).cloned();
        response = response.into_response(answer).map_into_right_body();
        if let Some(allow) = allow {
            response.headers_mut().insert(header::ALLOW, allow);
        }
    }
    mark(response.headers_mut(), &trace_id, &verdict, preflight);
    if method == Method::HEAD {
        response = response.map_body(|_, body| EitherBody::right(BoxBody::new(Omitted(body.size()))));
    }
    if state.drain.has_begun() {
        // Whoever keeps the connection would meet its end instead of another process.
        response
            .response_mut()
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    let route = response.request().match_pattern().unwrap_or_default();
    let (status, took) = (response.status(), started.elapsed());
    state.metrics.request(method.as_str(), &route, status, took);
    span.in_scope(|| log(&method, &route, status, took, code, cause.as_deref()));
    Ok(response)
}

/// The body of an answer to `HEAD`: there is none, but its size is told. The body itself is dropped here, for a stream would
/// otherwise be read to an end that may never come.
struct Omitted(BodySize);

impl MessageBody for Omitted {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}

/// Puts the verb of `POST …?_method=PATCH` in its place (contract 2.1). On any other method the
/// parameter means nothing: a link must not become a change.
fn smuggled_method(request: &mut ServiceRequest) -> Result<(), ApiError> {
    if request.method() != Method::POST {
        return Ok(());
    }
    let named: Vec<&str> = request
        .query_string()
        .split('&')
        .filter_map(|pair| pair.strip_prefix("_method="))
        .collect();
    let method = match named.as_slice() {
        [] => return Ok(()),
        ["PATCH"] => Method::PATCH,
        ["PUT"] => Method::PUT,
        ["DELETE"] => Method::DELETE,
        ["POST"] => Method::POST,
        _ => return Err(ApiError::Method),
    };
    request.head_mut().method = method;
    Ok(())
}

fn mark(headers: &mut header::HeaderMap, trace_id: &str, verdict: &Verdict, preflight: bool) {
    verdict.mark(headers, preflight);
    if let Ok(trace_id) = HeaderValue::from_str(trace_id) {
        headers.insert(HeaderName::from_static("x-request-id"), trace_id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// The route and not the path, for a path may hold anything, a phone number too.
fn log(method: &Method, route: &str, status: StatusCode, took: Duration, code: Option<&str>, cause: Option<&str>) {
    let duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let (code, cause) = (code.unwrap_or_default(), cause.unwrap_or_default());
    // That a server is not ready is its answer: it is nobody's alarm that one drains, and a store that fails is told of.
    if status.is_server_error() && route != "/v1/ready" {
        tracing::error!(http.method = %method, http.route = route, http.status = status.as_u16(), duration_us, error.code = code, "request failed: {cause}");
    } else if status.is_client_error() {
        tracing::info!(http.method = %method, http.route = route, http.status = status.as_u16(), duration_us, error.code = code, "request refused: {cause}");
    } else {
        tracing::info!(http.method = %method, http.route = route, http.status = status.as_u16(), duration_us, "request");
    }
}

/// The answer to a request whose handler panicked; the request itself is lost by then.
#[derive(Debug)]
struct Panicked {
    trace_id: String,
    verdict: Verdict,
}

impl std::fmt::Display for Panicked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a request panicked")
    }
}

impl ResponseError for Panicked {
    fn error_response(&self) -> HttpResponse {
        let mut response = ApiError::Internal("panic").response(&self.trace_id);
        mark(response.headers_mut(), &self.trace_id, &self.verdict, false);
        response
    }
}
