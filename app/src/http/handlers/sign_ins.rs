//! `/v1/client/sign_ins` (contract 6.3).

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use phoneproof_domain::Strategy;
use phoneproof_domain::use_cases::{AuthError, FactorOutcome, SignInRequest};

use crate::http::AppState;
use crate::http::detached::detached;
use crate::http::extract::body::Body;
use crate::http::extract::factor::{first_factor, must_be, number, second_factor, strategy, texted};
use crate::http::extract::ids::named;
use crate::http::extract::visitor::Visitor;
use crate::http::present::client_json::Part;
use crate::http::present::error::ApiError;
use crate::http::present::outcome::passed;

pub(crate) async fn create(
    visitor: Visitor,
    state: Data<AppState>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let given = params.given("strategy")?;
    if params.flag("sign_up_if_missing")? == Some(true) && (given == Some("ticket") || params.has_value("ticket")) {
        return Err(AuthError::SignUpIfMissingStrategy.into());
    }
    if given == Some("ticket") || params.given("ticket")?.is_some() {
        let done = state
            .cases
            .sign_in_with_ticket(&visitor.context, params.required("ticket")?)
            .await?;
        return visitor.page.envelope(&state, &done, Part::SignIn).await;
    }
    if params.flag("transfer")?.unwrap_or(false) {
        // Sign-ups here leave nothing that a sign-in could take over.
        return Err(AuthError::NothingToTransfer.into());
    }
    let request = SignInRequest {
        identifier: params.number("identifier", state.cases.policy())?,
        strategy: given.map(strategy).transpose()?,
        password: params.given("password")?.map(str::to_owned),
        sign_up_if_missing: params.flag("sign_up_if_missing")?.unwrap_or(false),
    };
    if request.strategy == Some(Strategy::Password) && request.password.is_none() {
        return Err(ApiError::ConditionalParamMissing("password"));
    }
    let Visitor { page, context, .. } = visitor;
    let cases = state.cases.clone();
    let done = detached(async move { cases.create_sign_in(&context, &request).await }).await?;
    page.envelope(&state, &passed(done)?, Part::SignIn).await
}

pub(crate) async fn show(visitor: Visitor, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let done = state.cases.sign_in(&visitor.context, &named(&id)?)?;
    visitor.page.envelope(&state, &done, Part::SignIn).await
}

pub(crate) async fn prepare_first_factor(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let strategy = texted(&params)?;
    let (id, number) = (named(&id)?, number(&params)?);
    let Visitor { page, context, .. } = visitor;
    let cases = state.cases.clone();
    let prepare = async move {
        cases
            .prepare_first_factor(&context, &id, strategy, number.as_ref())
            .await
    };
    let done = detached(prepare).await?;
    page.envelope(&state, &done, Part::SignIn).await
}

pub(crate) async fn attempt_first_factor(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let given = first_factor(&params)?;
    let id = named(&id)?;
    let done = state
        .cases
        .attempt_first_factor(&visitor.context, &id, given.factor())
        .await?;
    if done.outcome == FactorOutcome::Transferable {
        return Err(visitor.page.transferable(&state, &done).await?);
    }
    visitor.page.envelope(&state, &passed(done)?, Part::SignIn).await
}

pub(crate) async fn prepare_second_factor(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    must_be(&params, Strategy::PhoneCode)?;
    let (id, number) = (named(&id)?, number(&params)?);
    let Visitor { page, context, .. } = visitor;
    let cases = state.cases.clone();
    let done = detached(async move { cases.prepare_second_factor(&context, &id, number.as_ref()).await }).await?;
    page.envelope(&state, &done, Part::SignIn).await
}

pub(crate) async fn attempt_second_factor(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let given = second_factor(&params)?;
    let id = named(&id)?;
    let done = state
        .cases
        .attempt_second_factor(&visitor.context, &id, given.factor())
        .await?;
    visitor.page.envelope(&state, &passed(done)?, Part::SignIn).await
}

pub(crate) async fn reset_password(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let password = params.required("password")?;
    let others = params.flag("sign_out_of_other_sessions")?.unwrap_or(true);
    let id = named(&id)?;
    let done = state
        .cases
        .reset_password(&visitor.context, &id, password, others)
        .await?;
    visitor.page.envelope(&state, &done, Part::SignIn).await
}
