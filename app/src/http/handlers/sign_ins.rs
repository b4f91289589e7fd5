//! `/v1/client/sign_ins` (contract 6.3).

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use phoneproof_domain::use_cases::{Changed, FirstFactor, SecondFactor, SignInRequest, Tried};
use phoneproof_domain::{BackupCode, OtpCode, PhoneNumberId, SignInId, Strategy};

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
    let given = params.given("strategy")?;
    if given == Some("ticket") || params.given("ticket")?.is_some() {
        let ticket = params.required("ticket")?;
        let changed = state.auth.sign_in_with_ticket(&visitor.visit, ticket).await?;
        return visitor.changed(&state, &changed, Part::SignIn).await;
    }
    let strategy = given.map(strategy).transpose()?;
    let identifier = params.number("identifier", state.users.policy())?;
    let password = params.given("password")?;
    if strategy == Some(Strategy::Password) && password.is_none() {
        return Err(ApiError::ConditionalParamMissing("password"));
    }
    let named = identifier.is_some();
    let created = state
        .auth
        .create_sign_in(&visitor.visit, &SignInRequest { identifier })
        .await?;
    let (Some(id), true) = (created.client.sign_in.as_ref().map(|sign_in| sign_in.id.clone()), named) else {
        return visitor.changed(&state, &created, Part::SignIn).await;
    };
    let mut visitor = visitor;
    let token = created.token.clone();
    let next = match (strategy, password) {
        (None | Some(Strategy::Password), Some(password)) => {
            visitor.visit = state.auth.revisit(&visitor.visit, &created.client).await?;
            let factor = FirstFactor::Password(password);
            let tried = state.auth.attempt_first_factor(&visitor.visit, &id, factor).await?;
            passed(tried)?
        }
        (Some(strategy @ (Strategy::PhoneCode | Strategy::ResetPasswordPhoneCode)), _) => {
            let visit = state.auth.revisit(&visitor.visit, &created.client).await?;
            let auth = state.auth.clone();
            detached(async move { auth.prepare_first_factor(&visit, &id, strategy, None).await }).await?
        }
        _ => created,
    };
    let next = Changed {
        token: next.token.or(token),
        ..next
    };
    visitor.changed(&state, &next, Part::SignIn).await
}

pub(crate) async fn show(visitor: Visitor, state: Data<AppState>, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let id = named(&id)?;
    let client = visitor.visit.client.as_ref().map(|loaded| &loaded.aggregate);
    let sign_in = client.and_then(|client| client.sign_in.as_ref());
    if sign_in.is_none_or(|sign_in| sign_in.id != id) {
        return Err(ApiError::NotFound);
    }
    visitor.answer(&state, client, None, Part::SignIn).await
}

pub(crate) async fn prepare_first_factor(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let strategy = texted(&params)?;
    let (id, number) = (named(&id)?, number(&params)?);
    let (auth, visit) = (state.auth.clone(), visitor.visit.clone());
    let prepare = async move { auth.prepare_first_factor(&visit, &id, strategy, number.as_ref()).await };
    let changed = detached(prepare).await?;
    visitor.changed(&state, &changed, Part::SignIn).await
}

pub(crate) async fn attempt_first_factor(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let given = first_factor(&params)?;
    let changed = state
        .auth
        .attempt_first_factor(&visitor.visit, &named(&id)?, given.factor())
        .await?;
    let changed = passed(changed)?;
    visitor.changed(&state, &changed, Part::SignIn).await
}

pub(crate) async fn prepare_second_factor(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    must_be(&params, Strategy::PhoneCode)?;
    let (id, number) = (named(&id)?, number(&params)?);
    let (auth, visit) = (state.auth.clone(), visitor.visit.clone());
    let changed = detached(async move { auth.prepare_second_factor(&visit, &id, number.as_ref()).await }).await?;
    visitor.changed(&state, &changed, Part::SignIn).await
}

pub(crate) async fn attempt_second_factor(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let given = second_factor(&params)?;
    let changed = state
        .auth
        .attempt_second_factor(&visitor.visit, &named(&id)?, given.factor())
        .await?;
    let changed = passed(changed)?;
    visitor.changed(&state, &changed, Part::SignIn).await
}

pub(crate) async fn reset_password(
    visitor: Visitor,
    state: Data<AppState>,
    id: Path<String>,
    Body(params): Body,
) -> Result<HttpResponse, ApiError> {
    let password = params.required("password")?;
    let others = params.flag("sign_out_of_other_sessions")?.unwrap_or(false);
    let changed = state
        .auth
        .reset_password(&visitor.visit, &named(&id)?, password, others)
        .await?;
    visitor.changed(&state, &changed, Part::SignIn).await
}

/// A first factor as it was sent.
pub(crate) enum GivenFirst {
    Code(Strategy, OtpCode),
    Password(String),
}

impl GivenFirst {
    pub(crate) fn factor(&self) -> FirstFactor<'_> {
        match self {
            Self::Code(strategy, code) => FirstFactor::Code(*strategy, code),
            Self::Password(password) => FirstFactor::Password(password),
        }
    }
}

pub(crate) fn first_factor(params: &Params) -> Result<GivenFirst, ApiError> {
    match strategy(params.required("strategy")?)? {
        Strategy::Password => {
            let password = params.given("password")?;
            let password = password.ok_or(ApiError::ConditionalParamMissing("password"))?;
            Ok(GivenFirst::Password(password.to_owned()))
        }
        strategy @ (Strategy::PhoneCode | Strategy::ResetPasswordPhoneCode) => {
            Ok(GivenFirst::Code(strategy, OtpCode::parse(params.required("code")?)?))
        }
        Strategy::Ticket | Strategy::BackupCode => Err(ApiError::ParamValue("strategy")),
    }
}

/// A second factor as it was sent.
pub(crate) enum GivenSecond {
    Code(OtpCode),
    Backup(BackupCode),
}

impl GivenSecond {
    pub(crate) const fn factor(&self) -> SecondFactor<'_> {
        match self {
            Self::Code(code) => SecondFactor::Code(code),
            Self::Backup(code) => SecondFactor::Backup(code),
        }
    }
}

pub(crate) fn second_factor(params: &Params) -> Result<GivenSecond, ApiError> {
    match strategy(params.required("strategy")?)? {
        Strategy::PhoneCode => Ok(GivenSecond::Code(OtpCode::parse(params.required("code")?)?)),
        Strategy::BackupCode => {
            let code = BackupCode::parse(params.required("code")?);
            Ok(GivenSecond::Backup(code.map_err(|_| ApiError::BackupCodeMalformed)?))
        }
        _ => Err(ApiError::ParamValue("strategy")),
    }
}

/// What was tried must have been right; what was wrong is counted already.
pub(crate) fn passed(changed: Changed<Tried>) -> Result<Changed<()>, ApiError> {
    match changed.outcome {
        Tried::Passed => Ok(Changed {
            client: changed.client,
            user: changed.user,
            token: changed.token,
            outcome: (),
        }),
        wrong => Err(ApiError::Tried(wrong)),
    }
}

fn strategy(word: &str) -> Result<Strategy, ApiError> {
    match word {
        "phone_code" => Ok(Strategy::PhoneCode),
        "reset_password_phone_code" => Ok(Strategy::ResetPasswordPhoneCode),
        "password" => Ok(Strategy::Password),
        "ticket" => Ok(Strategy::Ticket),
        "backup_code" => Ok(Strategy::BackupCode),
        _ => Err(ApiError::ParamValue("strategy")),
    }
}

/// A strategy by which a code is texted.
fn texted(params: &Params) -> Result<Strategy, ApiError> {
    match strategy(params.required("strategy")?)? {
        texted @ (Strategy::PhoneCode | Strategy::ResetPasswordPhoneCode) => Ok(texted),
        _ => Err(ApiError::ParamValue("strategy")),
    }
}

pub(crate) fn must_be(params: &Params, only: Strategy) -> Result<(), ApiError> {
    if strategy(params.required("strategy")?)? == only {
        Ok(())
    } else {
        Err(ApiError::ParamValue("strategy"))
    }
}

/// The number that is meant, if one is named. What is no identifier names none of the user's.
pub(crate) fn number(params: &Params) -> Result<Option<PhoneNumberId>, ApiError> {
    let given = params.given("phone_number_id")?;
    given
        .map(|id| id.parse().map_err(|_| ApiError::ResourceParam("phone_number_id")))
        .transpose()
}

fn named(id: &str) -> Result<SignInId, ApiError> {
    id.parse().map_err(|_| ApiError::NotFound)
}
