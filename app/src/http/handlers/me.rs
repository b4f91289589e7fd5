//! `/v1/me`: the user (contract 6.6).

use actix_web::HttpResponse;
use actix_web::web::Data;
use phoneproof_domain::use_cases::ProfileUpdate;
use phoneproof_domain::{Patch, PhoneError};

use crate::http::AppState;
use crate::http::extract::body::Body;
use crate::http::extract::caller::Caller;
use crate::http::extract::params::Params;
use crate::http::present::error::ApiError;
use crate::http::present::json::{DeletedJson, UserJson};

pub(crate) async fn show(caller: Caller, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let user = caller.users.own_account(&caller.user).await?;
    caller.enveloped(&state, UserJson::for_user(&user, &state.users)).await
}

pub(crate) async fn update(
    caller: Caller,
    state: Data<AppState>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    if params.has("unsafe_metadata") {
        return Err(ApiError::ParamDeprecated("unsafe_metadata"));
    }
    let update = profile_update(&params)?;
    if update.primary.is_some() {
        caller.must_be_fresh(&state)?;
    }
    let user = caller.users.update_own_profile(&caller.user, &update).await?;
    caller.enveloped(&state, UserJson::for_user(&user, &state.users)).await
}

pub(crate) async fn merge_metadata(
    caller: Caller,
    state: Data<AppState>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let given = params.object("unsafe_metadata")?.unwrap_or_default();
    let user = caller.users.update_own_metadata(&caller.user, &given).await?;
    caller.enveloped(&state, UserJson::for_user(&user, &state.users)).await
}

pub(crate) async fn remove(caller: Caller, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    caller.must_be_fresh(&state)?;
    caller.users.delete_own_account(&caller.user).await?;
    caller
        .enveloped(&state, DeletedJson::new("user", caller.user.as_str()))
        .await
}

/// Names and primary number, for the user and for a back end. An empty name clears it.
pub(crate) fn profile_update(params: &Params) -> Result<ProfileUpdate, ApiError> {
    let primary = params.given("primary_phone_number_id")?;
    Ok(ProfileUpdate {
        first_name: patch(params, "first_name")?,
        last_name: patch(params, "last_name")?,
        username: patch(params, "username")?,
        primary: primary
            .map(|id| id.parse().map_err(|_| ApiError::from(PhoneError::PrimaryNotFound)))
            .transpose()?,
    })
}

/// Not there: it stays. Empty: it is cleared.
pub(crate) fn patch<T: std::str::FromStr>(params: &Params, name: &'static str) -> Result<Patch<T>, ApiError> {
    match params.text(name)? {
        None => Ok(Patch::Keep),
        Some("") => Ok(Patch::Clear),
        Some(text) => text.parse().map(Patch::Set).map_err(|_| ApiError::ParamFormat(name)),
    }
}
