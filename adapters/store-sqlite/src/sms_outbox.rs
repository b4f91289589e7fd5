//! `SmsOutbox`: texts on their way.
//!
//! Every change of a message reads and writes it in one turn of the writing thread, so the rules of the domain
//! ([`Message::lease`], [`Message::record_outcome`], [`Message::apply_receipt`]) decide on what is there.

use async_trait::async_trait;
use diesel::prelude::*;
use phoneproof_domain::ports::{DeliveryReceipt, MessageQuery, SmsOutbox, StoreError};
use phoneproof_domain::{Message, MessageId, SendOutcome, Timestamp};

use crate::SqliteStore;
use crate::errors::Failure;
use crate::search::message_conditions;
use phoneproof_store_rows::messages::{end_of_try, progress};
use phoneproof_store_rows::rows::MessageRow;
use phoneproof_store_rows::schema::sms_messages;

#[async_trait]
impl SmsOutbox for SqliteStore {
    async fn claim(&self, now: Timestamp, limit: u32) -> Result<Vec<Message>, StoreError> {
        let due = move || sms_messages::due_at_ms.le(now.as_millis());
        // Nearly always there is nothing to do, and to find that out must cost no write.
        let waiting: bool = self
            .readers
            .read(move |connection| {
                let found = diesel::select(diesel::dsl::exists(sms_messages::table.filter(due())));
                Ok(found.get_result(connection)?)
            })
            .await?;
        if !waiting {
            return Ok(Vec::new());
        }
        self.written(move |connection| {
            let rows: Vec<MessageRow> = sms_messages::table
                .filter(due())
                .order_by((sms_messages::created_at_ms, sms_messages::id))
                .limit(i64::from(limit))
                .select(MessageRow::as_select())
                .load(connection)?;
            let mut claimed = Vec::with_capacity(rows.len());
            for row in rows {
                let mut message = row.into_message()?;
                message.lease(now);
                progress(&message).execute(connection)?;
                claimed.push(message);
            }
            Ok(claimed)
        })
        .await
    }

    async fn record_outcome(&self, leased: &Message, outcome: &SendOutcome, now: Timestamp) -> Result<(), StoreError> {
        let (leased, outcome) = (leased.clone(), outcome.clone());
        // Nobody waits for it, and a death before it means no more than one just before the call: the same text may be
        // sent once more. So it is worth no sync of its own.
        self.written_with_next(move |connection| {
            if end_of_try(&leased, &outcome, now).execute(connection)? == 1 {
                return Ok(());
            }
            if let Some(mut message) = find(connection, &leased.id)? {
                message.record_outcome(leased.tries, outcome.clone(), now);
                progress(&message).execute(connection)?;
            }
            Ok(())
        })
        .await
    }

    async fn receipt(&self, gateway: &str, receipt: &DeliveryReceipt, now: Timestamp) -> Result<bool, StoreError> {
        let (gateway, receipt) = (gateway.to_owned(), receipt.clone());
        self.written(move |connection| {
            let row: Option<MessageRow> = sms_messages::table
                .filter(sms_messages::provider_id.eq(&receipt.provider_id))
                .filter(sms_messages::gateway.eq(&gateway))
                .select(MessageRow::as_select())
                .first(connection)
                .optional()?;
            let Some(row) = row else { return Ok(false) };
            let mut message = row.into_message()?;
            if message.apply_receipt(&receipt, now) {
                progress(&message).execute(connection)?;
            }
            Ok(true)
        })
        .await
    }

    async fn message(&self, id: &MessageId) -> Result<Option<Message>, StoreError> {
        let id = id.clone();
        self.readers
            .read(move |connection| {
                let row: Option<MessageRow> = sms_messages::table
                    .find(id.as_str())
                    .select(MessageRow::as_select())
                    .first(connection)
                    .optional()?;
                Ok(row.map(MessageRow::into_message).transpose()?)
            })
            .await
    }

    async fn messages(&self, query: &MessageQuery) -> Result<(Vec<Message>, u64), StoreError> {
        let query = query.clone();
        self.searches
            .read(move |connection| {
                let mut found = sms_messages::table
                    .select(MessageRow::as_select())
                    .order_by((sms_messages::created_at_ms.desc(), sms_messages::id.desc()))
                    .limit(i64::from(query.limit))
                    .offset(i64::try_from(query.offset).unwrap_or(i64::MAX))
                    .into_boxed();
                let mut counted = sms_messages::table.select(diesel::dsl::count_star()).into_boxed();
                for condition in message_conditions(&query) {
                    found = found.filter(condition);
                }
                for condition in message_conditions(&query) {
                    counted = counted.filter(condition);
                }
                let total: i64 = counted.first(connection)?;
                let rows: Vec<MessageRow> = found.load(connection)?;
                let messages = rows.into_iter().map(MessageRow::into_message);
                Ok((messages.collect::<Result<_, _>>()?, total.unsigned_abs()))
            })
            .await
    }

    async fn forget_messages(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.written(move |connection| {
            let old = sms_messages::table
                .filter(sms_messages::due_at_ms.is_null())
                .filter(sms_messages::created_at_ms.lt(before.as_millis()));
            let forgotten = diesel::delete(old).execute(connection)?;
            Ok(u64::try_from(forgotten).unwrap_or(u64::MAX))
        })
        .await
    }
}

/// Writes a new message.
pub(crate) fn insert(connection: &mut SqliteConnection, message: &Message) -> Result<(), Failure> {
    diesel::insert_into(sms_messages::table)
        .values(MessageRow::of(message))
        .execute(connection)?;
    Ok(())
}

fn find(connection: &mut SqliteConnection, id: &MessageId) -> Result<Option<Message>, Failure> {
    let row: Option<MessageRow> = sms_messages::table
        .find(id.as_str())
        .select(MessageRow::as_select())
        .first(connection)
        .optional()?;
    Ok(row.map(MessageRow::into_message).transpose()?)
}
