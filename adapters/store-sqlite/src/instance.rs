//! `InstanceDirectory`: settings and blocklist.

use async_trait::async_trait;
use diesel::prelude::*;
use phoneproof_domain::ports::{InstanceDirectory, StoreError};
use phoneproof_domain::{BlockedNumber, BlocklistId, E164, InstanceSettings, SettingsChange};
use phoneproof_store_rows::instance::{BlockedRow, blocked_number, changed_settings, settings};
use phoneproof_store_rows::schema::{blocklist, instance_settings};

use crate::SqliteStore;
use crate::errors::Failure;

#[async_trait]
impl InstanceDirectory for SqliteStore {
    async fn settings(&self) -> Result<InstanceSettings, StoreError> {
        self.readers
            .read(|connection| {
                let rows: Vec<(String, String)> = instance_settings::table.load(connection)?;
                Ok(settings(&rows)?)
            })
            .await
    }

    async fn change_settings(&self, change: SettingsChange) -> Result<InstanceSettings, StoreError> {
        self.written(move |connection| {
            changed_settings(&change)
                .iter()
                .try_for_each(|(name, value)| put(connection, name, value))
        })
        .await?;
        self.settings().await
    }

    async fn block(&self, number: &BlockedNumber) -> Result<BlockedNumber, StoreError> {
        let new = number.clone();
        self.written(move |connection| {
            diesel::insert_into(blocklist::table)
                .values((
                    blocklist::number.eq(new.number.as_str()),
                    blocklist::id.eq(new.id.as_str()),
                    blocklist::created_at_ms.eq(new.created_at.as_millis()),
                ))
                .on_conflict(blocklist::number)
                .do_nothing()
                .execute(connection)?;
            let there: BlockedRow = blocklist::table.find(new.number.as_str()).first(connection)?;
            Ok(blocked_number(there)?)
        })
        .await
    }

    async fn unblock(&self, id: &BlocklistId) -> Result<Option<BlockedNumber>, StoreError> {
        let id = id.as_str().to_owned();
        self.written(move |connection| {
            let found = blocklist::table.filter(blocklist::id.eq(&id));
            let row: Option<BlockedRow> = found.first(connection).optional()?;
            diesel::delete(found).execute(connection)?;
            Ok(row.map(blocked_number).transpose()?)
        })
        .await
    }

    async fn blocked(&self) -> Result<Vec<BlockedNumber>, StoreError> {
        self.readers
            .read(|connection| {
                let rows: Vec<BlockedRow> = blocklist::table
                    .order((blocklist::created_at_ms.desc(), blocklist::id.desc()))
                    .load(connection)?;
                Ok(rows.into_iter().map(blocked_number).collect::<Result<_, _>>()?)
            })
            .await
    }

    async fn is_blocked(&self, number: &E164) -> Result<bool, StoreError> {
        let number = number.as_str().to_owned();
        self.readers
            .read(move |connection| {
                let found = diesel::select(diesel::dsl::exists(blocklist::table.find(number)));
                Ok(found.get_result(connection)?)
            })
            .await
    }
}

fn put(connection: &mut SqliteConnection, name: &str, value: &str) -> Result<(), Failure> {
    diesel::insert_into(instance_settings::table)
        .values((instance_settings::name.eq(name), instance_settings::value.eq(value)))
        .on_conflict(instance_settings::name)
        .do_update()
        .set(instance_settings::value.eq(value))
        .execute(connection)?;
    Ok(())
}
