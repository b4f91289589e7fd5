//! `/v1/me/phone_numbers`: the `PhoneNumber` object and its methods (contract 6.7).

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use phoneproof_domain::use_cases::{SecondFactorUpdate, UserError};
use phoneproof_domain::{AttemptOutcome, BackupCode, OtpCode, PhoneError, PhoneNumberId, User};

use crate::http::AppState;
use crate::http::detached::detached;
use crate::http::extract::body::Body;
use crate::http::extract::caller::Caller;
use crate::http::present::envelope::bare;
use crate::http::present::error::ApiError;
use crate::http::present::json::{DeletedJson, PhoneNumberJson, phone_numbers};

pub(crate) async fn list(caller: Caller, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let user = caller.users.own_account(&caller.user).await?;
    Ok(bare(phone_numbers(&user, state.users.now())))
}

pub(crate) async fn create(
    caller: Caller,
    state: Data<AppState>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let number = params.required_number("phone_number", state.users.policy())?;
    if params.flag("reserved_for_second_factor")? == Some(true) {
        return Err(PhoneError::NewSecondFactorUnverified.into());
    }
    caller.must_be_fresh(&state)?;
    state.users.policy().admit(&number).map_err(UserError::from)?;
    state.auth.limit_new_numbers(&caller.user).await?;
    let (user, id) = caller.users.add_phone_number(&caller.user, &number).await?;
    shown(&caller, &state, &user, &id, None).await
}

pub(crate) async fn show(caller: Caller, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let user = caller.users.own_account(&caller.user).await?;
    shown(&caller, &state, &user, &named(&id)?, None).await
}

pub(crate) async fn prepare_verification(
    caller: Caller,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let id = named(&id)?;
    // The SDK always names the strategy; there is but one.
    if params
        .given("strategy")?
        .is_some_and(|strategy| strategy != "phone_code")
    {
        return Err(ApiError::ParamValue("strategy"));
    }
    let (auth, users, user, wanted) = (
        state.auth.clone(),
        caller.users.clone(),
        caller.user.clone(),
        id.clone(),
    );
    let address = caller.address();
    let prepare = async move { auth.prepare_verification(&users, &user, &wanted, address).await };
    let prepared = detached(prepare).await?;
    shown(&caller, &state, &prepared.user, &id, None).await
}

pub(crate) async fn attempt_verification(
    caller: Caller,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let id = named(&id)?;
    let code = OtpCode::parse(params.required("code")?)?;
    let (user, outcome) = caller.users.attempt_verification(&caller.user, &id, &code).await?;
    state.metrics.attempted(outcome);
    match outcome {
        AttemptOutcome::Verified => shown(&caller, &state, &user, &id, None).await,
        refused => Err(ApiError::Attempt(refused)),
    }
}

pub(crate) async fn update(
    caller: Caller,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let id = named(&id)?;
    let update = SecondFactorUpdate {
        reserved: params.flag("reserved_for_second_factor")?,
        default: params.flag("default_second_factor")?,
    };
    caller.must_be_fresh(&state)?;
    let (user, codes) = caller.users.update_second_factor(&caller.user, &id, update).await?;
    shown(&caller, &state, &user, &id, codes.as_deref()).await
}

pub(crate) async fn remove(caller: Caller, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let id = named(&id)?;
    caller.must_be_fresh(&state)?;
    let user = caller.users.remove_phone_number(&caller.user, &id).await?;
    let deleted = DeletedJson::new("phone_number", id.as_str());
    caller.enveloped_after(&state, &user, deleted).await
}

/// What is no identifier names nothing.
fn named(id: &str) -> Result<PhoneNumberId, ApiError> {
    id.parse().map_err(|_| PhoneError::NotFound.into())
}

async fn shown(
    caller: &Caller,
    state: &AppState,
    user: &User,
    id: &PhoneNumberId,
    codes: Option<&[BackupCode]>,
) -> Result<HttpResponse, ApiError> {
    let number = user.phones.get(id).ok_or(PhoneError::NotFound)?;
    let shown = PhoneNumberJson::new(user, number, codes, state.users.now());
    caller.enveloped_after(state, user, shown).await
}
