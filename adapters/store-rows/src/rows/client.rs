//! Clients as rows.

use diesel::prelude::*;
use phoneproof_domain::ports::StoreError;
use phoneproof_domain::{Client, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Place, SessionRow, document};
use crate::hex;
use crate::schema::clients;

/// A row of `clients`, but for the revision.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = clients, treat_none_as_default_value = false)]
pub struct ClientRow {
    /// The client's id.
    pub id: String,
    /// What changes.
    #[diesel(embed)]
    pub state: ClientState,
}

/// The columns that change.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset, Serialize, Deserialize)]
#[diesel(table_name = clients)]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct ClientState {
    #[serde(with = "hex")]
    token_hash: Vec<u8>,
    replaced_tokens: Option<String>,
    last_active_session_id: Option<String>,
    last_strategy: Option<String>,
    sign_up: Option<String>,
    sign_up_id: Option<String>,
    sign_in: Option<String>,
    created_at_ms: i64,
    updated_at_ms: i64,
}

impl ClientRow {
    /// The row of a client.
    #[must_use]
    pub fn of(client: &Client) -> Self {
        Self {
            id: client.id.as_str().to_owned(),
            state: ClientState {
                token_hash: client.token.as_bytes().to_vec(),
                replaced_tokens: (!client.replaced_tokens.is_empty()).then(|| document(&client.replaced_tokens)),
                last_active_session_id: client.last_active_session.as_ref().map(ToString::to_string),
                last_strategy: client.last_strategy.as_ref().map(document),
                sign_up: client.sign_up.as_ref().map(document),
                sign_up_id: client.sign_up.as_ref().map(|sign_up| sign_up.id.as_str().to_owned()),
                sign_in: client.sign_in.as_ref().map(document),
                created_at_ms: client.created_at.as_millis(),
                updated_at_ms: client.updated_at.as_millis(),
            },
        }
    }

    /// Joins the rows of one client; the sessions oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn into_client(self, sessions: Vec<SessionRow>) -> Result<Client, StoreError> {
        let Self { id, state } = &self;
        let place = Place {
            table: "clients",
            key: id,
        };
        let replaced = state.replaced_tokens.as_deref();
        let replaced = replaced.map(|text| place.document("replaced_tokens", text));
        let last_active = state.last_active_session_id.as_deref();
        let last_active = last_active.map(|id| place.parsed("last_active_session_id", id));
        let strategy = state.last_strategy.as_deref();
        let sign_up = state.sign_up.as_deref().map(|text| place.document("sign_up", text));
        let sign_in = state.sign_in.as_deref().map(|text| place.document("sign_in", text));
        Ok(Client {
            id: place.parsed("id", id)?,
            token: place.token("token_hash", &state.token_hash)?,
            replaced_tokens: replaced.transpose()?.unwrap_or_default(),
            sessions: sessions
                .into_iter()
                .map(SessionRow::into_session)
                .collect::<Result<_, _>>()?,
            last_active_session: last_active.transpose()?,
            last_strategy: strategy.map(|text| place.document("last_strategy", text)).transpose()?,
            sign_up: sign_up.transpose()?,
            sign_in: sign_in.transpose()?,
            created_at: Timestamp::from_millis(state.created_at_ms),
            updated_at: Timestamp::from_millis(state.updated_at_ms),
        })
    }
}
