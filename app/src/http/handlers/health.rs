//! `/v1/health`: whether the process answers, and what it says of its store.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::json;

use crate::http::AppState;
use crate::http::present::error::Chain;

/// How long the store is waited for, of the 2 s within which an answer is promised: longer than it waits for a lock
/// (1.5 s), and short enough that a busy machine still answers in time.
const PATIENCE: Duration = Duration::from_millis(1700);

/// Always 200. An orchestrator restarts what fails here, and no restart brings a database back; whether to send
/// requests is the question of `/v1/ready`.
pub(crate) async fn show(state: Data<AppState>) -> HttpResponse {
    let store = if store_serves(&state).await {
        "ok"
    } else {
        "unavailable"
    };
    HttpResponse::Ok().json(json!({ "status": "ok", "store": store }))
}

/// Asks the store, and takes silence for a no.
pub(super) async fn store_serves(state: &AppState) -> bool {
    match tokio::time::timeout(PATIENCE, state.health.check()).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!("the store cannot serve: {}", Chain(&error));
            false
        }
        Err(_) => {
            tracing::warn!("the store cannot serve: no answer in {} ms", PATIENCE.as_millis());
            false
        }
    }
}
