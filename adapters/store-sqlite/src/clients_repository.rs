//! `Repository<Client>`: one client with its sessions, read as one; and the statements that write it.

use async_trait::async_trait;
use diesel::prelude::*;
use phoneproof_domain::ports::{Loaded, Repository, Revision, StoreError};
use phoneproof_domain::{Client, ClientId};
use phoneproof_store_rows::rows::{ClientRow, SessionRow};
use phoneproof_store_rows::schema::{clients, sessions};
use phoneproof_store_rows::{ClientPlan, StateOfClient, StateOfSession, Update};

use crate::SqliteStore;
use crate::errors::Failure;
use crate::kept::FirstRevision;
use crate::readers::ReadError;
use crate::save::must_be_one;

#[async_trait]
impl Repository<Client> for SqliteStore {
    async fn load(&self, id: &ClientId) -> Result<Option<Loaded<Client>>, StoreError> {
        let id = id.clone();
        self.readers.read(move |connection| load(connection, id.as_str())).await
    }
}

fn load(connection: &mut SqliteConnection, id: &str) -> Result<Option<Loaded<Client>>, ReadError> {
    let found: Option<(i64, ClientRow)> = clients::table
        .find(id)
        .select((clients::revision, ClientRow::as_select()))
        // No `first`: its bound LIMIT makes SQLite prepare the statement anew each time.
        .get_result(connection)
        .optional()?;
    let Some((revision, client)) = found else {
        return Ok(None);
    };
    Ok(Some(Loaded {
        aggregate: client.into_client(sessions_of(connection, id)?)?,
        revision: Revision(revision),
    }))
}

/// The sessions of one client, oldest first.
pub(crate) fn sessions_of(connection: &mut SqliteConnection, client: &str) -> QueryResult<Vec<SessionRow>> {
    sessions::table
        .filter(sessions::client_id.eq(client))
        .order_by((sessions::created_at_ms, sessions::id))
        .select(SessionRow::as_select())
        .load(connection)
}

/// Writes the rows, if the revision still stands.
pub(crate) fn save(connection: &mut SqliteConnection, plan: &ClientPlan) -> Result<(), Failure> {
    match plan {
        ClientPlan::Create { client, sessions } => {
            diesel::insert_into(clients::table)
                .values((client, clients::revision.eq(FirstRevision)))
                .execute(connection)?;
            insert(connection, sessions)
        }
        ClientPlan::Replace {
            client,
            revision,
            deleted,
            updated,
            inserted,
        } => {
            let set = (&client.state, clients::revision.eq(revision + 1)).as_changeset();
            let of = clients::id.eq(&client.id).and(clients::revision.eq(revision));
            must_be_one(
                Update {
                    kind: StateOfClient,
                    set,
                    of,
                }
                .execute(connection)?,
            )?;
            for id in deleted {
                diesel::delete(sessions::table.find((&client.id, id))).execute(connection)?;
            }
            for row in updated {
                Update {
                    kind: StateOfSession,
                    set: (&row.state).as_changeset(),
                    of: sessions::client_id.eq(&row.client_id).and(sessions::id.eq(&row.id)),
                }
                .execute(connection)?;
            }
            insert(connection, inserted)
        }
        ClientPlan::Delete { id, revision } => {
            let of = clients::table.find(id).filter(clients::revision.eq(revision));
            must_be_one(diesel::delete(of).execute(connection)?)
        }
    }
}

fn insert(connection: &mut SqliteConnection, rows: &[SessionRow]) -> Result<(), Failure> {
    for row in rows {
        diesel::insert_into(sessions::table).values(row).execute(connection)?;
    }
    Ok(())
}
