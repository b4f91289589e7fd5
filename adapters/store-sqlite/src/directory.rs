//! `UserDirectory`: questions across users.

use std::collections::HashMap;

use async_trait::async_trait;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use phoneproof_domain::ports::{StoreError, UserDirectory, UserFilter, UserQuery};
use phoneproof_domain::{E164, PhoneNumberId, User, UserId};

use crate::SqliteStore;
use crate::errors::corrupt;
use crate::readers::ReadError;
use crate::rows::{BackupCodeRow, PhoneNumberRow, UserRow};
use crate::schema::{backup_codes, phone_numbers, users};
use crate::search::{conditions, order};

/// The condition of the index `phone_numbers_owned`, word by word: only then does SQLite see that
/// it can use it.
pub(crate) const OWNED: &str = "(held = 1 OR verification_state IN ('by_code', 'by_admin'))";

#[async_trait]
impl UserDirectory for SqliteStore {
    async fn owner_of(&self, number: &E164) -> Result<Option<UserId>, StoreError> {
        let number = number.clone();
        self.readers
            .read(move |connection| {
                let id: Option<String> = phone_numbers::table
                    .filter(phone_numbers::number.eq(number.as_str()))
                    .filter(sql::<Bool>(OWNED))
                    .select(phone_numbers::user_id)
                    .first(connection)
                    .optional()?;
                user_id(id)
            })
            .await
    }

    async fn user_with(&self, id: &PhoneNumberId) -> Result<Option<UserId>, StoreError> {
        let id = id.clone();
        self.readers
            .read(move |connection| {
                let id: Option<String> = phone_numbers::table
                    .filter(phone_numbers::id.eq(id.as_str()))
                    .select(phone_numbers::user_id)
                    .first(connection)
                    .optional()?;
                user_id(id)
            })
            .await
    }

    async fn list(&self, query: &UserQuery) -> Result<Vec<User>, StoreError> {
        let query = query.clone();
        self.searches.read(move |connection| list(connection, &query)).await
    }

    async fn count(&self, filter: &UserFilter) -> Result<u64, StoreError> {
        let filter = filter.clone();
        self.searches
            .read(move |connection| {
                let mut counted = users::table.select(diesel::dsl::count_star()).into_boxed();
                for condition in conditions(&filter) {
                    counted = counted.filter(condition);
                }
                let count: i64 = counted.first(connection)?;
                Ok(count.unsigned_abs())
            })
            .await
    }
}

fn list(connection: &mut SqliteConnection, query: &UserQuery) -> Result<Vec<User>, ReadError> {
    let mut found = users::table
        .select(UserRow::as_select())
        .limit(i64::from(query.limit))
        .offset(i64::try_from(query.offset).unwrap_or(i64::MAX))
        .into_boxed();
    for condition in conditions(&query.filter) {
        found = found.filter(condition);
    }
    for term in order(query.order_by, query.direction) {
        found = found.then_order_by(term);
    }
    let users = found.load(connection)?;
    with_belongings(connection, users)
}

/// Reads what belongs to all these users at once.
fn with_belongings(connection: &mut SqliteConnection, users: Vec<UserRow>) -> Result<Vec<User>, ReadError> {
    let ids: Vec<&str> = users.iter().map(|user| user.id.as_str()).collect();
    let numbers = phone_numbers::table
        .filter(phone_numbers::user_id.eq_any(&ids))
        .order_by((phone_numbers::created_at_ms, phone_numbers::id))
        .select(PhoneNumberRow::as_select())
        .load(connection)?;
    let codes = backup_codes::table
        .filter(backup_codes::user_id.eq_any(&ids))
        .order_by(backup_codes::position)
        .select(BackupCodeRow::as_select())
        .load(connection)?;
    let mut numbers = by_user(numbers, |row: &PhoneNumberRow| row.user_id.clone());
    let mut codes = by_user(codes, |row: &BackupCodeRow| row.user_id.clone());
    let join = |user: UserRow| {
        let numbers = numbers.remove(&user.id).unwrap_or_default();
        let codes = codes.remove(&user.id).unwrap_or_default();
        Ok(user.into_user(numbers, codes)?)
    };
    users.into_iter().map(join).collect()
}

fn by_user<R>(rows: Vec<R>, user: impl Fn(&R) -> String) -> HashMap<String, Vec<R>> {
    let mut sorted: HashMap<String, Vec<R>> = HashMap::new();
    for row in rows {
        sorted.entry(user(&row)).or_default().push(row);
    }
    sorted
}

fn user_id(id: Option<String>) -> Result<Option<UserId>, ReadError> {
    let parse = |id: String| id.parse().map_err(|error| corrupt("phone_numbers, user_id", &id, error).into());
    id.map(parse).transpose()
}
