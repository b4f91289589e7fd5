//! `UserDirectory`: questions across users.

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use phoneproof_domain::ports::{StoreError, UserDirectory, UserFilter, UserQuery};
use phoneproof_domain::{E164, PhoneNumberId, User, UserId};
use phoneproof_store_rows::rows::{BackupCodeRow, PhoneNumberRow, UserRow};
use phoneproof_store_rows::schema::{backup_codes, phone_numbers, users};
use phoneproof_store_rows::{corrupt, with_belongings};

use crate::PostgresStore;
use crate::errors::Failure;
use crate::fragments::IsOwned;
use crate::search::{follows, order, user_conditions};

#[async_trait]
impl UserDirectory for PostgresStore {
    async fn owner_of(&self, number: &E164) -> Result<Option<UserId>, StoreError> {
        let number = number.as_str();
        self.connections
            .read(async |connection| owner_of(connection, number).await)
            .await
    }

    async fn user_with(&self, id: &PhoneNumberId) -> Result<Option<UserId>, StoreError> {
        let id = id.as_str();
        self.connections
            .read(async |connection| user_with(connection, id).await)
            .await
    }

    async fn list(&self, query: &UserQuery) -> Result<Vec<User>, StoreError> {
        if fits_nobody(&query.filter) {
            return Ok(Vec::new());
        }
        self.searches
            .read_snapshot(async |connection| list(connection, query).await)
            .await
    }

    async fn count(&self, filter: &UserFilter) -> Result<u64, StoreError> {
        if fits_nobody(filter) {
            return Ok(0);
        }
        self.searches
            .read(async |connection| count(connection, filter).await)
            .await
    }
}

/// No text in the database holds a NUL, and PostgreSQL would not even compare it.
fn fits_nobody(filter: &UserFilter) -> bool {
    let parts = [
        &filter.query,
        &filter.name_query,
        &filter.phone_number_query,
        &filter.username_query,
    ];
    parts.into_iter().flatten().any(|part| part.contains('\0'))
}

async fn owner_of(mut connection: &AsyncPgConnection, number: &str) -> Result<Option<UserId>, Failure> {
    let found = phone_numbers::table
        .filter(phone_numbers::number.eq(number))
        .filter(IsOwned)
        .select(phone_numbers::user_id)
        .get_result(&mut connection)
        .await
        .optional()?;
    user_id(found)
}

async fn user_with(mut connection: &AsyncPgConnection, id: &str) -> Result<Option<UserId>, Failure> {
    let found = phone_numbers::table
        .filter(phone_numbers::id.eq(id))
        .select(phone_numbers::user_id)
        .get_result(&mut connection)
        .await
        .optional()?;
    user_id(found)
}

async fn list(mut connection: &AsyncPgConnection, query: &UserQuery) -> Result<Vec<User>, Failure> {
    let mut found = users::table
        .select(UserRow::as_select())
        .limit(i64::from(query.limit))
        .offset(i64::try_from(query.offset).unwrap_or(i64::MAX))
        .into_boxed();
    for condition in user_conditions(&query.filter) {
        found = found.filter(condition);
    }
    if let Some(place) = &query.after {
        found = found.filter(follows(place, query.direction));
    }
    for term in order(query.order_by, query.direction) {
        found = found.then_order_by(term);
    }
    let listed: Vec<UserRow> = found.load(&mut connection).await?;
    let ids: Vec<&str> = listed.iter().map(|user| user.id.as_str()).collect();
    let numbers: Vec<PhoneNumberRow> = phone_numbers::table
        .filter(phone_numbers::user_id.eq_any(&ids))
        .order_by((phone_numbers::created_at_ms, phone_numbers::id))
        .select(PhoneNumberRow::as_select())
        .load(&mut connection)
        .await?;
    let codes: Vec<BackupCodeRow> = backup_codes::table
        .filter(backup_codes::user_id.eq_any(&ids))
        .order_by(backup_codes::position)
        .select(BackupCodeRow::as_select())
        .load(&mut connection)
        .await?;
    Ok(with_belongings(listed, numbers, codes)?)
}

async fn count(mut connection: &AsyncPgConnection, filter: &UserFilter) -> Result<u64, Failure> {
    let mut counted = users::table.select(diesel::dsl::count_star()).into_boxed();
    for condition in user_conditions(filter) {
        counted = counted.filter(condition);
    }
    let count: i64 = counted.get_result(&mut connection).await?;
    Ok(count.unsigned_abs())
}

fn user_id(found: Option<String>) -> Result<Option<UserId>, Failure> {
    let parsed = found.map(|id| {
        let user: Result<UserId, _> = id.parse();
        user.map_err(|error| corrupt("phone_numbers of", &id, error))
    });
    Ok(parsed.transpose()?)
}
