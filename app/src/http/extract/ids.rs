//! Identifiers in paths and bodies. What is no identifier names nothing, and is answered as one that is unknown.

use std::str::FromStr;

use phoneproof_domain::use_cases::UserError;
use phoneproof_domain::{PhoneError, PhoneNumberId, UserId};

use crate::http::present::error::ApiError;

pub(crate) fn named<T: FromStr>(id: &str) -> Result<T, ApiError> {
    id.parse().map_err(|_| ApiError::NotFound)
}

pub(crate) fn user_named(id: &str) -> Result<UserId, ApiError> {
    id.parse().map_err(|_| UserError::NoSuchUser.into())
}

pub(crate) fn phone_number_named(id: &str) -> Result<PhoneNumberId, ApiError> {
    id.parse().map_err(|_| PhoneError::NotFound.into())
}
