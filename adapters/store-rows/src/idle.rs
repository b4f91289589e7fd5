//! Clients of which nothing is left to keep.

use diesel::prelude::*;
use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::StoreError;
use serde::Deserialize;

use crate::rows::Place;
use crate::schema::clients;

/// So many clients are looked at, and written, at once: some milliseconds.
pub const IDLE_PAGE: i64 = 500;

/// What says whether a client without sessions is idle.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = clients)]
pub struct SessionlessClient {
    /// The client's id.
    pub id: String,
    /// The revision at which it has no session. Whoever begins anything in it changes that.
    pub revision: i64,
    /// When it was made.
    pub created_at_ms: i64,
    sign_up: Option<String>,
    sign_in: Option<String>,
}

/// What a sign-up and a sign-in have in common.
#[derive(Deserialize)]
struct Begun {
    created_at: Timestamp,
}

impl SessionlessClient {
    /// Whether neither a sign-up nor a sign-in was begun in it since then.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn is_idle(&self, since: Timestamp) -> Result<bool, StoreError> {
        let place = Place {
            table: "clients",
            key: &self.id,
        };
        for (column, document) in [("sign_up", &self.sign_up), ("sign_in", &self.sign_in)] {
            if let Some(text) = document
                && place.document::<Begun>(column, text)?.created_at >= since
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
