use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use phoneproof_domain::UserId;
use serde_json::json;

use crate::http::AppState;
use crate::http::extract::body::Body;
use crate::http::extract::dev_tools::dev_tools;
use crate::http::present::error::ApiError;

/// A working session's length; the page fetches a new one when it runs out.
const LIFETIME: Duration = Duration::from_secs(60 * 60);

/// `POST /dev/token`: what `phoneproof dev token` prints, for the page.
pub(crate) async fn issue(
    request: HttpRequest,
    state: Data<AppState>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let tools = dev_tools(&state, &request)?;
    let user: UserId = params
        .required("user")?
        .parse()
        .map_err(|_| ApiError::ParamFormat("user"))?;
    let now = state.cases.now();
    let token = tools.issuer.token(&user, now, LIFETIME);
    let expires_at = now.plus(LIFETIME).as_millis();
    Ok(HttpResponse::Ok().json(json!({ "token": token, "user_id": user.as_str(), "expires_at": expires_at })))
}
