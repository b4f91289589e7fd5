//! `/v1/phone_numbers`: numbers by secret key (contract 8.3).

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use phoneproof_domain::use_cases::{AdminUpdate, AuthError, NewPhoneNumber, UserError};
use phoneproof_domain::{BackEndVerification, BackupCode, OtpCode, PhoneError, PhoneNumberId, Standing, User};

use crate::http::AppState;
use crate::http::extract::back_end::BackEnd;
use crate::http::extract::body::Body;
use crate::http::extract::ids::{phone_number_named, user_named};
use crate::http::extract::params::Params;
use crate::http::present::envelope::bare;
use crate::http::present::error::ApiError;
use crate::http::present::json::{DeletedJson, PhoneNumberJson, VerificationJson};

pub(crate) async fn create(_: BackEnd, state: Data<AppState>, Body(params): Body) -> Result<HttpResponse, ApiError> {
    let user = params.required("user_id")?;
    let number = params.required_number("phone_number", state.cases.policy())?;
    let verified = params.flag("verified")?.unwrap_or(false);
    let new = NewPhoneNumber {
        number,
        standing: if verified {
            Standing::Verified
        } else {
            Standing::Unverified
        },
        primary: params.flag("primary")?.unwrap_or(false),
        reserved_for_second_factor: params.flag("reserved_for_second_factor")?.unwrap_or(false),
    };
    let (user, id, codes) = state
        .cases
        .create_phone_number(&user_named(user)?, new)
        .await
        .map_err(refused)?;
    shown(&state, &user, &id, codes.as_deref())
}

pub(crate) async fn show(_: BackEnd, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let id = phone_number_named(&id)?;
    shown(&state, &state.cases.phone_number(&id).await?, &id, None)
}

pub(crate) async fn update(
    _: BackEnd,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let id = phone_number_named(&id)?;
    let update = admin_update(&params)?;
    let (user, codes) = state.cases.update_phone_number(&id, update).await.map_err(refused)?;
    shown(&state, &user, &id, codes.as_deref())
}

pub(crate) async fn remove(_: BackEnd, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let id = phone_number_named(&id)?;
    state.cases.delete_phone_number(&id).await?;
    Ok(bare(DeletedJson::new("phone_number", id.as_str())))
}

/// Begins a verification that the back end drives (contract 8.4).
pub(crate) async fn prepare_verification(
    _: BackEnd,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let driven = state.cases.prepare_by_back_end(&phone_number_named(&id)?).await?;
    Ok(driven_json(&state, &driven))
}

/// The outcome stands in the verification, not in the HTTP status.
pub(crate) async fn attempt_verification(
    _: BackEnd,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let id = phone_number_named(&id)?;
    let verification = params.required("verification_id")?;
    let verification = verification.parse().map_err(|_| ApiError::NotFound)?;
    let code = OtpCode::parse(params.required("code")?)?;
    let (driven, outcome) = state.cases.attempt_by_back_end(&id, &verification, &code).await?;
    state.metrics.attempted(outcome);
    Ok(driven_json(&state, &driven))
}

fn driven_json(state: &AppState, driven: &BackEndVerification) -> HttpResponse {
    bare(VerificationJson::of(&driven.verification, state.cases.now()).map(|shown| shown.with_id(driven.id.as_str())))
}

fn admin_update(params: &Params) -> Result<AdminUpdate, ApiError> {
    Ok(AdminUpdate {
        verified: params.flag("verified")?,
        primary: params.flag("primary")?,
        reserved_for_second_factor: params.flag("reserved_for_second_factor")?,
    })
}

/// The parameter that asks for the primary number has another name here than on a user.
fn refused(error: AuthError) -> ApiError {
    match error {
        AuthError::User(UserError::Phone(PhoneError::PrimaryUnverified)) => ApiError::VerificationNeeded("primary"),
        other => other.into(),
    }
}

fn shown(
    state: &AppState,
    user: &User,
    id: &PhoneNumberId,
    codes: Option<&[BackupCode]>,
) -> Result<HttpResponse, ApiError> {
    Ok(bare(PhoneNumberJson::of(user, id, codes, state.cases.now())?))
}
