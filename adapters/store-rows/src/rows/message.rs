//! Messages as rows.

use diesel::prelude::*;
use phoneproof_domain::ports::StoreError;
use phoneproof_domain::{Message, MessageState, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Place, millis, plain, time};
use crate::schema::sms_messages;

/// A row of `sms_messages`.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = sms_messages, treat_none_as_default_value = false)]
pub struct MessageRow {
    /// The message's id.
    pub id: String,
    number: String,
    user_id: Option<String>,
    phone_number_id: Option<String>,
    expires_at_ms: i64,
    created_at_ms: i64,
    /// What changes.
    #[diesel(embed)]
    pub progress: MessageProgress,
}

/// The columns that change.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset, Serialize, Deserialize)]
#[diesel(table_name = sms_messages)]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct MessageProgress {
    sealed: Option<String>,
    state: String,
    gateway: Option<String>,
    provider_id: Option<String>,
    tries: i64,
    unsettled: i64,
    segments: i64,
    error: Option<String>,
    due_at_ms: Option<i64>,
    updated_at_ms: i64,
}

impl MessageRow {
    /// The row of a message.
    #[must_use]
    pub fn of(message: &Message) -> Self {
        Self {
            id: message.id.as_str().to_owned(),
            number: message.to.as_str().to_owned(),
            user_id: message.user.as_ref().map(ToString::to_string),
            phone_number_id: message.phone_number.as_ref().map(ToString::to_string),
            expires_at_ms: message.expires_at.as_millis(),
            created_at_ms: message.created_at.as_millis(),
            progress: MessageProgress::of(message),
        }
    }

    /// The message of a row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn into_message(self) -> Result<Message, StoreError> {
        let place = Place {
            table: "sms_messages",
            key: &self.id,
        };
        let progress = self.progress;
        let count = |column: &str, value: i64| u32::try_from(value).map_err(|error| place.corrupt(column, error));
        let user = self.user_id.as_deref().map(|id| place.parsed("user_id", id));
        let number = self
            .phone_number_id
            .as_deref()
            .map(|id| place.parsed("phone_number_id", id));
        Ok(Message {
            to: place.parsed("number", &self.number)?,
            user: user.transpose()?,
            phone_number: number.transpose()?,
            sealed: progress.sealed,
            state: MessageState::named(&progress.state)
                .ok_or_else(|| place.corrupt("state", format!("`{}` is none", progress.state)))?,
            gateway: progress.gateway,
            provider_id: progress.provider_id,
            tries: count("tries", progress.tries)?,
            unsettled: count("unsettled", progress.unsettled)?,
            segments: count("segments", progress.segments)?,
            error: progress.error,
            due_at: time(progress.due_at_ms),
            expires_at: Timestamp::from_millis(self.expires_at_ms),
            created_at: Timestamp::from_millis(self.created_at_ms),
            updated_at: Timestamp::from_millis(progress.updated_at_ms),
            id: place.parsed("id", &self.id)?,
        })
    }
}

impl MessageProgress {
    /// What changes about a message.
    #[must_use]
    pub fn of(message: &Message) -> Self {
        Self {
            sealed: message.sealed.clone(),
            state: message.state.as_str().to_owned(),
            gateway: message.gateway.clone(),
            provider_id: message.provider_id.as_deref().map(plain),
            tries: message.tries.into(),
            unsettled: message.unsettled.into(),
            segments: message.segments.into(),
            error: message.error.as_deref().map(plain),
            due_at_ms: millis(message.due_at),
            updated_at_ms: message.updated_at.as_millis(),
        }
    }
}
