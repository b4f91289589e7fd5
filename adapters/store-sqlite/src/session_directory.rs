//! `SessionDirectory`: questions across clients.

use async_trait::async_trait;
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use phoneproof_domain::ports::{SessionDirectory, SessionQuery, StoreError};
use phoneproof_domain::{Client, ClientId, Session, SessionId, SignUpId, Timestamp};

use crate::SqliteStore;
use crate::clients_repository::sessions_of;
use crate::errors::corrupt;
use phoneproof_store_rows::rows::{ClientRow, SessionRow};
use phoneproof_store_rows::schema::{clients, sessions};
use phoneproof_store_rows::{IDLE_PAGE, SessionlessClient};

use crate::search::session_conditions;

#[async_trait]
impl SessionDirectory for SqliteStore {
    async fn client_of(&self, id: &SessionId) -> Result<Option<ClientId>, StoreError> {
        let id = id.clone();
        self.readers
            .read(move |connection| {
                let found: Option<String> = sessions::table
                    .filter(sessions::id.eq(id.as_str()))
                    .select(sessions::client_id)
                    .get_result(connection)
                    .optional()?;
                Ok(found.map(|client| client_id(&client)).transpose()?)
            })
            .await
    }

    async fn client_at(&self, id: &SignUpId) -> Result<Option<ClientId>, StoreError> {
        let id = id.clone();
        self.readers
            .read(move |connection| {
                let found: Option<String> = clients::table
                    .filter(clients::sign_up_id.eq(id.as_str()))
                    .select(clients::id)
                    .get_result(connection)
                    .optional()?;
                Ok(found.map(|client| client_id(&client)).transpose()?)
            })
            .await
    }

    async fn sessions(&self, query: &SessionQuery) -> Result<(Vec<(ClientId, Session)>, u64), StoreError> {
        let query = query.clone();
        self.searches
            .read(move |connection| {
                let mut found = sessions::table
                    .select(SessionRow::as_select())
                    .order_by((sessions::created_at_ms.desc(), sessions::id.desc()))
                    .limit(i64::from(query.limit))
                    .offset(i64::try_from(query.offset).unwrap_or(i64::MAX))
                    .into_boxed();
                let mut counted = sessions::table.select(diesel::dsl::count_star()).into_boxed();
                for condition in session_conditions(&query) {
                    found = found.filter(condition);
                }
                for condition in session_conditions(&query) {
                    counted = counted.filter(condition);
                }
                let total: i64 = counted.first(connection)?;
                let mut listed = Vec::new();
                for row in found.load(connection)? {
                    listed.push((client_id(&row.client_id)?, row.into_session()?));
                }
                Ok((listed, total.unsigned_abs()))
            })
            .await
    }

    async fn clients(&self, limit: u32, offset: u64) -> Result<(Vec<Client>, u64), StoreError> {
        self.searches
            .read(move |connection| {
                let rows: Vec<ClientRow> = clients::table
                    .select(ClientRow::as_select())
                    .order_by((clients::created_at_ms.desc(), clients::id.desc()))
                    .limit(i64::from(limit))
                    .offset(i64::try_from(offset).unwrap_or(i64::MAX))
                    .load(connection)?;
                let total: i64 = clients::table.count().get_result(connection)?;
                let mut listed = Vec::with_capacity(rows.len());
                for row in rows {
                    let sessions = sessions_of(connection, &row.id)?;
                    listed.push(row.into_client(sessions)?);
                }
                Ok((listed, total.unsigned_abs()))
            })
            .await
    }

    async fn forget_idle_clients(&self, before: Timestamp) -> Result<u64, StoreError> {
        let (mut after, mut forgotten) = ((i64::MIN, String::new()), 0);
        loop {
            let page = self
                .searches
                .read(move |connection| Ok(sessionless(connection, before, &after)?))
                .await?;
            let Some(last) = page.last() else {
                return Ok(forgotten);
            };
            after = (last.created_at_ms, last.id.clone());
            let mut idle = Vec::new();
            for client in page {
                if client.is_idle(before)? {
                    idle.push(client);
                }
            }
            if !idle.is_empty() {
                forgotten += self.written(move |connection| Ok(delete(connection, &idle)?)).await?;
            }
        }
    }
}

/// The next clients without a session, oldest first.
fn sessionless(
    connection: &mut SqliteConnection,
    before: Timestamp,
    (at, id): &(i64, String),
) -> QueryResult<Vec<SessionlessClient>> {
    let later = clients::created_at_ms
        .gt(at)
        .or(clients::created_at_ms.eq(at).and(clients::id.gt(id)));
    clients::table
        // The bound of the index; the condition after it is one that SQLite does not look up there.
        .filter(clients::created_at_ms.ge(at))
        .filter(clients::created_at_ms.lt(before.as_millis()))
        .filter(later)
        .filter(not(exists(sessions::table.filter(sessions::client_id.eq(clients::id)))))
        .order_by((clients::created_at_ms, clients::id))
        .limit(IDLE_PAGE)
        .select(SessionlessClient::as_select())
        .load(connection)
}

/// Deletes those that are as they were read.
fn delete(connection: &mut SqliteConnection, idle: &[SessionlessClient]) -> QueryResult<u64> {
    let mut deleted = 0;
    for client in idle {
        let unchanged = clients::table
            .find(&client.id)
            .filter(clients::revision.eq(client.revision));
        deleted += diesel::delete(unchanged).execute(connection)? as u64;
    }
    Ok(deleted)
}

fn client_id(text: &str) -> Result<ClientId, StoreError> {
    text.parse()
        .map_err(|error| corrupt("sessions", text, format!("client_id: {error}")))
}
