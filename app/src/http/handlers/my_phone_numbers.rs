//! `/v1/me/phone_numbers`: the `PhoneNumber` object and its methods (contract 6.7).

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use phoneproof_domain::use_cases::{Done, SecondFactorUpdate};
use phoneproof_domain::{AttemptOutcome, BackupCode, OtpCode, PhoneError, PhoneNumberId, User};

use crate::http::AppState;
use crate::http::detached::detached;
use crate::http::extract::actor::{Acting, Answer};
use crate::http::extract::body::Body;
use crate::http::extract::ids::phone_number_named;
use crate::http::present::envelope::bare;
use crate::http::present::error::ApiError;
use crate::http::present::json::{DeletedJson, PhoneNumberJson, phone_numbers};

pub(crate) async fn list(acting: Acting, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let done = state.cases.own_account(&acting.actor).await?;
    Ok(bare(phone_numbers(&done.outcome, state.cases.now())))
}

pub(crate) async fn create(
    acting: Acting,
    state: Data<AppState>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let number = params.required_number("phone_number", state.cases.policy())?;
    if params.flag("reserved_for_second_factor")? == Some(true) {
        return Err(PhoneError::NewSecondFactorUnverified.into());
    }
    let done = state.cases.add_phone_number(&acting.actor, &number).await?;
    let (user, id) = &done.outcome;
    shown(&acting.answer, &state, &done, user, id, None).await
}

pub(crate) async fn show(acting: Acting, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let done = state.cases.own_account(&acting.actor).await?;
    shown(
        &acting.answer,
        &state,
        &done,
        &done.outcome,
        &phone_number_named(&id)?,
        None,
    )
    .await
}

pub(crate) async fn prepare_verification(
    acting: Acting,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let id = phone_number_named(&id)?;
    // The SDK always names the strategy; there is but one.
    if params
        .given("strategy")?
        .is_some_and(|strategy| strategy != "phone_code")
    {
        return Err(ApiError::ParamValue("strategy"));
    }
    let Acting { actor, answer } = acting;
    let (cases, wanted) = (state.cases.clone(), id.clone());
    let done = detached(async move { cases.prepare_verification(&actor, &wanted).await }).await?;
    shown(&answer, &state, &done, &done.outcome.user, &id, None).await
}

pub(crate) async fn attempt_verification(
    acting: Acting,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let id = phone_number_named(&id)?;
    let code = OtpCode::parse(params.required("code")?)?;
    let done = state.cases.attempt_verification(&acting.actor, &id, &code).await?;
    let (user, outcome) = &done.outcome;
    state.metrics.attempted(*outcome);
    match outcome {
        AttemptOutcome::Verified => shown(&acting.answer, &state, &done, user, &id, None).await,
        refused => Err(ApiError::Attempt(*refused)),
    }
}

pub(crate) async fn update(
    acting: Acting,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let id = phone_number_named(&id)?;
    let update = SecondFactorUpdate {
        reserved: params.flag("reserved_for_second_factor")?,
        default: params.flag("default_second_factor")?,
    };
    let done = state.cases.update_second_factor(&acting.actor, &id, update).await?;
    let (user, codes) = &done.outcome;
    shown(&acting.answer, &state, &done, user, &id, codes.as_deref()).await
}

pub(crate) async fn remove(acting: Acting, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let id = phone_number_named(&id)?;
    let done = state.cases.remove_phone_number(&acting.actor, &id).await?;
    let deleted = DeletedJson::new("phone_number", id.as_str());
    acting.answer.envelope(&state, &done, deleted).await
}

async fn shown<T>(
    answer: &Answer,
    state: &AppState,
    done: &Done<T>,
    user: &User,
    id: &PhoneNumberId,
    codes: Option<&[BackupCode]>,
) -> Result<HttpResponse, ApiError> {
    let shown = PhoneNumberJson::of(user, id, codes, state.cases.now())?;
    answer.envelope(state, done, shown).await
}
