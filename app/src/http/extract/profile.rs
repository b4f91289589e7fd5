//! Names and notes in the parameters of a user (contract 6.6, 8.2).

use std::str::FromStr;

use phoneproof_domain::use_cases::ProfileUpdate;
use phoneproof_domain::{Patch, PhoneError};

use crate::http::extract::params::Params;
use crate::http::present::error::ApiError;

/// Names and primary number, for the user and for a back end. An empty name clears it.
pub(crate) fn profile_update(params: &Params) -> Result<ProfileUpdate, ApiError> {
    let primary = params.given("primary_phone_number_id")?;
    Ok(ProfileUpdate {
        first_name: patch(params, "first_name")?,
        last_name: patch(params, "last_name")?,
        username: patch(params, "username")?,
        primary: primary
            .map(|id| id.parse().map_err(|_| ApiError::from(PhoneError::PrimaryNotFound)))
            .transpose()?,
    })
}

/// Not there: it stays. Empty: it is cleared.
pub(crate) fn patch<T: FromStr>(params: &Params, name: &'static str) -> Result<Patch<T>, ApiError> {
    match params.text(name)? {
        None => Ok(Patch::Keep),
        Some("") => Ok(Patch::Clear),
        Some(text) => text.parse().map(Patch::Set).map_err(|_| ApiError::ParamFormat(name)),
    }
}
