//! What waits to be told to whoever subscribed.

use diesel::prelude::*;
use phoneproof_domain::ports::Event;

use crate::errors::Failure;
use crate::schema::webhook_events;

/// Queues an event, due at once.
pub(crate) fn save(connection: &mut SqliteConnection, event: &Event) -> Result<(), Failure> {
    diesel::insert_into(webhook_events::table)
        .values((
            webhook_events::id.eq(&event.id),
            webhook_events::kind.eq(&event.kind),
            webhook_events::body.eq(&event.body),
            webhook_events::created_at_ms.eq(event.at.as_millis()),
            webhook_events::due_at_ms.eq(event.at.as_millis()),
            webhook_events::tries.eq(0),
        ))
        .execute(connection)?;
    Ok(())
}
