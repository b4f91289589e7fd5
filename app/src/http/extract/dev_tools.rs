//! The tools of development, for those who may use them.

use actix_web::HttpRequest;

use crate::dev_tools::DevTools;
use crate::http::AppState;
use crate::http::present::error::ApiError;

/// The tools, for a request that calls the server by its own name. Under a stranger's name (DNS
/// rebinding) any web page could read codes and take tokens.
pub(crate) fn dev_tools<'a>(state: &'a AppState, request: &HttpRequest) -> Result<&'a DevTools, ApiError> {
    let tools = state
        .dev_tools
        .as_ref()
        .filter(|_| state.origins.is_own_host(request.headers()));
    tools.ok_or(ApiError::NotFound)
}
