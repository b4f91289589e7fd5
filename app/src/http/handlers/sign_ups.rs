//! `/v1/client/sign_ups` (contract 6.2).

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use phoneproof_domain::use_cases::{SignUpRequest, Visit};
use phoneproof_domain::{AttemptOutcome, Metadata, OtpCode, SignUpId};

use crate::http::AppState;
use crate::http::detached::detached;
use crate::http::extract::body::Body;
use crate::http::extract::params::Params;
use crate::http::extract::visitor::Visitor;
use crate::http::present::client_json::Part;
use crate::http::present::error::ApiError;

pub(crate) async fn create(
    visitor: Visitor,
    state: Data<AppState>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let request = request(&state, &params)?;
    let mut changed = state.auth.create_sign_up(&visitor.visit, request).await?;
    if let Some(strategy) = params.given("strategy")? {
        must_be_phone_code(strategy)?;
        let visit = state.auth.revisit(&visitor.visit, &changed.client).await?;
        let id = changed.client.sign_up.as_ref().map(|sign_up| sign_up.id.clone());
        let id = id.ok_or(ApiError::Internal("no sign-up"))?;
        let token = changed.token.take();
        changed = prepare_detached(&state, visit, id).await?;
        changed.token = token;
    }
    visitor.changed(&state, &changed, Part::SignUp).await
}

pub(crate) async fn show(visitor: Visitor, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let id = named(&id)?;
    let client = visitor.visit.client.as_ref().map(|loaded| &loaded.aggregate);
    let sign_up = client.and_then(|client| client.sign_up.as_ref());
    if sign_up.is_none_or(|sign_up| sign_up.id != id) {
        return Err(ApiError::NotFound);
    }
    visitor.answer(&state, client, None, Part::SignUp).await
}

pub(crate) async fn update(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let request = request(&state, &params)?;
    let changed = state.auth.update_sign_up(&visitor.visit, &named(&id)?, request).await?;
    visitor.changed(&state, &changed, Part::SignUp).await
}

pub(crate) async fn prepare(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    must_be_phone_code(params.required("strategy")?)?;
    let changed = prepare_detached(&state, visitor.visit.clone(), named(&id)?).await?;
    visitor.changed(&state, &changed, Part::SignUp).await
}

async fn prepare_detached(
    state: &AppState,
    visit: Visit,
    id: SignUpId,
) -> Result<phoneproof_domain::use_cases::Changed<()>, ApiError> {
    let auth = state.auth.clone();
    detached(async move { auth.prepare_sign_up(&visit, &id).await }).await
}

pub(crate) async fn attempt(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    if let Some(strategy) = params.given("strategy")? {
        must_be_phone_code(strategy)?;
    }
    let code = OtpCode::parse(params.required("code")?)?;
    let changed = state.auth.attempt_sign_up(&visitor.visit, &named(&id)?, &code).await?;
    state.metrics.attempted(changed.outcome);
    match changed.outcome {
        AttemptOutcome::Verified => visitor.changed(&state, &changed, Part::SignUp).await,
        refused => Err(ApiError::Attempt(refused)),
    }
}

fn must_be_phone_code(strategy: &str) -> Result<(), ApiError> {
    if strategy == "phone_code" {
        Ok(())
    } else {
        Err(ApiError::ParamValue("strategy"))
    }
}

fn request(state: &AppState, params: &Params) -> Result<SignUpRequest, ApiError> {
    let number = params.number("phone_number", state.users.policy())?;
    let text = |name| -> Result<_, ApiError> {
        let given = params.given(name)?;
        given
            .map(|text| text.parse().map_err(|_| ApiError::ParamFormat(name)))
            .transpose()
    };
    for name in ["email_address", "username", "web3_wallet"] {
        if params.given(name)?.is_some() {
            return Err(ApiError::ParamUnknown(name));
        }
    }
    Ok(SignUpRequest {
        number,
        password: params.given("password")?.map(str::to_owned),
        first_name: text("first_name")?,
        last_name: text("last_name")?,
        locale: text("locale")?,
        unsafe_metadata: params.object("unsafe_metadata")?.map(Metadata::new).transpose()?,
    })
}

fn named(id: &str) -> Result<SignUpId, ApiError> {
    id.parse().map_err(|_| ApiError::NotFound)
}
