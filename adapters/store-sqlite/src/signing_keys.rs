//! `SigningKeys`: the sealed keys that sign session tokens.

use async_trait::async_trait;
use diesel::prelude::*;
use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::{SigningKeys, StoreError, StoredKey};

use crate::SqliteStore;
use phoneproof_store_rows::archive::SigningKeyRow;
use phoneproof_store_rows::schema::signing_keys;

#[async_trait]
impl SigningKeys for SqliteStore {
    async fn all(&self) -> Result<Vec<StoredKey>, StoreError> {
        self.readers
            .read(|connection| {
                let keys: Vec<SigningKeyRow> = signing_keys::table
                    .order_by((signing_keys::signs_from_ms, signing_keys::id))
                    .select(SigningKeyRow::as_select())
                    .load(connection)?;
                Ok(keys.into_iter().map(SigningKeyRow::into_key).collect())
            })
            .await
    }

    async fn add_first(&self, key: &StoredKey) -> Result<(), StoreError> {
        let key = key.clone();
        self.written(move |connection| {
            let there: i64 = signing_keys::table.count().get_result(connection)?;
            if there == 0 {
                insert(connection, &key)?;
            }
            Ok(())
        })
        .await
    }

    async fn rotate(&self, key: &StoredKey, retire_others_at: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let key = key.clone();
        self.written(move |connection| {
            diesel::delete(signing_keys::table.filter(signing_keys::retires_at_ms.le(now.as_millis())))
                .execute(connection)?;
            diesel::update(signing_keys::table.filter(signing_keys::retires_at_ms.is_null()))
                .set(signing_keys::retires_at_ms.eq(retire_others_at.as_millis()))
                .execute(connection)?;
            insert(connection, &key)?;
            Ok(())
        })
        .await
    }
}

fn insert(connection: &mut SqliteConnection, key: &StoredKey) -> QueryResult<usize> {
    diesel::insert_into(signing_keys::table)
        .values(SigningKeyRow::of(key))
        .execute(connection)
}
