//! `SigningKeys`: the sealed keys that sign session tokens.

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::FutureExt;
use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::{SigningKeys, StoreError, StoredKey};
use phoneproof_store_rows::archive::SigningKeyRow;
use phoneproof_store_rows::schema::signing_keys;

use crate::PostgresStore;
use crate::errors::Failure;
use crate::transaction::{Step, within};

#[async_trait]
impl SigningKeys for PostgresStore {
    async fn all(&self) -> Result<Vec<StoredKey>, StoreError> {
        self.connections.read(async |connection| all(connection).await).await
    }

    async fn add_first(&self, key: &StoredKey) -> Result<(), StoreError> {
        let added = self.connections.write(key.clone(), |connection, key| {
            let work = async move {
                alone(connection).await?;
                let first = count(connection).await? == 0;
                Ok(((), first.then(|| insert(key)).into_iter().collect()))
            };
            within(connection, work).boxed()
        });
        Ok(added.await?)
    }

    async fn rotate(&self, key: &StoredKey, retire_others_at: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let rotated = self.connections.write(key.clone(), move |connection, key| {
            let work = async move {
                alone(connection).await?;
                Ok(((), vec![forget_retired(now), retire(retire_others_at), insert(key)]))
            };
            within(connection, work).boxed()
        });
        Ok(rotated.await?)
    }
}

/// One process after the other: there is no row yet that two of them could wait for each other at.
async fn alone(mut connection: &AsyncPgConnection) -> Result<(), Failure> {
    let lock = "LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE";
    Ok(connection.batch_execute(lock).await?)
}

async fn all(mut connection: &AsyncPgConnection) -> Result<Vec<StoredKey>, Failure> {
    let keys: Vec<SigningKeyRow> = signing_keys::table
        .order_by((signing_keys::signs_from_ms, signing_keys::id))
        .select(SigningKeyRow::as_select())
        .load(&mut connection)
        .await?;
    Ok(keys.into_iter().map(SigningKeyRow::into_key).collect())
}

async fn count(mut connection: &AsyncPgConnection) -> Result<i64, Failure> {
    Ok(signing_keys::table.count().get_result(&mut connection).await?)
}

fn insert(key: &StoredKey) -> Step {
    Step::new(diesel::insert_into(signing_keys::table).values(SigningKeyRow::of(key)))
}

/// Those that sign until now retire then.
fn retire(at: Timestamp) -> Step {
    let signing = signing_keys::table.filter(signing_keys::retires_at_ms.is_null());
    Step::new(diesel::update(signing).set(signing_keys::retires_at_ms.eq(at.as_millis())))
}

fn forget_retired(now: Timestamp) -> Step {
    let retired = signing_keys::table.filter(signing_keys::retires_at_ms.le(now.as_millis()));
    Step::new(diesel::delete(retired))
}
