//! `EventOutbox`: what waits to be told to whoever subscribed.

use std::time::Duration;

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::{Event, EventOutbox, QueuedEvent, StoreError, Told};
use phoneproof_store_rows::rows::plain;
use phoneproof_store_rows::schema::webhook_events;

use crate::PostgresStore;
use crate::errors::Failure;
use crate::transaction::{Decided, Step, within};

/// Queues an event, due at once.
pub(crate) fn insert(event: Event) -> Step {
    Step::new(diesel::insert_into(webhook_events::table).values((
        webhook_events::id.eq(event.id),
        webhook_events::kind.eq(event.kind),
        webhook_events::body.eq(event.body),
        webhook_events::created_at_ms.eq(event.at.as_millis()),
        webhook_events::due_at_ms.eq(event.at.as_millis()),
        webhook_events::tries.eq(0),
    )))
}

type Row = (String, String, String, i64, i32);

#[async_trait]
impl EventOutbox for PostgresStore {
    async fn claim(&self, now: Timestamp, lease: Duration, limit: u32) -> Result<Vec<QueuedEvent>, StoreError> {
        // Nearly always there is nothing to do, and to find that out must cost no transaction.
        if !self
            .connections
            .read(async |connection| waiting(connection, now).await)
            .await?
        {
            return Ok(Vec::new());
        }
        let claimed = self.connections.write(move |connection| {
            async move { within(connection, claim(connection, now, lease, limit)).await }.boxed()
        });
        Ok(claimed.await?)
    }

    async fn settle(&self, id: &str, told: &Told, now: Timestamp) -> Result<(), StoreError> {
        let (id, told) = (id.to_owned(), told.clone());
        let settled = self
            .connections
            .write(move |connection| async move { settle(connection, &id, &told, now).await }.boxed());
        Ok(settled.await?)
    }

    async fn replay(&self, since: Timestamp, all: bool, now: Timestamp) -> Result<u64, StoreError> {
        let replayed = self
            .connections
            .write(move |connection| replay(connection, since, all, now).boxed());
        Ok(replayed.await?)
    }

    async fn forget(&self, before: Timestamp) -> Result<u64, StoreError> {
        let forgotten = self
            .connections
            .write(move |connection| forget(connection, before).boxed());
        Ok(forgotten.await?)
    }
}

async fn waiting(mut connection: &AsyncPgConnection, now: Timestamp) -> Result<bool, Failure> {
    let due = webhook_events::table.filter(webhook_events::due_at_ms.le(now.as_millis()));
    Ok(diesel::select(diesel::dsl::exists(due))
        .get_result(&mut connection)
        .await?)
}

/// What another process is claiming just now is passed over.
async fn claim(
    mut connection: &AsyncPgConnection,
    now: Timestamp,
    lease: Duration,
    limit: u32,
) -> Decided<Vec<QueuedEvent>> {
    let rows: Vec<Row> = webhook_events::table
        .filter(webhook_events::due_at_ms.le(now.as_millis()))
        .order_by((webhook_events::created_at_ms, webhook_events::id))
        .limit(i64::from(limit))
        .select((
            webhook_events::id,
            webhook_events::kind,
            webhook_events::body,
            webhook_events::created_at_ms,
            webhook_events::tries,
        ))
        .for_update()
        .skip_locked()
        .load(&mut connection)
        .await?;
    let ids: Vec<String> = rows.iter().map(|(id, ..)| id.clone()).collect();
    let leased = diesel::update(webhook_events::table.filter(webhook_events::id.eq_any(ids)))
        .set(webhook_events::due_at_ms.eq(now.plus(lease).as_millis()));
    let queued = rows.into_iter().map(|(id, kind, body, at, tries)| QueuedEvent {
        event: Event {
            id,
            kind,
            body,
            at: Timestamp::from_millis(at),
        },
        tries: tries.unsigned_abs(),
    });
    Ok((queued.collect(), vec![Step::new(leased)]))
}

async fn settle(mut connection: &AsyncPgConnection, id: &str, told: &Told, now: Timestamp) -> Result<(), Failure> {
    let event = webhook_events::table.find(id);
    let tried = webhook_events::tries.eq(webhook_events::tries + 1);
    match told {
        Told::Delivered { erase } => {
            let delivered = (
                webhook_events::due_at_ms.eq(None::<i64>),
                webhook_events::delivered_at_ms.eq(now.as_millis()),
                tried,
            );
            if *erase {
                let set = (delivered, webhook_events::body.eq(""));
                diesel::update(event).set(set).execute(&mut connection).await?;
            } else {
                diesel::update(event).set(delivered).execute(&mut connection).await?;
            }
        }
        Told::Failed { again_at, reason } => {
            diesel::update(event)
                .set((
                    webhook_events::due_at_ms.eq(again_at.map(Timestamp::as_millis)),
                    webhook_events::last_error.eq(plain(reason)),
                    tried,
                ))
                .execute(&mut connection)
                .await?;
        }
    }
    Ok(())
}

async fn replay(
    mut connection: &AsyncPgConnection,
    since: Timestamp,
    all: bool,
    now: Timestamp,
) -> Result<u64, Failure> {
    let meant = webhook_events::table
        .filter(webhook_events::created_at_ms.ge(since.as_millis()))
        // What was erased cannot be told again.
        .filter(webhook_events::body.ne(""));
    let set = (
        webhook_events::due_at_ms.eq(now.as_millis()),
        webhook_events::tries.eq(0),
    );
    let changed = if all {
        diesel::update(meant).set(set).execute(&mut connection).await?
    } else {
        let untold = meant.filter(webhook_events::delivered_at_ms.is_null());
        diesel::update(untold).set(set).execute(&mut connection).await?
    };
    Ok(changed as u64)
}

async fn forget(mut connection: &AsyncPgConnection, before: Timestamp) -> Result<u64, Failure> {
    let over = webhook_events::table
        .filter(webhook_events::created_at_ms.lt(before.as_millis()))
        .filter(webhook_events::due_at_ms.is_null());
    Ok(diesel::delete(over).execute(&mut connection).await? as u64)
}
