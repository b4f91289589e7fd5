//! `/v1/me/phone_numbers`: the `PhoneNumber` object and its methods (contract 6.7).

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use phoneproof_domain::use_cases::SecondFactorUpdate;
use phoneproof_domain::{AttemptOutcome, BackupCode, OtpCode, PhoneError, PhoneNumberId, User};

use super::body::Body;
use super::caller::Caller;
use super::envelope::{bare, enveloped};
use super::error::ApiError;
use super::json::{DeletedJson, PhoneNumberJson, phone_numbers};
use crate::server::AppState;

pub(crate) async fn list(caller: Caller, state: Data<AppState>) -> Result<HttpResponse, ApiError> {
    let user = state.users.own_account(&caller.user).await?;
    Ok(bare(phone_numbers(&user, state.users.now())))
}

pub(crate) async fn create(
    caller: Caller,
    state: Data<AppState>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let spelled = params.required("phone_number")?;
    let number = state
        .users
        .policy()
        .parse_number(spelled)
        .map_err(|error| ApiError::Number(error, "phone_number"))?;
    if params.flag("reserved_for_second_factor")? == Some(true) {
        return Err(PhoneError::NewSecondFactorUnverified.into());
    }
    let (user, id) = state.users.add_phone_number(&caller.user, &number).await?;
    shown(&state, &user, &id, None)
}

pub(crate) async fn show(caller: Caller, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let user = state.users.own_account(&caller.user).await?;
    shown(&state, &user, &named(&id)?, None)
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
    // In a task of its own: a browser that leaves must not keep a committed code from being sent.
    let (users, wanted) = (state.users.clone(), id.clone());
    let prepared = actix_web::rt::spawn(async move { users.prepare_verification(&caller.user, &wanted).await }).await;
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => return Err(ApiError::Internal("the sending task was cancelled")),
        },
    };
    state.metrics.prepared(&prepared);
    shown(&state, &prepared?.user, &id, None)
}

pub(crate) async fn attempt_verification(
    caller: Caller,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let id = named(&id)?;
    let code = OtpCode::parse(params.required("code")?)?;
    let (user, outcome) = state.users.attempt_verification(&caller.user, &id, &code).await?;
    state.metrics.attempted(outcome);
    match outcome {
        AttemptOutcome::Verified => shown(&state, &user, &id, None),
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
    let (user, codes) = state.users.update_second_factor(&caller.user, &id, update).await?;
    shown(&state, &user, &id, codes.as_deref())
}

pub(crate) async fn remove(caller: Caller, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let id = named(&id)?;
    state.users.remove_phone_number(&caller.user, &id).await?;
    Ok(enveloped(DeletedJson::new("phone_number", id.as_str())))
}

/// What is no identifier names nothing.
fn named(id: &str) -> Result<PhoneNumberId, ApiError> {
    id.parse().map_err(|_| PhoneError::NotFound.into())
}

fn shown(
    state: &AppState,
    user: &User,
    id: &PhoneNumberId,
    codes: Option<&[BackupCode]>,
) -> Result<HttpResponse, ApiError> {
    let number = user.phones.get(id).ok_or(PhoneError::NotFound)?;
    Ok(enveloped(PhoneNumberJson::new(user, number, codes, state.users.now())))
}
