//! The query of `GET /v1/users` (contract 8.1 and 8.2).

use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::{Direction, OrderBy, Span, UserFilter, UserQuery};

use crate::http::extract::params::Params;
use crate::http::present::error::ApiError;

pub(crate) fn user_filter(params: &Params) -> Result<UserFilter, ApiError> {
    // What users here do not have: nobody would be found, or everybody by mistake.
    const UNBUILT: [&str; 3] = ["email_address", "email_address_query", "organization_id"];
    params.refuse(&UNBUILT)?;
    Ok(UserFilter {
        phone_numbers: each(params, "phone_number")?,
        ids: each(params, "user_id")?,
        external_ids: each(params, "external_id")?,
        usernames: each(params, "username")?,
        query: params.given("query")?.map(str::to_owned),
        phone_number_query: params.given("phone_number_query")?.map(str::to_owned),
        created_at: span(params, "created_at_after", "created_at_before")?,
        last_active_at: span(params, "last_active_at_after", "last_active_at_before")?,
        last_sign_in_at: span(params, "last_sign_in_at_after", "last_sign_in_at_before")?,
    })
}

pub(crate) fn user_query(params: &Params) -> Result<UserQuery, ApiError> {
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
    let (limit, offset) = params.page()?;
    Ok(UserQuery {
        filter: user_filter(params)?,
        order_by,
        direction,
        limit,
        offset,
    })
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
