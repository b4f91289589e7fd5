//! Which rows a change of a client writes.

use phoneproof_domain::Client;
use phoneproof_domain::ports::Change;

use crate::rows::{ClientRow, SessionRow};

/// The rows that a change of a client writes.
#[derive(Debug)]
pub enum ClientPlan {
    /// A new client.
    Create {
        /// The client.
        client: ClientRow,
        /// Its sessions.
        sessions: Vec<SessionRow>,
    },
    /// A client that was read at `revision`, and what differs since.
    Replace {
        /// The client.
        client: ClientRow,
        /// The revision that must still stand.
        revision: i64,
        /// Identifiers of sessions that go.
        deleted: Vec<String>,
        /// Sessions that change.
        updated: Vec<SessionRow>,
        /// New sessions.
        inserted: Vec<SessionRow>,
    },
    /// A client that was read at `revision` and goes.
    Delete {
        /// The client.
        id: String,
        /// The revision that must still stand.
        revision: i64,
    },
}

impl ClientPlan {
    /// The rows that `change` writes.
    #[must_use]
    pub fn of(change: &Change<Client>) -> Self {
        match change {
            Change::Create(client) => Self::Create {
                client: ClientRow::of(client),
                sessions: SessionRow::all_of(client),
            },
            Change::Replace { before, after } => {
                let (old, new) = (SessionRow::all_of(&before.aggregate), SessionRow::all_of(after));
                let gone = old.iter().filter(|row| !new.iter().any(|other| other.id == row.id));
                let deleted = gone.map(|row| row.id.clone()).collect();
                let (kept, inserted): (Vec<_>, Vec<_>) = new
                    .into_iter()
                    .partition(|row| old.iter().any(|other| other.id == row.id));
                Self::Replace {
                    client: ClientRow::of(after),
                    revision: before.revision.0,
                    deleted,
                    updated: kept.into_iter().filter(|row| !old.contains(row)).collect(),
                    inserted,
                }
            }
            Change::Delete(before) => Self::Delete {
                id: before.aggregate.id.as_str().to_owned(),
                revision: before.revision.0,
            },
        }
    }
}
