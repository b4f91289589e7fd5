//! Sessions as rows.

use diesel::prelude::*;
use phoneproof_domain::ports::StoreError;
use phoneproof_domain::{Activity, Client, Ending, Session, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Place, document, millis, time};
use crate::schema::sessions;

/// A row of `sessions`.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = sessions, treat_none_as_default_value = false)]
pub struct SessionRow {
    /// Whose it is.
    pub client_id: String,
    /// Its id.
    pub id: String,
    /// Who is signed in.
    pub user_id: String,
    /// What changes.
    #[diesel(embed)]
    pub state: SessionState,
}

/// The columns that change.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset, Serialize, Deserialize)]
#[diesel(table_name = sessions)]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct SessionState {
    ending: Option<String>,
    generation: i64,
    first_factor_at_ms: Option<i64>,
    second_factor_at_ms: Option<i64>,
    reverification: Option<String>,
    address: Option<String>,
    user_agent: Option<String>,
    created_at_ms: i64,
    last_active_at_ms: i64,
    expire_at_ms: i64,
    updated_at_ms: i64,
}

impl SessionRow {
    /// All sessions of a client.
    #[must_use]
    pub fn all_of(client: &Client) -> Vec<Self> {
        let row = |session: &Session| Self {
            client_id: client.id.as_str().to_owned(),
            id: session.id.as_str().to_owned(),
            user_id: session.user.as_str().to_owned(),
            state: SessionState {
                ending: session.ending.map(|ending| word(ending).to_owned()),
                generation: session.generation,
                first_factor_at_ms: millis(session.first_factor_at),
                second_factor_at_ms: millis(session.second_factor_at),
                reverification: session.reverification.as_ref().map(document),
                address: session.activity.address.clone(),
                user_agent: session.activity.user_agent.clone(),
                created_at_ms: session.created_at.as_millis(),
                last_active_at_ms: session.last_active_at.as_millis(),
                expire_at_ms: session.expire_at.as_millis(),
                updated_at_ms: session.updated_at.as_millis(),
            },
        };
        client.sessions.iter().map(row).collect()
    }

    /// The session of a row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn into_session(self) -> Result<Session, StoreError> {
        let Self { id, user_id, state, .. } = &self;
        let place = Place {
            table: "sessions",
            key: id,
        };
        let ending = match state.ending.as_deref() {
            None => None,
            Some("ended") => Some(Ending::Ended),
            Some("removed") => Some(Ending::Removed),
            Some("revoked") => Some(Ending::Revoked),
            Some("replaced") => Some(Ending::Replaced),
            Some(other) => return Err(place.corrupt("ending", format!("`{other}` is none"))),
        };
        let reverification = state.reverification.as_deref();
        let reverification = reverification.map(|text| place.document("reverification", text));
        Ok(Session {
            id: place.parsed("id", id)?,
            user: place.parsed("user_id", user_id)?,
            ending,
            generation: state.generation,
            first_factor_at: time(state.first_factor_at_ms),
            second_factor_at: time(state.second_factor_at_ms),
            reverification: reverification.transpose()?,
            activity: Activity {
                address: state.address.clone(),
                user_agent: state.user_agent.clone(),
            },
            created_at: Timestamp::from_millis(state.created_at_ms),
            last_active_at: Timestamp::from_millis(state.last_active_at_ms),
            expire_at: Timestamp::from_millis(state.expire_at_ms),
            updated_at: Timestamp::from_millis(state.updated_at_ms),
        })
    }
}

/// The word for an ending in the column.
#[must_use]
pub const fn word(ending: Ending) -> &'static str {
    match ending {
        Ending::Ended => "ended",
        Ending::Removed => "removed",
        Ending::Revoked => "revoked",
        Ending::Replaced => "replaced",
    }
}
