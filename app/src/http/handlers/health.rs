//! `/v1/health`: whether the process answers, and what it says of its store.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::json;

use crate::http::AppState;
use crate::store_check::store_serves;

/// Always 200. An orchestrator restarts what fails here, and no restart brings a database back; whether to send
/// requests is the question of `/v1/ready`.
pub(crate) async fn show(state: Data<AppState>) -> HttpResponse {
    let store = if store_serves(&*state.health).await {
        "ok"
    } else {
        "unavailable"
    };
    HttpResponse::Ok().json(json!({ "status": "ok", "store": store }))
}
