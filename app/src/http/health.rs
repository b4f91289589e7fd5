//! `/v1/health`: whether the server can serve.

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use actix_web::web::Data;
use serde_json::json;

use super::error::Chain;
use crate::server::AppState;

pub(crate) async fn show(state: Data<AppState>) -> HttpResponse {
    match state.health.check().await {
        Ok(()) => HttpResponse::Ok().json(json!({ "status": "ok" })),
        Err(error) => {
            tracing::warn!("the store cannot serve: {}", Chain(&error));
            let mut response = HttpResponse::ServiceUnavailable().json(json!({ "status": "unavailable" }));
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("2"));
            response
        }
    }
}
