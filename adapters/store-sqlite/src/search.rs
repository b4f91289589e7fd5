//! Filters and orders of lists, as SQL.

use diesel::dsl::sql;
use diesel::expression::expression_types::NotSelectable;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text};
use diesel::sqlite::Sqlite;
use phoneproof_domain::ports::{Direction, OrderBy, Span, UserFilter};

use crate::folded::{fold, folded, instr};
use crate::schema::{phone_numbers, users};

/// A condition on users.
pub(crate) type Condition = Box<dyn BoxableExpression<users::table, Sqlite, SqlType = Nullable<Bool>>>;

/// One term of an order.
pub(crate) type Order = Box<dyn BoxableExpression<users::table, Sqlite, SqlType = NotSelectable>>;

/// The primary number, which is a column of another table.
const PRIMARY_NUMBER: &str = "(SELECT number FROM phone_numbers WHERE phone_numbers.user_id = users.id \
                              AND phone_numbers.id = users.primary_phone_number_id)";

/// All conditions of `filter`.
pub(crate) fn conditions(filter: &UserFilter) -> Vec<Condition> {
    let mut all: Vec<Condition> = Vec::new();
    if !filter.phone_numbers.is_empty() {
        let numbers: Vec<String> = filter.phone_numbers.iter().map(ToString::to_string).collect();
        let owners = phone_numbers::table
            .filter(phone_numbers::number.eq_any(numbers))
            .select(phone_numbers::user_id);
        all.push(Box::new(users::id.eq_any(owners).nullable()));
    }
    if !filter.ids.is_empty() {
        let ids: Vec<String> = filter.ids.iter().map(ToString::to_string).collect();
        all.push(Box::new(users::id.eq_any(ids).nullable()));
    }
    if !filter.external_ids.is_empty() {
        let ids: Vec<String> = filter.external_ids.iter().map(ToString::to_string).collect();
        all.push(Box::new(users::external_id.eq_any(ids)));
    }
    if !filter.usernames.is_empty() {
        let names: Vec<String> = filter.usernames.iter().map(|name| name.as_str().to_owned()).collect();
        all.push(Box::new(users::username.eq_any(names)));
    }
    all.extend(filter.query.as_deref().map(anything_like));
    all.extend(filter.phone_number_query.as_deref().map(number_like));
    all.extend(within_created(filter.created_at));
    all.extend(within_last_active(filter.last_active_at));
    all.extend(within_last_sign_in(filter.last_sign_in_at));
    all
}

/// A part of a number, of the id, or of a name.
fn anything_like(part: &str) -> Condition {
    let part = fold(part);
    let name = instr(folded(users::first_name), part.clone())
        .gt(0)
        .or(instr(folded(users::last_name), part.clone()).gt(0))
        .or(instr(folded(users::username), part.clone()).gt(0))
        .or(instr(folded(users::id.nullable()), part.clone()).gt(0));
    // A column that is NULL makes the whole NULL, which is not true: as it should be.
    Box::new(name.or(number_like(&part)))
}

fn number_like(part: &str) -> Condition {
    let owners = phone_numbers::table
        .filter(instr(phone_numbers::number.nullable(), part.to_owned()).gt(0))
        .select(phone_numbers::user_id);
    Box::new(users::id.eq_any(owners).nullable())
}

fn within_created(span: Span) -> Vec<Condition> {
    let mut all: Vec<Condition> = Vec::new();
    if let Some(after) = span.after {
        all.push(Box::new(users::created_at_ms.gt(after.as_millis()).nullable()));
    }
    if let Some(before) = span.before {
        all.push(Box::new(users::created_at_ms.lt(before.as_millis()).nullable()));
    }
    all
}

fn within_last_sign_in(span: Span) -> Vec<Condition> {
    let mut all: Vec<Condition> = Vec::new();
    if let Some(after) = span.after {
        all.push(Box::new(users::last_sign_in_at_ms.gt(after.as_millis())));
    }
    if let Some(before) = span.before {
        all.push(Box::new(users::last_sign_in_at_ms.lt(before.as_millis())));
    }
    all
}

fn within_last_active(span: Span) -> Vec<Condition> {
    let mut all: Vec<Condition> = Vec::new();
    if let Some(after) = span.after {
        all.push(Box::new(users::last_active_at_ms.gt(after.as_millis())));
    }
    if let Some(before) = span.before {
        all.push(Box::new(users::last_active_at_ms.lt(before.as_millis())));
    }
    all
}

/// The terms of an order. Users without the value come last either way; equal ones follow by id,
/// the same way as the rest, so that one direction is exactly the other one backwards.
pub(crate) fn order(by: OrderBy, direction: Direction) -> Vec<Order> {
    macro_rules! directed {
        ($expression:expr) => {
            match direction {
                Direction::Ascending => Box::new($expression.asc()) as Order,
                Direction::Descending => Box::new($expression.desc()) as Order,
            }
        };
    }
    let number = || sql::<Nullable<Text>>(PRIMARY_NUMBER);
    let mut terms: Vec<Order> = match by {
        OrderBy::CreatedAt => vec![directed!(users::created_at_ms)],
        OrderBy::UpdatedAt => vec![directed!(users::updated_at_ms)],
        OrderBy::LastActiveAt => vec![
            Box::new(users::last_active_at_ms.is_null().asc()),
            directed!(users::last_active_at_ms),
        ],
        OrderBy::LastSignInAt => vec![
            Box::new(users::last_sign_in_at_ms.is_null().asc()),
            directed!(users::last_sign_in_at_ms),
        ],
        OrderBy::FirstName => vec![
            Box::new(users::first_name.is_null().asc()),
            directed!(folded(users::first_name)),
        ],
        OrderBy::LastName => vec![
            Box::new(users::last_name.is_null().asc()),
            directed!(folded(users::last_name)),
        ],
        OrderBy::Username => vec![Box::new(users::username.is_null().asc()), directed!(users::username)],
        OrderBy::PhoneNumber => vec![Box::new(number().is_null().asc()), directed!(number())],
    };
    terms.push(directed!(users::id));
    terms
}
