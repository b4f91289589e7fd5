//! `Repository<User>`: one user, read as one. `save` writes it.

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use phoneproof_domain::ports::{Loaded, Repository, Revision, StoreError};
use phoneproof_domain::{User, UserId};
use phoneproof_store_rows::rows::{BackupCodeRow, PhoneNumberRow, UserRow};
use phoneproof_store_rows::schema::{phone_numbers, users};

use crate::PostgresStore;
use crate::errors::Failure;
use crate::fragments::{CodeHashes, CodeUses};

#[async_trait]
impl Repository<User> for PostgresStore {
    async fn load(&self, id: &UserId) -> Result<Option<Loaded<User>>, StoreError> {
        let id = id.as_str();
        self.connections
            .read(async |connection| load(connection, id).await)
            .await
    }
}

/// What one row of the statement has: the user again beside each number.
type Row = (i64, UserRow, Option<PhoneNumberRow>, Vec<Vec<u8>>, Vec<Option<i64>>);

/// One statement sees one moment: several would need a transaction around them.
async fn load(mut connection: &AsyncPgConnection, id: &str) -> Result<Option<Loaded<User>>, Failure> {
    let rows: Vec<Row> = users::table
        .left_join(phone_numbers::table)
        .filter(users::id.eq(id))
        .order_by((phone_numbers::created_at_ms, phone_numbers::id))
        .select((
            users::revision,
            UserRow::as_select(),
            Option::<PhoneNumberRow>::as_select(),
            CodeHashes,
            CodeUses,
        ))
        .load(&mut connection)
        .await?;
    let (mut first, mut numbers) = (None, Vec::new());
    for (revision, user, number, hashes, times) in rows {
        numbers.extend(number);
        first.get_or_insert((revision, user, hashes, times));
    }
    let Some((revision, user, hashes, times)) = first else {
        return Ok(None);
    };
    let codes = (0..).zip(hashes.into_iter().zip(times));
    let codes = codes.map(|(position, (hash, at))| BackupCodeRow::stored(user.id.clone(), position, hash, at));
    let codes = codes.collect();
    Ok(Some(Loaded {
        aggregate: user.into_user(numbers, codes)?,
        revision: Revision(revision),
    }))
}
