//! Tickets as rows.

use diesel::prelude::*;
use phoneproof_domain::ports::StoreError;
use phoneproof_domain::{SignInToken, TicketStatus, Timestamp};
use serde::{Deserialize, Serialize};

use super::Place;
use crate::hex;
use crate::schema::sign_in_tokens;

/// A row of `sign_in_tokens`, but for the revision.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset, Serialize, Deserialize)]
#[diesel(table_name = sign_in_tokens, treat_none_as_default_value = false)]
pub struct SignInTokenRow {
    /// Its id.
    pub id: String,
    #[serde(with = "hex")]
    token_hash: Vec<u8>,
    user_id: String,
    status: String,
    expires_at_ms: i64,
    created_at_ms: i64,
    updated_at_ms: i64,
}

impl SignInTokenRow {
    /// The row of a ticket.
    #[must_use]
    pub fn of(ticket: &SignInToken) -> Self {
        Self {
            id: ticket.id.as_str().to_owned(),
            token_hash: ticket.token.as_bytes().to_vec(),
            user_id: ticket.user.as_str().to_owned(),
            status: ticket.status.as_str().to_owned(),
            expires_at_ms: ticket.expires_at.as_millis(),
            created_at_ms: ticket.created_at.as_millis(),
            updated_at_ms: ticket.updated_at.as_millis(),
        }
    }

    /// The ticket of a row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn into_ticket(self) -> Result<SignInToken, StoreError> {
        let place = Place {
            table: "sign_in_tokens",
            key: &self.id,
        };
        Ok(SignInToken {
            id: place.parsed("id", &self.id)?,
            token: place.token("token_hash", &self.token_hash)?,
            user: place.parsed("user_id", &self.user_id)?,
            status: match self.status.as_str() {
                "pending" => TicketStatus::Pending,
                "accepted" => TicketStatus::Accepted,
                "revoked" => TicketStatus::Revoked,
                other => return Err(place.corrupt("status", format!("`{other}` is none"))),
            },
            expires_at: Timestamp::from_millis(self.expires_at_ms),
            created_at: Timestamp::from_millis(self.created_at_ms),
            updated_at: Timestamp::from_millis(self.updated_at_ms),
        })
    }
}
