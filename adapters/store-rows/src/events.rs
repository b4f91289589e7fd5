//! What the outbox of events writes, and which events it means.

use diesel::dsl::auto_type;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::DeliveryOutcome;

use crate::rows::plain;
use crate::schema::webhook_events;

/// The columns that the end of a try changes, besides the number of tries. None leaves a column as it is.
#[derive(Debug, Clone, PartialEq, AsChangeset)]
#[diesel(table_name = webhook_events)]
#[expect(
    clippy::option_option,
    reason = "a column that is set to NULL, beside those that are left alone"
)]
pub struct EventDelivery {
    due_at_ms: Option<Option<i64>>,
    delivered_at_ms: Option<i64>,
    last_error: Option<String>,
    body: Option<String>,
}

impl EventDelivery {
    /// What changes about an event once `outcome` is known.
    #[must_use]
    pub fn of(outcome: &DeliveryOutcome, now: Timestamp) -> Self {
        match outcome {
            DeliveryOutcome::Delivered { erase } => Self {
                due_at_ms: Some(None),
                delivered_at_ms: Some(now.as_millis()),
                last_error: None,
                body: erase.then(String::new),
            },
            DeliveryOutcome::Failed { again_at, reason } => Self {
                due_at_ms: Some(again_at.map(Timestamp::as_millis)),
                delivered_at_ms: None,
                last_error: Some(plain(reason)),
                body: None,
            },
        }
    }
}

/// The events that were made since then and can be sent again: those whose body is not erased. Without `all` only those that
/// were not delivered.
#[auto_type(no_type_alias)]
#[must_use]
pub fn replayable(since_ms: i64, all: bool) -> _ {
    let kept = webhook_events::body.ne("");
    let undelivered = webhook_events::delivered_at_ms.is_null();
    let wanted = undelivered.or(all.into_sql::<Bool>());
    webhook_events::created_at_ms.ge(since_ms).and(kept).and(wanted)
}
