//! `/v1/sign_ups`: sign-ups by secret key, in whichever client they are.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use phoneproof_domain::SignUp;

use crate::http::AppState;
use crate::http::extract::back_end::BackEnd;
use crate::http::extract::body::Body;
use crate::http::extract::ids::named;
use crate::http::extract::profile::patch;
use crate::http::present::envelope::bare;
use crate::http::present::error::ApiError;
use crate::http::present::sign_up_json::SignUpJson;

pub(crate) async fn show(_: BackEnd, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let sign_up = state.cases.sign_up_by_id(&named(&id)?).await?;
    Ok(shown(&state, &sign_up))
}

pub(crate) async fn update(
    _: BackEnd,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let external_id = patch(&params, "external_id")?;
    let custom_action = params.flag("custom_action")?;
    let id = named(&id)?;
    let sign_up = state.cases.annotate_sign_up(&id, &external_id, custom_action).await?;
    Ok(shown(&state, &sign_up))
}

fn shown(state: &AppState, sign_up: &SignUp) -> HttpResponse {
    bare(SignUpJson::new(sign_up, state.cases.policy(), state.cases.now()))
}
