//! The OpenAPI document, and the page that renders it (Swagger UI, embedded: nothing is fetched from elsewhere).

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, LOCATION};
use actix_web::web::Path;
use utoipa_swagger_ui::Config;

use crate::http::present::envelope::bare;
use crate::http::present::error::ApiError;
use crate::openapi::document;

/// Its own files and API; Swagger UI styles elements by attribute.
const POLICY: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'; connect-src 'self'; \
     img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'; form-action 'none'";

pub(crate) async fn openapi() -> HttpResponse {
    bare(document())
}

/// Its files are relative to the folder.
pub(crate) async fn index() -> HttpResponse {
    HttpResponse::TemporaryRedirect()
        .insert_header((LOCATION, "/docs/index.html"))
        .finish()
}

pub(crate) async fn file(name: Path<String>) -> Result<HttpResponse, ApiError> {
    let config = Config::new(["/openapi.json"]).try_it_out_enabled(false);
    let found = utoipa_swagger_ui::serve(&name, Arc::new(config));
    let file = found
        .map_err(|_| ApiError::Internal("the documentation page cannot be made"))?
        .ok_or(ApiError::NotFound)?;
    let mut response = HttpResponse::Ok();
    response
        .content_type(file.content_type)
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((CACHE_CONTROL, "no-cache"));
    if file.gzpipped {
        response.insert_header((CONTENT_ENCODING, "gzip"));
    }
    Ok(response.body(file.bytes.into_owned()))
}
