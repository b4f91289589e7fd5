//! `/v1/me/change_password` and `/v1/me/remove_password` (contract 6.6).

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::http::AppState;
use crate::http::extract::actor::Acting;
use crate::http::extract::body::Body;
use crate::http::present::error::ApiError;
use crate::http::present::json::UserJson;

pub(crate) async fn change(
    acting: Acting,
    state: Data<AppState>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let new = params.required("new_password")?;
    let current = params.given("current_password")?;
    let others = params.flag("sign_out_of_other_sessions")?.unwrap_or(true);
    let done = state
        .cases
        .change_password(&acting.actor, current, Some(new), others)
        .await?;
    let user = UserJson::for_user(&done.outcome, &state.cases);
    acting.answer.envelope(&state, &done, user).await
}

pub(crate) async fn remove(
    acting: Acting,
    state: Data<AppState>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let current = params.given("current_password")?;
    let done = state.cases.change_password(&acting.actor, current, None, true).await?;
    let user = UserJson::for_user(&done.outcome, &state.cases);
    acting.answer.envelope(&state, &done, user).await
}
