//! `/v1/me`: the user (contract 6.6).

use actix_web::HttpResponse;
use actix_web::web::Data;
use phoneproof_domain::User;
use phoneproof_domain::use_cases::Done;

use crate::http::AppState;
use crate::http::extract::actor::Acting;
use crate::http::extract::body::Body;
use crate::http::extract::profile::profile_update;
use crate::http::present::error::ApiError;
use crate::http::present::json::{DeletedJson, UserJson};

pub(crate) async fn show(acting: Acting, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let done = state.cases.own_account(&acting.actor).await?;
    shown(&acting, &state, &done).await
}

pub(crate) async fn update(
    acting: Acting,
    state: Data<AppState>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    if params.has("unsafe_metadata") {
        return Err(ApiError::ParamDeprecated("unsafe_metadata"));
    }
    let update = profile_update(&params)?;
    let done = state.cases.update_own_profile(&acting.actor, &update).await?;
    shown(&acting, &state, &done).await
}

pub(crate) async fn merge_metadata(
    acting: Acting,
    state: Data<AppState>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let given = params.object("unsafe_metadata")?.unwrap_or_default();
    let done = state.cases.update_own_metadata(&acting.actor, &given).await?;
    shown(&acting, &state, &done).await
}

pub(crate) async fn remove(acting: Acting, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let done = state.cases.delete_own_account(&acting.actor).await?;
    let deleted = DeletedJson::new("user", acting.actor.user_id().as_str());
    acting.answer.envelope(&state, &done, deleted).await
}

async fn shown(acting: &Acting, state: &AppState, done: &Done<User>) -> Result<HttpResponse, ApiError> {
    let user = UserJson::for_user(&done.outcome, &state.cases);
    acting.answer.envelope(state, done, user).await
}
