//! `/v1/me/change_password` and `/v1/me/remove_password` (contract 6.6).

use actix_web::HttpResponse;
use actix_web::web::Data;

use crate::http::AppState;
use crate::http::extract::body::Body;
use crate::http::extract::caller::Caller;
use crate::http::extract::params::Params;
use crate::http::present::client_json::Part;
use crate::http::present::envelope::without_client;
use crate::http::present::error::ApiError;
use crate::http::present::json::UserJson;

pub(crate) async fn change(
    caller: Caller,
    state: Data<AppState>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let new = params.required("new_password")?;
    let others = params.flag("sign_out_of_other_sessions")?.unwrap_or(false);
    set(&caller, &state, &params, Some(new), others).await
}

pub(crate) async fn remove(
    caller: Caller,
    state: Data<AppState>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    set(&caller, &state, &params, None, false).await
}

async fn set(
    caller: &Caller,
    state: &AppState,
    params: &Params,
    new: Option<&str>,
    others: bool,
) -> Result<HttpResponse, ApiError> {
    // A password is for signing in here; users of an identity provider sign in there.
    let session = caller.session().ok_or(ApiError::SignedOut)?;
    caller.must_be_fresh(state)?;
    let current = params.given("current_password")?;
    let changed = state
        .auth
        .change_password(&session.visitor.visit, &session.acting, current, new, others)
        .await?;
    let Some(user) = &changed.user else {
        return Ok(without_client(()));
    };
    let shown = serde_json::json!(UserJson::for_user(user, &state.users));
    session.visitor.changed(state, &changed, Part::Other(shown)).await
}
