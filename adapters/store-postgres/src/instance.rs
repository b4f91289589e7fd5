//! `InstanceDirectory`: settings and blocklist.

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use phoneproof_domain::ports::{InstanceDirectory, StoreError};
use phoneproof_domain::{BlockedNumber, BlocklistId, E164, InstanceSettings, SettingsChange};
use phoneproof_store_rows::instance::{BlockedRow, blocked_number, changed_settings, settings};
use phoneproof_store_rows::schema::{blocklist, instance_settings};

use crate::PostgresStore;
use crate::errors::Failure;
use crate::transaction::{Step, commit};

#[async_trait]
impl InstanceDirectory for PostgresStore {
    async fn settings(&self) -> Result<InstanceSettings, StoreError> {
        self.connections.read(async |connection| load(connection).await).await
    }

    async fn change_settings(&self, change: SettingsChange) -> Result<InstanceSettings, StoreError> {
        let changed = self
            .connections
            .write(put(&change), |connection, steps| commit(connection, steps).boxed());
        changed.await?;
        self.settings().await
    }

    async fn block(&self, number: &BlockedNumber) -> Result<BlockedNumber, StoreError> {
        let blocked = self
            .connections
            .write(number.clone(), |connection, new| block(connection, new).boxed());
        Ok(blocked.await?)
    }

    async fn unblock(&self, id: &BlocklistId) -> Result<Option<BlockedNumber>, StoreError> {
        let unblocked = self
            .connections
            .write(id.as_str().to_owned(), |connection, id| unblock(connection, id).boxed());
        Ok(unblocked.await?)
    }

    async fn blocked(&self) -> Result<Vec<BlockedNumber>, StoreError> {
        self.connections.read(async |connection| list(connection).await).await
    }

    async fn is_blocked(&self, number: &E164) -> Result<bool, StoreError> {
        let number = number.as_str();
        self.connections
            .read(async |connection| is_blocked(connection, number).await)
            .await
    }
}

async fn load(mut connection: &AsyncPgConnection) -> Result<InstanceSettings, Failure> {
    let rows: Vec<(String, String)> = instance_settings::table.load(&mut connection).await?;
    Ok(settings(&rows)?)
}

fn put(change: &SettingsChange) -> Vec<Step> {
    let changed = changed_settings(change).into_iter();
    let steps = changed.map(|(name, value)| {
        let put = diesel::insert_into(instance_settings::table)
            .values((
                instance_settings::name.eq(name),
                instance_settings::value.eq(value.clone()),
            ))
            .on_conflict(instance_settings::name)
            .do_update()
            .set(instance_settings::value.eq(value));
        Step::new(put)
    });
    steps.collect()
}

async fn block(mut connection: &AsyncPgConnection, new: &BlockedNumber) -> Result<BlockedNumber, Failure> {
    // The entry that is there is given its own number once more: only so is it answered, whoever put it there, and whether
    // or not somebody takes it off at this moment.
    let there: BlockedRow = diesel::insert_into(blocklist::table)
        .values((
            blocklist::number.eq(new.number.as_str()),
            blocklist::id.eq(new.id.as_str()),
            blocklist::created_at_ms.eq(new.created_at.as_millis()),
        ))
        .on_conflict(blocklist::number)
        .do_update()
        .set(blocklist::number.eq(new.number.as_str()))
        .get_result(&mut connection)
        .await?;
    Ok(blocked_number(there)?)
}

async fn unblock(mut connection: &AsyncPgConnection, id: &str) -> Result<Option<BlockedNumber>, Failure> {
    let gone: Option<BlockedRow> = diesel::delete(blocklist::table.filter(blocklist::id.eq(id)))
        .get_result(&mut connection)
        .await
        .optional()?;
    Ok(gone.map(blocked_number).transpose()?)
}

async fn list(mut connection: &AsyncPgConnection) -> Result<Vec<BlockedNumber>, Failure> {
    let rows: Vec<BlockedRow> = blocklist::table
        .order((blocklist::created_at_ms.desc(), blocklist::id.desc()))
        .load(&mut connection)
        .await?;
    Ok(rows.into_iter().map(blocked_number).collect::<Result<_, _>>()?)
}

async fn is_blocked(mut connection: &AsyncPgConnection, number: &str) -> Result<bool, Failure> {
    let found = diesel::select(diesel::dsl::exists(blocklist::table.find(number)));
    Ok(found.get_result(&mut connection).await?)
}
