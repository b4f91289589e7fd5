//! The query of `GET /v1/users` (contract 8.1 and 8.2).

use phoneproof_domain::ports::{Direction, OrderBy, Span, UserFilter};
use phoneproof_domain::{Timestamp, UserId};

use crate::http::extract::params::Params;
use crate::http::present::error::ApiError;

/// What users here do not have: who asks for users by it finds nobody.
const NOBODYS: [&str; 6] = [
    "email_address",
    "email_address_query",
    "web3_wallet",
    "organization_id",
    "provider",
    "provider_user_id",
];

const DAY_MS: i64 = 24 * 3600 * 1000;

/// The users that are asked for; none if these can only be nobody.
pub(crate) fn user_filter(params: &Params) -> Result<Option<UserFilter>, ApiError> {
    let filter = UserFilter {
        phone_numbers: each(params, "phone_number")?,
        ids: each(params, "user_id")?,
        external_ids: each(params, "external_id")?,
        usernames: each(params, "username")?,
        query: params.given("query")?.map(str::to_owned),
        name_query: params.given("name_query")?.map(str::to_owned),
        phone_number_query: params.given("phone_number_query")?.map(str::to_owned),
        username_query: params.given("username_query")?.map(str::to_owned),
        banned: params.flag("banned")?,
        created_at: span(params, "created_at_after", "created_at_before")?,
        last_active_at: last_active(params)?,
        last_sign_in_at: span(params, "last_sign_in_at_after", "last_sign_in_at_before")?,
    };
    let can_be_somebody = !NOBODYS.iter().any(|name| params.has_value(name));
    Ok(can_be_somebody.then_some(filter))
}

/// A page of users, as it is asked for.
pub(crate) struct UserPage {
    /// None if only nobody can be meant.
    pub(crate) filter: Option<UserFilter>,
    pub(crate) order_by: OrderBy,
    pub(crate) direction: Direction,
    /// The user after whom the page begins.
    pub(crate) starting_after: Option<UserId>,
    pub(crate) limit: u32,
    pub(crate) offset: u64,
}

pub(crate) fn user_page(params: &Params) -> Result<UserPage, ApiError> {
    let order = params.given("order_by")?.unwrap_or("-created_at");
    // A plus sign that was not percent-encoded arrives as a blank.
    let (direction, field) = match order.trim_start_matches([' ', '+']).strip_prefix('-') {
        Some(field) => (Direction::Descending, field),
        None => (Direction::Ascending, order.trim_start_matches([' ', '+'])),
    };
    let order_by = match field {
        "created_at" => OrderBy::CreatedAt,
        "updated_at" => OrderBy::UpdatedAt,
        "last_active_at" => OrderBy::LastActiveAt,
        "last_sign_in_at" => OrderBy::LastSignInAt,
        "first_name" => OrderBy::FirstName,
        "last_name" => OrderBy::LastName,
        "username" => OrderBy::Username,
        "phone_number" => OrderBy::PhoneNumber,
        _ => return Err(ApiError::ParamValue("order_by")),
    };
    let starting_after = params.given(STARTING_AFTER)?;
    let starting_after = starting_after.map(|id| id.parse().map_err(|_| ApiError::ResourceParam(STARTING_AFTER)));
    let starting_after = starting_after.transpose()?;
    if starting_after.is_some() && order_by != OrderBy::CreatedAt {
        return Err(ApiError::ParamValue(STARTING_AFTER));
    }
    let (limit, offset) = params.page()?;
    Ok(UserPage {
        filter: user_filter(params)?,
        order_by,
        direction,
        starting_after,
        limit,
        offset,
    })
}

/// The parameter that names the user after whom a page begins.
pub(crate) const STARTING_AFTER: &str = "starting_after";

/// `last_active_at_since` is a moment of the first day that is meant: activity is known by the day.
fn last_active(params: &Params) -> Result<Span, ApiError> {
    let mut active = span(params, "last_active_at_after", "last_active_at_before")?;
    if let Some(since) = params.integer("last_active_at_since")? {
        let before_the_day = (since.saturating_sub(since.rem_euclid(DAY_MS))).saturating_sub(1);
        active.after = active.after.max(Some(Timestamp::from_millis(before_the_day)));
    }
    Ok(active)
}

fn each<T: std::str::FromStr>(params: &Params, name: &'static str) -> Result<Vec<T>, ApiError> {
    let texts = params.list(name)?.unwrap_or_default();
    texts
        .iter()
        .map(|text| text.trim().parse().map_err(|_| ApiError::ParamFormat(name)))
        .collect()
}

fn span(params: &Params, after: &'static str, before: &'static str) -> Result<Span, ApiError> {
    let time = |name| params.integer(name).map(|millis| millis.map(Timestamp::from_millis));
    Ok(Span {
        after: time(after)?,
        before: time(before)?,
    })
}
