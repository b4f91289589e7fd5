//! `Repository<User>`: one user, read as one. `save` writes it.

use async_trait::async_trait;
use diesel::prelude::*;
use phoneproof_domain::ports::{Loaded, Repository, Revision, StoreError};
use phoneproof_domain::{User, UserId};

use crate::SqliteStore;
use crate::readers::ReadError;
use phoneproof_store_rows::rows::{BackupCodeRow, PhoneNumberRow, UserRow};
use phoneproof_store_rows::schema::{backup_codes, phone_numbers, users};

#[async_trait]
impl Repository<User> for SqliteStore {
    async fn load(&self, id: &UserId) -> Result<Option<Loaded<User>>, StoreError> {
        let id = id.clone();
        self.readers.read(move |connection| load(connection, id.as_str())).await
    }
}

pub(crate) fn load(connection: &mut SqliteConnection, id: &str) -> Result<Option<Loaded<User>>, ReadError> {
    let found: Option<(i64, UserRow)> = users::table
        .find(id)
        .select((users::revision, UserRow::as_select()))
        // No `first`: its bound LIMIT makes SQLite prepare the statement anew each time.
        .get_result(connection)
        .optional()?;
    let Some((revision, user)) = found else {
        return Ok(None);
    };
    let numbers = phone_numbers::table
        .filter(phone_numbers::user_id.eq(id))
        .order_by((phone_numbers::created_at_ms, phone_numbers::id))
        .select(PhoneNumberRow::as_select())
        .load(connection)?;
    let codes = backup_codes::table
        .filter(backup_codes::user_id.eq(id))
        .order_by(backup_codes::position)
        .select(BackupCodeRow::as_select())
        .load(connection)?;
    Ok(Some(Loaded {
        aggregate: user.into_user(numbers, codes)?,
        revision: Revision(revision),
    }))
}
