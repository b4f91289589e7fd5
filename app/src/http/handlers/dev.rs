//! What exists in development alone: the page with the handset, the inbox, tokens for the asking.

mod inbox;
mod page;
mod token;

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use phoneproof_sms_console::Inbox;
use tokio::sync::watch;

use crate::dev_issuer::DevIssuer;
use crate::http::AppState;
use crate::http::present::error::ApiError;
use crate::http::routes::resource;

/// The tools behind `/dev/`.
pub(crate) struct DevTools {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) issuer: Arc<DevIssuer>,
    /// Turns true when the server shuts down: live streams end by it.
    pub(crate) closing: watch::Receiver<bool>,
}

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        // Trailing slashes are gone by now: people find the page at /dev/.
        .service(resource("/dev", [(Method::GET, web::get().to(page::html))]))
        .service(resource("/dev/page.css", [(Method::GET, web::get().to(page::css))]))
        .service(resource("/dev/page.js", [(Method::GET, web::get().to(page::js))]))
        .service(resource("/dev/inbox", [(Method::GET, web::get().to(inbox::list))]))
        .service(resource(
            "/dev/inbox/stream",
            [(Method::GET, web::get().to(inbox::stream))],
        ))
        .service(resource("/dev/token", [(Method::POST, web::post().to(token::issue))]));
}

/// The tools, for a request that calls the server by its own name. Under a stranger's name (DNS
/// rebinding) any web page could read codes and take tokens.
fn tools<'a>(state: &'a AppState, request: &HttpRequest) -> Result<&'a DevTools, ApiError> {
    let tools = state
        .dev_tools
        .as_ref()
        .filter(|_| state.origins.is_own_host(request.headers()));
    tools.ok_or(ApiError::NotFound)
}
