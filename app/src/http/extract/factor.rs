//! Factors in the parameters of a sign-in or a reverification (contract 6.3, 6.5).

use phoneproof_domain::use_cases::TriedFactor;
use phoneproof_domain::{BackupCode, OtpCode, PhoneNumberId, Strategy};

use crate::http::extract::params::Params;
use crate::http::present::error::ApiError;

/// A first factor as it was sent.
pub(crate) enum GivenFirst {
    Code(Strategy, OtpCode),
    Password(String),
}

impl GivenFirst {
    pub(crate) fn factor(&self) -> TriedFactor<'_> {
        match self {
            Self::Code(strategy, code) => TriedFactor::Code(*strategy, code),
            Self::Password(password) => TriedFactor::Password(password),
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
    pub(crate) const fn factor(&self) -> TriedFactor<'_> {
        match self {
            Self::Code(code) => TriedFactor::Code(Strategy::PhoneCode, code),
            Self::Backup(code) => TriedFactor::BackupCode(code),
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

pub(crate) fn strategy(word: &str) -> Result<Strategy, ApiError> {
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
pub(crate) fn texted(params: &Params) -> Result<Strategy, ApiError> {
    match strategy(params.required("strategy")?)? {
        texted @ (Strategy::PhoneCode | Strategy::ResetPasswordPhoneCode) => Ok(texted),
        _ => Err(ApiError::ParamValue("strategy")),
    }
}

/// Refuses every strategy but one.
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
