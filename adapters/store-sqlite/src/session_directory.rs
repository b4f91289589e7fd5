//! `SessionDirectory`: questions across clients.

use async_trait::async_trait;
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use diesel::sqlite::Sqlite;
use phoneproof_domain::ports::{SessionDirectory, SessionQuery, StoreError};
use phoneproof_domain::{Client, ClientId, Ending, Session, SessionId, SessionStatus};

use crate::SqliteStore;
use crate::clients_repository::sessions_of;
use crate::errors::corrupt;
use crate::rows::{ClientRow, SessionRow, ending_word};
use crate::schema::{clients, phone_numbers, sessions, users};

type Condition = Box<dyn BoxableExpression<sessions::table, Sqlite, SqlType = Bool>>;

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
                for condition in conditions(&query) {
                    found = found.filter(condition);
                }
                for condition in conditions(&query) {
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
}

fn client_id(text: &str) -> Result<ClientId, StoreError> {
    text.parse()
        .map_err(|error| corrupt("sessions", text, format!("client_id: {error}")))
}

fn conditions(query: &SessionQuery) -> Vec<Condition> {
    let mut all: Vec<Condition> = Vec::new();
    if let Some(user) = &query.user {
        all.push(Box::new(sessions::user_id.eq(user.as_str().to_owned())));
    }
    if let Some(client) = &query.client {
        all.push(Box::new(sessions::client_id.eq(client.as_str().to_owned())));
    }
    let now = query.now.as_millis();
    // As `Session::status` has it: the user must be there, not banned, and of the same generation.
    let vouched = || {
        exists(
            users::table
                .filter(users::id.eq(sessions::user_id))
                .filter(users::banned.eq(false))
                .filter(users::sessions_generation.eq(sessions::generation)),
        )
    };
    let ended = |ending: Ending| -> Condition {
        Box::new(
            sessions::ending
                .eq(ending_word(ending))
                .and(sessions::ending.is_not_null())
                .assume_not_null(),
        )
    };
    match query.status {
        None => {}
        Some(status @ (SessionStatus::Active | SessionStatus::Pending)) => {
            all.push(Box::new(
                sessions::ending
                    .is_null()
                    .and(sessions::expire_at_ms.gt(now))
                    .and(vouched()),
            ));
            let protected = exists(
                phone_numbers::table
                    .filter(phone_numbers::user_id.eq(sessions::user_id))
                    .filter(phone_numbers::reserved_for_second_factor.eq(true)),
            );
            match (status, query.second_factor_required) {
                (SessionStatus::Pending, true) => all.push(Box::new(not(protected))),
                (SessionStatus::Pending, false) => all.push(Box::new(diesel::dsl::sql::<Bool>("FALSE"))),
                (_, true) => all.push(Box::new(protected)),
                (_, false) => {}
            }
        }
        Some(SessionStatus::Expired) => all.push(Box::new(
            sessions::ending
                .is_null()
                .and(sessions::expire_at_ms.le(now))
                .and(vouched()),
        )),
        Some(SessionStatus::Ended) => all.push(ended(Ending::Ended)),
        Some(SessionStatus::Removed) => all.push(ended(Ending::Removed)),
        Some(SessionStatus::Replaced) => all.push(ended(Ending::Replaced)),
        Some(SessionStatus::Revoked) => {
            let by_client = sessions::ending.eq(ending_word(Ending::Revoked)).assume_not_null();
            all.push(Box::new(by_client.or(sessions::ending.is_null().and(not(vouched())))));
        }
    }
    all
}
