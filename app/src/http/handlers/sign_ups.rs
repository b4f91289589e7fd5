//! `/v1/client/sign_ups` (contract 6.2).

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use phoneproof_domain::use_cases::SignUpRequest;
use phoneproof_domain::{AttemptOutcome, Metadata, OtpCode, Strategy, TicketError};

use crate::http::AppState;
use crate::http::detached::detached;
use crate::http::extract::body::Body;
use crate::http::extract::factor::strategy;
use crate::http::extract::ids::named;
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
    let Visitor { page, context, .. } = visitor;
    if params.flag("transfer")?.unwrap_or(false) {
        let done = state.cases.transfer_sign_in(&context, request).await?;
        return page.envelope(&state, &done, Part::SignUp).await;
    }
    let cases = state.cases.clone();
    let done = detached(async move { cases.create_sign_up(&context, request).await }).await?;
    page.envelope(&state, &done, Part::SignUp).await
}

pub(crate) async fn show(visitor: Visitor, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let done = state.cases.sign_up(&visitor.context, &named(&id)?)?;
    visitor.page.envelope(&state, &done, Part::SignUp).await
}

pub(crate) async fn update(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let request = request(&state, &params)?;
    let Visitor { page, context, .. } = visitor;
    let (cases, id) = (state.cases.clone(), named(&id)?);
    let done = detached(async move { cases.update_sign_up(&context, &id, request).await }).await?;
    page.envelope(&state, &done, Part::SignUp).await
}

pub(crate) async fn prepare(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    must_be_phone_code(params.required("strategy")?)?;
    let Visitor { page, context, .. } = visitor;
    let (cases, id) = (state.cases.clone(), named(&id)?);
    let done = detached(async move { cases.prepare_sign_up(&context, &id).await }).await?;
    page.envelope(&state, &done, Part::SignUp).await
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
    let done = state
        .cases
        .attempt_sign_up(&visitor.context, &named(&id)?, &code)
        .await?;
    state.metrics.attempted(done.outcome);
    match done.outcome {
        AttemptOutcome::Verified => visitor.page.envelope(&state, &done, Part::SignUp).await,
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

/// What a sign-up is given. The strategy says what is done with it: a code is sent at once, or a password is set, which
/// it does without being named, too.
fn request(state: &AppState, params: &Params) -> Result<SignUpRequest, ApiError> {
    let number = params.number("phone_number", state.cases.policy())?;
    let text = |name| -> Result<_, ApiError> {
        let given = params.given(name)?;
        given
            .map(|text| text.parse().map_err(|_| ApiError::ParamFormat(name)))
            .transpose()
    };
    let password = params.given("password")?;
    let strategy = params.given("strategy")?.map(strategy).transpose()?;
    let prepare = match strategy {
        None => false,
        Some(Strategy::PhoneCode) => true,
        Some(Strategy::Password) if password.is_some() => false,
        Some(Strategy::Password) => return Err(ApiError::ConditionalParamMissing("password")),
        // Tickets that sign up are invitations, which go by e-mail: none of ours is one.
        Some(Strategy::Ticket) => {
            params.required("ticket")?;
            return Err(TicketError::Unknown.into());
        }
        Some(Strategy::ResetPasswordPhoneCode | Strategy::BackupCode) => return Err(ApiError::ParamValue("strategy")),
    };
    for name in ["email_address", "username", "web3_wallet"] {
        if params.given(name)?.is_some() {
            return Err(ApiError::ParamUnknown(name));
        }
    }
    Ok(SignUpRequest {
        number,
        password: password.map(str::to_owned),
        first_name: text("first_name")?,
        last_name: text("last_name")?,
        locale: text("locale")?,
        unsafe_metadata: params.object("unsafe_metadata")?.map(Metadata::new).transpose()?,
        prepare,
    })
}
