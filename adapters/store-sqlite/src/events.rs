//! `EventOutbox`: what waits to be told to whoever subscribed.

use std::time::Duration;

use async_trait::async_trait;
use diesel::prelude::*;
use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::{DeliveryOutcome, Event, EventOutbox, QueuedEvent, StoreError};

use crate::SqliteStore;
use crate::errors::Failure;
use phoneproof_store_rows::archive::EventRow;
use phoneproof_store_rows::events::{EventDelivery, replayable};
use phoneproof_store_rows::schema::webhook_events;

/// Queues an event, due at once.
pub(crate) fn save(connection: &mut SqliteConnection, event: &Event) -> Result<(), Failure> {
    diesel::insert_into(webhook_events::table)
        .values(EventRow::queued(event))
        .execute(connection)?;
    Ok(())
}

#[async_trait]
impl EventOutbox for SqliteStore {
    async fn claim(&self, now: Timestamp, lease: Duration, limit: u32) -> Result<Vec<QueuedEvent>, StoreError> {
        let due = move || webhook_events::due_at_ms.le(now.as_millis());
        // Nearly always there is nothing to do, and to find that out must cost no write.
        let waiting: bool = self
            .readers
            .read(move |connection| {
                let first: Option<String> = webhook_events::table
                    .filter(due())
                    .select(webhook_events::id)
                    .first(connection)
                    .optional()?;
                Ok(first.is_some())
            })
            .await?;
        if !waiting {
            return Ok(Vec::new());
        }
        self.written(move |connection| {
            let rows: Vec<EventRow> = webhook_events::table
                .filter(due())
                .order_by((webhook_events::created_at_ms, webhook_events::id))
                .limit(i64::from(limit))
                .select(EventRow::as_select())
                .load(connection)?;
            let queued: Vec<QueuedEvent> = rows.into_iter().map(EventRow::into_queued).collect();
            for QueuedEvent { event, .. } in &queued {
                diesel::update(webhook_events::table.find(&event.id))
                    .set(webhook_events::due_at_ms.eq(now.plus(lease).as_millis()))
                    .execute(connection)?;
            }
            Ok(queued)
        })
        .await
    }

    async fn record_outcome(&self, id: &str, outcome: &DeliveryOutcome, now: Timestamp) -> Result<(), StoreError> {
        let (id, delivery) = (id.to_owned(), EventDelivery::of(outcome, now));
        self.written(move |connection| {
            let tried = webhook_events::tries.eq(webhook_events::tries + 1);
            diesel::update(webhook_events::table.find(&id))
                .set((&delivery, tried))
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    async fn replay(&self, since: Timestamp, all: bool, now: Timestamp) -> Result<u64, StoreError> {
        self.written(move |connection| {
            let due = (
                webhook_events::due_at_ms.eq(now.as_millis()),
                webhook_events::tries.eq(0),
            );
            let meant = webhook_events::table.filter(replayable(since.as_millis(), all));
            Ok(diesel::update(meant).set(due).execute(connection)? as u64)
        })
        .await
    }

    async fn forget(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.written(move |connection| {
            let over = webhook_events::table
                .filter(webhook_events::created_at_ms.lt(before.as_millis()))
                .filter(webhook_events::due_at_ms.is_null());
            Ok(diesel::delete(over).execute(connection)? as u64)
        })
        .await
    }
}
