//! `EventOutbox`: what waits to be told to whoever subscribed.

use std::time::Duration;

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::{DeliveryOutcome, Event, EventOutbox, QueuedEvent, StoreError};
use phoneproof_store_rows::archive::EventRow;
use phoneproof_store_rows::events::{EventDelivery, replayable};
use phoneproof_store_rows::schema::webhook_events;

use crate::PostgresStore;
use crate::errors::Failure;
use crate::transaction::{Decided, Step, within};

/// Queues an event, due at once.
pub(crate) fn insert(event: &Event) -> Step {
    Step::new(diesel::insert_into(webhook_events::table).values(EventRow::queued(event)))
}

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
        let claimed = self.connections.write((), move |connection, ()| {
            within(connection, claim(connection, now, lease, limit)).boxed()
        });
        Ok(claimed.await?)
    }

    async fn record_outcome(&self, id: &str, outcome: &DeliveryOutcome, now: Timestamp) -> Result<(), StoreError> {
        let end = (id.to_owned(), EventDelivery::of(outcome, now));
        let settled = self.connections.write(end, move |connection, (id, delivery)| {
            settle(connection, id, delivery).boxed()
        });
        Ok(settled.await?)
    }

    async fn replay(&self, since: Timestamp, all: bool, now: Timestamp) -> Result<u64, StoreError> {
        let replayed = self
            .connections
            .write((), move |connection, ()| replay(connection, since, all, now).boxed());
        Ok(replayed.await?)
    }

    async fn forget(&self, before: Timestamp) -> Result<u64, StoreError> {
        let forgotten = self
            .connections
            .write((), move |connection, ()| forget(connection, before).boxed());
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
    let rows: Vec<EventRow> = webhook_events::table
        .filter(webhook_events::due_at_ms.le(now.as_millis()))
        .order_by((webhook_events::created_at_ms, webhook_events::id))
        .limit(i64::from(limit))
        .select(EventRow::as_select())
        .for_update()
        .skip_locked()
        .load(&mut connection)
        .await?;
    let queued: Vec<QueuedEvent> = rows.into_iter().map(EventRow::into_queued).collect();
    let ids: Vec<String> = queued.iter().map(|queued| queued.event.id.clone()).collect();
    let leased = diesel::update(webhook_events::table.filter(webhook_events::id.eq_any(ids)))
        .set(webhook_events::due_at_ms.eq(now.plus(lease).as_millis()));
    Ok((queued, vec![Step::new(leased)]))
}

async fn settle(mut connection: &AsyncPgConnection, id: &str, delivery: &EventDelivery) -> Result<(), Failure> {
    let tried = webhook_events::tries.eq(webhook_events::tries + 1);
    diesel::update(webhook_events::table.find(id))
        .set((delivery, tried))
        .execute(&mut connection)
        .await?;
    Ok(())
}

async fn replay(
    mut connection: &AsyncPgConnection,
    since: Timestamp,
    all: bool,
    now: Timestamp,
) -> Result<u64, Failure> {
    let due = (
        webhook_events::due_at_ms.eq(now.as_millis()),
        webhook_events::tries.eq(0),
    );
    let meant = webhook_events::table.filter(replayable(since.as_millis(), all));
    Ok(diesel::update(meant).set(due).execute(&mut connection).await? as u64)
}

async fn forget(mut connection: &AsyncPgConnection, before: Timestamp) -> Result<u64, Failure> {
    let over = webhook_events::table
        .filter(webhook_events::created_at_ms.lt(before.as_millis()))
        .filter(webhook_events::due_at_ms.is_null());
    Ok(diesel::delete(over).execute(&mut connection).await? as u64)
}
