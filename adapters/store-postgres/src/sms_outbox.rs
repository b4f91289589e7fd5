//! `SmsOutbox`: texts on their way.
//!
//! The rules of the domain ([`Message::lease`], [`Message::record_outcome`], [`Message::apply_receipt`]) decide on what is there: every change of a message
//! locks its row, but for the end of a try, which is written if the row is still as it was when it was leased.

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use phoneproof_domain::ports::{DeliveryReceipt, MessageQuery, SmsOutbox, StoreError};
use phoneproof_domain::{Message, MessageId, SendOutcome, Timestamp};
use phoneproof_store_rows::Update;
use phoneproof_store_rows::messages::{end_of_try, progress};
use phoneproof_store_rows::rows::MessageRow;
use phoneproof_store_rows::schema::sms_messages;

use crate::PostgresStore;
use crate::errors::Failure;
use crate::fragments::CommitsLater;
use crate::search::message_conditions;
use crate::transaction::{Decided, Step, within};

#[async_trait]
impl SmsOutbox for PostgresStore {
    async fn claim(&self, now: Timestamp, limit: u32) -> Result<Vec<Message>, StoreError> {
        // Nearly always there is nothing to do, and to find that out must cost no transaction.
        if !self
            .connections
            .read(async |connection| waiting(connection, now).await)
            .await?
        {
            return Ok(Vec::new());
        }
        let claimed = self.connections.write((), move |connection, ()| {
            within(connection, claim(connection, now, limit)).boxed()
        });
        Ok(claimed.await?)
    }

    async fn record_outcome(&self, leased: &Message, outcome: &SendOutcome, now: Timestamp) -> Result<(), StoreError> {
        let end = (leased.clone(), outcome.clone());
        let kept = self.connections.write(end, move |connection, (leased, outcome)| {
            async move {
                let Update { kind, set, of } = end_of_try(leased, outcome, now);
                // Its commit does not wait for the disk. A crash of the server before the flush takes it back, together
                // with all that was written after it, for the log is flushed in order: what is left then is a leased
                // message, as after a death just before this call, and the same text may be sent once more.
                let of = of.and(CommitsLater);
                if (Update { kind, set, of }).execute(&mut &*connection).await? == 1 {
                    return Ok(());
                }
                within(connection, settle(connection, leased, outcome.clone(), now)).await
            }
            .boxed()
        });
        Ok(kept.await?)
    }

    async fn receipt(&self, gateway: &str, receipt: &DeliveryReceipt, now: Timestamp) -> Result<bool, StoreError> {
        let told = (gateway.to_owned(), receipt.clone());
        let noted = self.connections.write(told, move |connection, (gateway, receipt)| {
            within(connection, receive(connection, gateway, receipt, now)).boxed()
        });
        Ok(noted.await?)
    }

    async fn message(&self, id: &MessageId) -> Result<Option<Message>, StoreError> {
        let id = id.as_str();
        self.connections
            .read(async |connection| message(connection, id).await)
            .await
    }

    async fn messages(&self, query: &MessageQuery) -> Result<(Vec<Message>, u64), StoreError> {
        self.searches
            .read_snapshot(async |connection| messages(connection, query).await)
            .await
    }

    async fn forget_messages(&self, before: Timestamp) -> Result<u64, StoreError> {
        let forgotten = self
            .connections
            .write((), move |connection, ()| forget(connection, before).boxed());
        Ok(forgotten.await?)
    }
}

/// Writes a new message.
pub(crate) fn insert(message: &Message) -> Step {
    Step::new(diesel::insert_into(sms_messages::table).values(MessageRow::of(message)))
}

async fn waiting(mut connection: &AsyncPgConnection, now: Timestamp) -> Result<bool, Failure> {
    let due = sms_messages::table.filter(sms_messages::due_at_ms.le(now.as_millis()));
    Ok(diesel::select(diesel::dsl::exists(due))
        .get_result(&mut connection)
        .await?)
}

/// What another process is claiming just now is passed over.
async fn claim(mut connection: &AsyncPgConnection, now: Timestamp, limit: u32) -> Decided<Vec<Message>> {
    let rows: Vec<MessageRow> = sms_messages::table
        .filter(sms_messages::due_at_ms.le(now.as_millis()))
        .order_by((sms_messages::created_at_ms, sms_messages::id))
        .limit(i64::from(limit))
        .select(MessageRow::as_select())
        .for_update()
        .skip_locked()
        .load(&mut connection)
        .await?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in rows {
        let mut message = row.into_message()?;
        message.lease(now);
        claimed.push(message);
    }
    let leased = claimed.iter().map(|message| Step::new(progress(message))).collect();
    Ok((claimed, leased))
}

/// For a message that something has happened to since it was leased.
async fn settle(
    mut connection: &AsyncPgConnection,
    leased: &Message,
    outcome: SendOutcome,
    now: Timestamp,
) -> Decided<()> {
    let row: Option<MessageRow> = sms_messages::table
        .find(leased.id.as_str())
        .select(MessageRow::as_select())
        .for_update()
        .get_result(&mut connection)
        .await
        .optional()?;
    let Some(row) = row else { return Ok(((), Vec::new())) };
    let mut message = row.into_message()?;
    message.record_outcome(leased.tries, outcome, now);
    Ok(((), vec![Step::new(progress(&message))]))
}

async fn receive(
    mut connection: &AsyncPgConnection,
    gateway: &str,
    receipt: &DeliveryReceipt,
    now: Timestamp,
) -> Decided<bool> {
    // No text here holds one, and PostgreSQL would not even compare it.
    if receipt.provider_id.contains('\0') {
        return Ok((false, Vec::new()));
    }
    let row: Option<MessageRow> = sms_messages::table
        .filter(sms_messages::provider_id.eq(&receipt.provider_id))
        .filter(sms_messages::gateway.eq(gateway))
        .select(MessageRow::as_select())
        .limit(1)
        .for_update()
        .get_result(&mut connection)
        .await
        .optional()?;
    let Some(row) = row else { return Ok((false, Vec::new())) };
    let mut message = row.into_message()?;
    let changed = message.apply_receipt(receipt, now);
    let steps = changed.then(|| Step::new(progress(&message)));
    Ok((true, steps.into_iter().collect()))
}

async fn message(mut connection: &AsyncPgConnection, id: &str) -> Result<Option<Message>, Failure> {
    let row: Option<MessageRow> = sms_messages::table
        .find(id)
        .select(MessageRow::as_select())
        .get_result(&mut connection)
        .await
        .optional()?;
    Ok(row.map(MessageRow::into_message).transpose()?)
}

async fn messages(mut connection: &AsyncPgConnection, query: &MessageQuery) -> Result<(Vec<Message>, u64), Failure> {
    let mut found = sms_messages::table
        .select(MessageRow::as_select())
        .order_by((sms_messages::created_at_ms.desc(), sms_messages::id.desc()))
        .limit(i64::from(query.limit))
        .offset(i64::try_from(query.offset).unwrap_or(i64::MAX))
        .into_boxed();
    let mut counted = sms_messages::table.select(diesel::dsl::count_star()).into_boxed();
    for condition in message_conditions(query) {
        found = found.filter(condition);
    }
    for condition in message_conditions(query) {
        counted = counted.filter(condition);
    }
    let total: i64 = counted.get_result(&mut connection).await?;
    let rows: Vec<MessageRow> = found.load(&mut connection).await?;
    let messages = rows.into_iter().map(MessageRow::into_message);
    Ok((messages.collect::<Result<_, _>>()?, total.unsigned_abs()))
}

async fn forget(mut connection: &AsyncPgConnection, before: Timestamp) -> Result<u64, Failure> {
    let old = sms_messages::table
        .filter(sms_messages::due_at_ms.is_null())
        .filter(sms_messages::created_at_ms.lt(before.as_millis()));
    Ok(diesel::delete(old).execute(&mut connection).await? as u64)
}
