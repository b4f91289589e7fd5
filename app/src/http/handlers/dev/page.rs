use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use crate::http::AppState;
use crate::http::extract::dev_tools::dev_tools;
use crate::http::present::error::ApiError;

/// Nothing but the server's own files and API.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
     img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";

pub(crate) async fn html(request: HttpRequest, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    asset(&state, &request, "text/html; charset=utf-8", include_str!("page.html"))
}

pub(crate) async fn css(request: HttpRequest, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    asset(&state, &request, "text/css; charset=utf-8", include_str!("page.css"))
}

pub(crate) async fn js(request: HttpRequest, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    asset(
        &state,
        &request,
        "text/javascript; charset=utf-8",
        include_str!("page.js"),
    )
}

fn asset(
    state: &AppState,
    request: &HttpRequest,
    content_type: &str,
    text: &'static str,
) -> Result<HttpResponse, ApiError> {
    dev_tools(state, request)?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((CACHE_CONTROL, "no-cache"));
    Ok(response.content_type(content_type).body(text))
}
