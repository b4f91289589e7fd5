//! Filters and orders of lists, as SQL: written once, for what Diesel builds at run time names its database.

/// Text regardless of case, as the databases' function `folded` has it.
#[must_use]
pub fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// One term of an order, in the direction that is asked for.
#[doc(hidden)]
#[macro_export]
macro_rules! directed {
    ($direction:expr, $Order:ty, $expression:expr) => {
        match $direction {
            Direction::Ascending => Box::new($expression.asc()) as $Order,
            Direction::Descending => Box::new($expression.desc()) as $Order,
        }
    };
}

/// Makes the module `search` of a store: `user_conditions`, `follows`, `order`, `session_conditions` and `message_conditions` for one
/// backend, on top of its functions `folded`, `instr` and `has_one_of`, which must be in scope.
#[macro_export]
macro_rules! search {
    ($Backend:ty) => {
        use diesel::dsl::{exists, not, sql};
        use diesel::expression::expression_types::NotSelectable;
        use diesel::prelude::*;
        use diesel::sql_types::{Bool, Nullable, Text};
        use phoneproof_domain::ports::{Direction, MessageQuery, OrderBy, SessionQuery, Span, UserFilter, UserPlace};
        use phoneproof_domain::{Ending, SessionStatus};
        use $crate::fold;
        use $crate::rows::ending_word;
        use $crate::schema::{phone_numbers, sessions, sms_messages, users};

        type SessionCondition = Box<dyn BoxableExpression<sessions::table, $Backend, SqlType = Bool>>;
        type MessageCondition = Box<dyn BoxableExpression<sms_messages::table, $Backend, SqlType = Bool>>;

        /// A condition on users.
        type UserCondition = Box<dyn BoxableExpression<users::table, $Backend, SqlType = Nullable<Bool>>>;

        /// One term of an order.
        type Order = Box<dyn BoxableExpression<users::table, $Backend, SqlType = NotSelectable>>;

        /// The primary number, which is a column of another table.
        const PRIMARY_NUMBER: &str = "(SELECT number FROM phone_numbers WHERE phone_numbers.user_id = users.id \
                                      AND phone_numbers.id = users.primary_phone_number_id)";

        /// All conditions of `filter`.
        pub(crate) fn user_conditions(filter: &UserFilter) -> Vec<UserCondition> {
            let mut all: Vec<UserCondition> = Vec::new();
            if !filter.phone_numbers.is_empty() {
                let numbers: Vec<String> = filter.phone_numbers.iter().map(ToString::to_string).collect();
                all.push(has_one_of(numbers));
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
                let names: Vec<String> = filter
                    .usernames
                    .iter()
                    .map(|name| name.as_str().to_owned())
                    .collect();
                all.push(Box::new(users::username.eq_any(names)));
            }
            all.extend(filter.query.as_deref().map(anything_like));
            all.extend(filter.name_query.as_deref().map(name_like));
            all.extend(filter.phone_number_query.as_deref().map(number_like));
            all.extend(filter.username_query.as_deref().map(username_like));
            if let Some(banned) = filter.banned {
                all.push(Box::new(users::banned.eq(banned).nullable()));
            }
            all.extend(within_created(filter.created_at));
            all.extend(within_last_active(filter.last_active_at));
            all.extend(within_last_sign_in(filter.last_sign_in_at));
            all
        }

        /// The users after a place in the order of creation.
        pub(crate) fn follows(place: &UserPlace, direction: Direction) -> UserCondition {
            let (at, id) = (place.created_at.as_millis(), place.id.as_str().to_owned());
            match direction {
                Direction::Ascending => Box::new(
                    users::created_at_ms
                        .gt(at)
                        .or(users::created_at_ms.eq(at).and(users::id.gt(id)))
                        .nullable(),
                ),
                Direction::Descending => Box::new(
                    users::created_at_ms
                        .lt(at)
                        .or(users::created_at_ms.eq(at).and(users::id.lt(id)))
                        .nullable(),
                ),
            }
        }

        fn name_like(part: &str) -> UserCondition {
            let part = fold(part);
            let whole = users::first_name.concat(" ").concat(users::last_name);
            Box::new(
                instr(folded(users::first_name), part.clone())
                    .gt(0)
                    .or(instr(folded(users::last_name), part.clone()).gt(0))
                    .or(instr(folded(whole), part).gt(0)),
            )
        }

        fn username_like(part: &str) -> UserCondition {
            Box::new(instr(folded(users::username), fold(part)).gt(0))
        }

        /// A part of a number, of the id, or of a name.
        fn anything_like(part: &str) -> UserCondition {
            let part = fold(part);
            let name = instr(folded(users::first_name), part.clone())
                .gt(0)
                .or(instr(folded(users::last_name), part.clone()).gt(0))
                .or(instr(folded(users::username), part.clone()).gt(0))
                .or(instr(folded(users::id.nullable()), part.clone()).gt(0));
            // A column that is NULL makes the whole NULL, which is not true: as it should be.
            Box::new(name.or(number_like(&part)))
        }

        fn number_like(part: &str) -> UserCondition {
            let owners = phone_numbers::table
                .filter(instr(phone_numbers::number.nullable(), part.to_owned()).gt(0))
                .select(phone_numbers::user_id);
            Box::new(users::id.eq_any(owners).nullable())
        }

        fn within_created(span: Span) -> Vec<UserCondition> {
            let mut all: Vec<UserCondition> = Vec::new();
            if let Some(after) = span.after {
                all.push(Box::new(users::created_at_ms.gt(after.as_millis()).nullable()));
            }
            if let Some(before) = span.before {
                all.push(Box::new(users::created_at_ms.lt(before.as_millis()).nullable()));
            }
            all
        }

        fn within_last_sign_in(span: Span) -> Vec<UserCondition> {
            let mut all: Vec<UserCondition> = Vec::new();
            if let Some(after) = span.after {
                all.push(Box::new(users::last_sign_in_at_ms.gt(after.as_millis())));
            }
            if let Some(before) = span.before {
                all.push(Box::new(users::last_sign_in_at_ms.lt(before.as_millis())));
            }
            all
        }

        fn within_last_active(span: Span) -> Vec<UserCondition> {
            let mut all: Vec<UserCondition> = Vec::new();
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
            let number = || sql::<Nullable<Text>>(PRIMARY_NUMBER);
            let mut terms: Vec<Order> = match by {
                OrderBy::CreatedAt => vec![$crate::directed!(direction, Order, users::created_at_ms)],
                OrderBy::UpdatedAt => vec![$crate::directed!(direction, Order, users::updated_at_ms)],
                OrderBy::LastActiveAt => vec![
                    Box::new(users::last_active_at_ms.is_null().asc()),
                    $crate::directed!(direction, Order, users::last_active_at_ms),
                ],
                OrderBy::LastSignInAt => vec![
                    Box::new(users::last_sign_in_at_ms.is_null().asc()),
                    $crate::directed!(direction, Order, users::last_sign_in_at_ms),
                ],
                OrderBy::FirstName => vec![
                    Box::new(users::first_name.is_null().asc()),
                    $crate::directed!(direction, Order, folded(users::first_name)),
                ],
                OrderBy::LastName => vec![
                    Box::new(users::last_name.is_null().asc()),
                    $crate::directed!(direction, Order, folded(users::last_name)),
                ],
                OrderBy::Username => vec![
                    Box::new(users::username.is_null().asc()),
                    $crate::directed!(direction, Order, users::username),
                ],
                OrderBy::PhoneNumber => vec![
                    Box::new(number().is_null().asc()),
                    $crate::directed!(direction, Order, number()),
                ],
            };
            terms.push($crate::directed!(direction, Order, users::id));
            terms
        }

        /// All conditions of `query` on sessions.
        pub(crate) fn session_conditions(query: &SessionQuery) -> Vec<SessionCondition> {
            let mut all: Vec<SessionCondition> = Vec::new();
            if let Some(user) = &query.user {
                all.push(Box::new(sessions::user_id.eq(user.as_str().to_owned())));
            }
            if let Some(client) = &query.client {
                all.push(Box::new(sessions::client_id.eq(client.as_str().to_owned())));
            }
            let now = query.now.as_millis();
            // As `Session::status` has it: the user must be there, not banned, and of the same generation.
            let vouched = || {
                exists(
                    users::table
                        .filter(users::id.eq(sessions::user_id))
                        .filter(users::banned.eq(false))
                        .filter(users::sessions_generation.eq(sessions::generation)),
                )
            };
            let ended = |ending: Ending| -> SessionCondition {
                Box::new(
                    sessions::ending
                        .eq(ending_word(ending))
                        .and(sessions::ending.is_not_null())
                        .assume_not_null(),
                )
            };
            match query.status {
                None => {}
                Some(status @ (SessionStatus::Active | SessionStatus::Pending)) => {
                    all.push(Box::new(
                        sessions::ending
                            .is_null()
                            .and(sessions::expire_at_ms.gt(now))
                            .and(vouched()),
                    ));
                    let protected = exists(
                        phone_numbers::table
                            .filter(phone_numbers::user_id.eq(sessions::user_id))
                            .filter(phone_numbers::reserved_for_second_factor.eq(true)),
                    );
                    match (status, query.second_factor_required) {
                        (SessionStatus::Pending, true) => all.push(Box::new(not(protected))),
                        (SessionStatus::Pending, false) => all.push(Box::new(sql::<Bool>("FALSE"))),
                        (_, true) => all.push(Box::new(protected)),
                        (_, false) => {}
                    }
                }
                Some(SessionStatus::Expired) => all.push(Box::new(
                    sessions::ending
                        .is_null()
                        .and(sessions::expire_at_ms.le(now))
                        .and(vouched()),
                )),
                Some(SessionStatus::Ended) => all.push(ended(Ending::Ended)),
                Some(SessionStatus::Removed) => all.push(ended(Ending::Removed)),
                Some(SessionStatus::Replaced) => all.push(ended(Ending::Replaced)),
                Some(SessionStatus::Revoked) => {
                    let by_client = sessions::ending
                        .eq(ending_word(Ending::Revoked))
                        .assume_not_null();
                    all.push(Box::new(
                        by_client.or(sessions::ending.is_null().and(not(vouched()))),
                    ));
                }
            }
            all
        }

        /// All conditions of `query` on messages.
        pub(crate) fn message_conditions(query: &MessageQuery) -> Vec<MessageCondition> {
            let mut all: Vec<MessageCondition> = Vec::new();
            if let Some(user) = &query.user {
                all.push(Box::new(
                    sms_messages::user_id
                        .eq(user.as_str().to_owned())
                        .and(sms_messages::user_id.is_not_null())
                        .assume_not_null(),
                ));
            }
            if let Some(to) = &query.to {
                all.push(Box::new(sms_messages::number.eq(to.as_str().to_owned())));
            }
            if let Some(state) = query.state {
                all.push(Box::new(sms_messages::state.eq(state.as_str())));
            }
            all
        }
    };
}
