//! `/metrics`: the server's figures, in Prometheus' text format.

use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::http::AppState;
use crate::http::present::error::ApiError;

pub(crate) async fn show(request: HttpRequest, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let authorization = request.headers().get(AUTHORIZATION);
    if !state.metrics.may_read(authorization.map(HeaderValue::as_bytes)) {
        return Err(ApiError::NotFound);
    }
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(state.metrics.render()))
}
