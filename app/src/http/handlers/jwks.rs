//! `/.well-known/jwks.json` and `/v1/jwks`: the keys that session tokens are signed with (contract 7.2).

use actix_web::HttpResponse;
use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL};
use actix_web::web::Data;

use crate::http::AppState;
use crate::http::extract::back_end::BackEnd;
use crate::http::present::envelope::bare;
use crate::http::present::error::ApiError;

/// Public, and for everybody: nothing in it depends on who asks.
pub(crate) async fn show(state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .json(state.session_tokens.jwks().await?))
}

pub(crate) async fn for_back_end(_: BackEnd, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    Ok(bare(state.session_tokens.jwks().await?))
}
