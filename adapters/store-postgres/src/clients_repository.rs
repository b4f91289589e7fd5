//! `Repository<Client>`: one client with its sessions, read as one; and the statements that write it.

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use phoneproof_domain::ports::{Loaded, Repository, Revision, StoreError};
use phoneproof_domain::{Client, ClientId};
use phoneproof_store_rows::rows::{ClientRow, SessionRow};
use phoneproof_store_rows::schema::{clients, sessions};
use phoneproof_store_rows::{ClientPlan, StateOfClient, StateOfSession, Update};

use crate::PostgresStore;
use crate::errors::Failure;
use crate::fragments::FirstRevision;
use crate::transaction::Step;

#[async_trait]
impl Repository<Client> for PostgresStore {
    async fn load(&self, id: &ClientId) -> Result<Option<Loaded<Client>>, StoreError> {
        let id = id.as_str();
        self.connections
            .read(async |connection| load(connection, id).await)
            .await
    }
}

/// One statement sees one moment: several would need a transaction around them.
async fn load(mut connection: &AsyncPgConnection, id: &str) -> Result<Option<Loaded<Client>>, Failure> {
    let rows: Vec<(i64, ClientRow, Option<SessionRow>)> = clients::table
        .left_join(sessions::table)
        .filter(clients::id.eq(id))
        .order_by((sessions::created_at_ms, sessions::id))
        .select((
            clients::revision,
            ClientRow::as_select(),
            Option::<SessionRow>::as_select(),
        ))
        .load(&mut connection)
        .await?;
    let (mut first, mut belonging) = (None, Vec::new());
    for (revision, client, session) in rows {
        belonging.extend(session);
        first.get_or_insert((revision, client));
    }
    let Some((revision, client)) = first else {
        return Ok(None);
    };
    Ok(Some(Loaded {
        aggregate: client.into_client(belonging)?,
        revision: Revision(revision),
    }))
}

/// The statements of `plan`. The first of them finds the revision that was read, or the change came too late.
pub(crate) fn steps(plan: ClientPlan) -> Vec<Step> {
    match plan {
        ClientPlan::Create { client, sessions } => {
            let inserted = diesel::insert_into(clients::table)
                .values((client, clients::revision.eq(FirstRevision)))
                .on_conflict(clients::id)
                .do_nothing();
            std::iter::once(Step::new(inserted).must_find())
                .chain(sessions.into_iter().map(insert_session))
                .collect()
        }
        ClientPlan::Replace {
            client,
            revision,
            deleted,
            updated,
            inserted,
        } => {
            let id = client.id.clone();
            let updated_client = Update {
                kind: StateOfClient,
                set: (client.state, clients::revision.eq(revision + 1)).as_changeset(),
                of: clients::id.eq(client.id).and(clients::revision.eq(revision)),
            };
            let delete_session = |session: String| {
                let gone = sessions::table.find((id.clone(), session));
                Step::new(diesel::delete(gone)).in_order()
            };
            std::iter::once(Step::new(updated_client).must_find())
                .chain(deleted.into_iter().map(delete_session))
                .chain(updated.into_iter().map(update_session))
                .chain(inserted.into_iter().map(insert_session))
                .collect()
        }
        ClientPlan::Delete { id, revision } => {
            let gone = clients::table.find(id).filter(clients::revision.eq(revision));
            vec![Step::new(diesel::delete(gone)).must_find().in_order()]
        }
    }
}

fn insert_session(row: SessionRow) -> Step {
    Step::new(diesel::insert_into(sessions::table).values(row))
}

fn update_session(row: SessionRow) -> Step {
    Step::new(Update {
        kind: StateOfSession,
        set: row.state.as_changeset(),
        of: sessions::client_id.eq(row.client_id).and(sessions::id.eq(row.id)),
    })
}
