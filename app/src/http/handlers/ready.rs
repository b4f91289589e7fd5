//! `/v1/ready`: whether requests should come here.

use actix_web::HttpResponse;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::Data;
use serde_json::json;

use crate::http::AppState;
use crate::store_check::store_serves;

pub(crate) async fn show(state: Data<AppState>) -> HttpResponse {
    // First, and without the store: it is to be known at once.
    if state.drain.has_begun() {
        not("draining")
    } else if store_serves(&*state.health).await {
        HttpResponse::Ok().json(json!({ "status": "ready" }))
    } else {
        not("unavailable")
    }
}

fn not(status: &str) -> HttpResponse {
    HttpResponse::ServiceUnavailable()
        .insert_header((RETRY_AFTER, "2"))
        .json(json!({ "status": status }))
}
