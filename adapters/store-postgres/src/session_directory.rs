//! `SessionDirectory`: questions across clients.

use std::collections::HashMap;

use async_trait::async_trait;
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use phoneproof_domain::ports::{SessionDirectory, SessionQuery, StoreError};
use phoneproof_domain::{Client, ClientId, Session, SessionId, SignUpId, Timestamp};
use phoneproof_store_rows::rows::{ClientRow, SessionRow};
use phoneproof_store_rows::schema::{clients, sessions};
use phoneproof_store_rows::{IDLE_PAGE, SessionlessClient, corrupt};

use crate::PostgresStore;
use crate::errors::Failure;
use crate::search::session_conditions;

#[async_trait]
impl SessionDirectory for PostgresStore {
    async fn client_of(&self, id: &SessionId) -> Result<Option<ClientId>, StoreError> {
        let id = id.as_str();
        self.connections
            .read(async |connection| client_of(connection, id).await)
            .await
    }

    async fn client_at(&self, id: &SignUpId) -> Result<Option<ClientId>, StoreError> {
        let id = id.as_str();
        self.connections
            .read(async |connection| client_at(connection, id).await)
            .await
    }

    async fn sessions(&self, query: &SessionQuery) -> Result<(Vec<(ClientId, Session)>, u64), StoreError> {
        // A user's own sessions are few, and nobody's search is in their way.
        let own = query.user.is_some() || query.client.is_some();
        let connections = if own { &self.connections } else { &self.searches };
        connections
            .read_snapshot(async |connection| list(connection, query).await)
            .await
    }

    async fn clients(&self, limit: u32, offset: u64) -> Result<(Vec<Client>, u64), StoreError> {
        self.searches
            .read_snapshot(async |connection| list_clients(connection, limit, offset).await)
            .await
    }

    async fn forget_idle_clients(&self, before: Timestamp) -> Result<u64, StoreError> {
        let (mut after, mut forgotten) = ((i64::MIN, String::new()), 0);
        loop {
            let page = self
                .searches
                .read(async |connection| sessionless(connection, before, &after).await)
                .await?;
            let Some(last) = page.last() else {
                return Ok(forgotten);
            };
            after = (last.created_at_ms, last.id.clone());
            let (mut ids, mut revisions) = (Vec::new(), Vec::new());
            for client in page {
                if client.is_idle(before)? {
                    ids.push(client.id);
                    revisions.push(client.revision);
                }
            }
            if !ids.is_empty() {
                let deleted = self
                    .connections
                    .write((ids, revisions), |connection, (ids, revisions)| {
                        delete(connection, ids.clone(), revisions.clone()).boxed()
                    });
                forgotten += deleted.await?;
            }
        }
    }
}

/// The next clients without a session, oldest first.
async fn sessionless(
    mut connection: &AsyncPgConnection,
    before: Timestamp,
    (at, id): &(i64, String),
) -> Result<Vec<SessionlessClient>, Failure> {
    let later = clients::created_at_ms
        .gt(at)
        .or(clients::created_at_ms.eq(at).and(clients::id.gt(id)));
    Ok(clients::table
        // The bound of the index; the condition after it is one that PostgreSQL does not look up there.
        .filter(clients::created_at_ms.ge(at))
        .filter(clients::created_at_ms.lt(before.as_millis()))
        .filter(later)
        .filter(not(exists(sessions::table.filter(sessions::client_id.eq(clients::id)))))
        .order_by((clients::created_at_ms, clients::id))
        .limit(IDLE_PAGE)
        .select(SessionlessClient::as_select())
        .load(&mut connection)
        .await?)
}

/// Deletes those that are as they were read.
async fn delete(mut connection: &AsyncPgConnection, ids: Vec<String>, revisions: Vec<i64>) -> Result<u64, Failure> {
    let unchanged = diesel::sql_query(
        "DELETE FROM clients USING unnest($1, $2) AS idle (id, revision)
         WHERE clients.id = idle.id AND clients.revision = idle.revision",
    );
    let unchanged = unchanged
        .bind::<Array<Text>, _>(ids)
        .bind::<Array<BigInt>, _>(revisions);
    Ok(unchanged.execute(&mut connection).await? as u64)
}

async fn client_of(mut connection: &AsyncPgConnection, id: &str) -> Result<Option<ClientId>, Failure> {
    let found: Option<String> = sessions::table
        .filter(sessions::id.eq(id))
        .select(sessions::client_id)
        .get_result(&mut connection)
        .await
        .optional()?;
    Ok(found.map(|client| client_id(&client)).transpose()?)
}

async fn client_at(mut connection: &AsyncPgConnection, id: &str) -> Result<Option<ClientId>, Failure> {
    let found: Option<String> = clients::table
        .filter(clients::sign_up_id.eq(id))
        .select(clients::id)
        .get_result(&mut connection)
        .await
        .optional()?;
    Ok(found.map(|client| client_id(&client)).transpose()?)
}

async fn list(
    mut connection: &AsyncPgConnection,
    query: &SessionQuery,
) -> Result<(Vec<(ClientId, Session)>, u64), Failure> {
    let mut found = sessions::table
        .select(SessionRow::as_select())
        .order_by((sessions::created_at_ms.desc(), sessions::id.desc()))
        .limit(i64::from(query.limit))
        .offset(i64::try_from(query.offset).unwrap_or(i64::MAX))
        .into_boxed();
    let mut counted = sessions::table.select(diesel::dsl::count_star()).into_boxed();
    for condition in session_conditions(query) {
        found = found.filter(condition);
    }
    for condition in session_conditions(query) {
        counted = counted.filter(condition);
    }
    let total: i64 = counted.get_result(&mut connection).await?;
    let rows: Vec<SessionRow> = found.load(&mut connection).await?;
    let mut listed = Vec::with_capacity(rows.len());
    for row in rows {
        listed.push((client_id(&row.client_id)?, row.into_session()?));
    }
    Ok((listed, total.unsigned_abs()))
}

async fn list_clients(
    mut connection: &AsyncPgConnection,
    limit: u32,
    offset: u64,
) -> Result<(Vec<Client>, u64), Failure> {
    let rows: Vec<ClientRow> = clients::table
        .select(ClientRow::as_select())
        .order_by((clients::created_at_ms.desc(), clients::id.desc()))
        .limit(i64::from(limit))
        .offset(i64::try_from(offset).unwrap_or(i64::MAX))
        .load(&mut connection)
        .await?;
    let total: i64 = clients::table.count().get_result(&mut connection).await?;
    let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    let belonging: Vec<SessionRow> = sessions::table
        .filter(sessions::client_id.eq_any(ids))
        .order_by((sessions::created_at_ms, sessions::id))
        .select(SessionRow::as_select())
        .load(&mut connection)
        .await?;
    let mut sessions: HashMap<String, Vec<SessionRow>> = HashMap::new();
    for session in belonging {
        sessions.entry(session.client_id.clone()).or_default().push(session);
    }
    let clients = rows.into_iter().map(|row| {
        let own = sessions.remove(&row.id).unwrap_or_default();
        row.into_client(own)
    });
    Ok((clients.collect::<Result<_, _>>()?, total.unsigned_abs()))
}

fn client_id(text: &str) -> Result<ClientId, StoreError> {
    text.parse()
        .map_err(|error| corrupt("sessions", text, format!("client_id: {error}")))
}
