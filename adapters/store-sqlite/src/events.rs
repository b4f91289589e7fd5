//! `EventOutbox`: what waits to be told to whoever subscribed.

use std::time::Duration;

use async_trait::async_trait;
use diesel::prelude::*;
use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::{Event, EventOutbox, QueuedEvent, StoreError, Told};

use crate::SqliteStore;
use crate::errors::Failure;
use phoneproof_store_rows::schema::webhook_events;

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

type Row = (String, String, String, i64, i32);

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
            let rows: Vec<Row> = webhook_events::table
                .filter(due())
                .order_by((webhook_events::created_at_ms, webhook_events::id))
                .limit(i64::from(limit))
                .select((
                    webhook_events::id,
                    webhook_events::kind,
                    webhook_events::body,
                    webhook_events::created_at_ms,
                    webhook_events::tries,
                ))
                .load(connection)?;
            for (id, ..) in &rows {
                diesel::update(webhook_events::table.find(id))
                    .set(webhook_events::due_at_ms.eq(now.plus(lease).as_millis()))
                    .execute(connection)?;
            }
            let queued = rows.into_iter().map(|(id, kind, body, at, tries)| QueuedEvent {
                event: Event {
                    id,
                    kind,
                    body,
                    at: Timestamp::from_millis(at),
                },
                tries: tries.unsigned_abs(),
            });
            Ok(queued.collect())
        })
        .await
    }

    async fn settle(&self, id: &str, told: &Told, now: Timestamp) -> Result<(), StoreError> {
        let (id, told) = (id.to_owned(), told.clone());
        self.written(move |connection| {
            let event = webhook_events::table.find(&id);
            match &told {
                Told::Delivered { erase } => {
                    diesel::update(event)
                        .set((
                            webhook_events::due_at_ms.eq(None::<i64>),
                            webhook_events::delivered_at_ms.eq(now.as_millis()),
                            webhook_events::tries.eq(webhook_events::tries + 1),
                        ))
                        .execute(connection)?;
                    if *erase {
                        diesel::update(event)
                            .set(webhook_events::body.eq(""))
                            .execute(connection)?;
                    }
                }
                Told::Failed { again_at, reason } => {
                    diesel::update(event)
                        .set((
                            webhook_events::due_at_ms.eq(again_at.map(Timestamp::as_millis)),
                            webhook_events::last_error.eq(reason),
                            webhook_events::tries.eq(webhook_events::tries + 1),
                        ))
                        .execute(connection)?;
                }
            }
            Ok(())
        })
        .await
    }

    async fn replay(&self, since: Timestamp, all: bool, now: Timestamp) -> Result<u64, StoreError> {
        self.written(move |connection| {
            let meant = webhook_events::table
                .filter(webhook_events::created_at_ms.ge(since.as_millis()))
                // What was erased cannot be told again.
                .filter(webhook_events::body.ne(""));
            let set = (
                webhook_events::due_at_ms.eq(now.as_millis()),
                webhook_events::tries.eq(0),
            );
            let changed = if all {
                diesel::update(meant).set(set).execute(connection)?
            } else {
                diesel::update(meant.filter(webhook_events::delivered_at_ms.is_null()))
                    .set(set)
                    .execute(connection)?
            };
            Ok(changed as u64)
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
