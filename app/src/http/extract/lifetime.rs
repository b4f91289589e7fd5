//! How long a token shall be valid, in the parameters of a back end (contract 8.5).

use std::time::Duration;

use crate::http::extract::params::Params;
use crate::http::present::error::ApiError;
use crate::session_tokens::{LIFETIME, PUBLISHED_AFTER};

const PARAM: &str = "expires_in_seconds";
const SHORTEST_SESSION_TOKEN: Duration = Duration::from_secs(30);
const LONGEST_TICKET: Duration = Duration::from_secs(315_360_000);

/// The lifetime of a session token: no longer than a replaced key is published.
pub(crate) fn session_token_lifetime(params: &Params) -> Result<Duration, ApiError> {
    Ok(within(params, SHORTEST_SESSION_TOKEN, PUBLISHED_AFTER)?.unwrap_or(LIFETIME))
}

/// The lifetime of a sign-in token, if one is given.
pub(crate) fn ticket_lifetime(params: &Params) -> Result<Option<Duration>, ApiError> {
    within(params, Duration::from_secs(1), LONGEST_TICKET)
}

fn within(params: &Params, shortest: Duration, longest: Duration) -> Result<Option<Duration>, ApiError> {
    let Some(seconds) = params.integer(PARAM)? else {
        return Ok(None);
    };
    let lifetime = u64::try_from(seconds).ok().map(Duration::from_secs);
    let lifetime = lifetime.filter(|lifetime| (shortest..=longest).contains(lifetime));
    lifetime.map(Some).ok_or(ApiError::ParamValue(PARAM))
}
