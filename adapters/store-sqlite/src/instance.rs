//! `InstanceDirectory`: settings and lists of numbers.

use async_trait::async_trait;
use diesel::prelude::*;
use phoneproof_domain::ports::{InstanceDirectory, StoreError};
use phoneproof_domain::{
    AllowedNumber, AllowlistId, BlockedNumber, BlocklistId, E164, InstanceSettings, SettingsChange,
};
use phoneproof_store_rows::instance::{changed_settings, settings};
use phoneproof_store_rows::schema::instance_settings;

use crate::SqliteStore;
use crate::errors::Failure;

/// A list of numbers, in a module of its own: both tables are alike, and Diesel takes them for different ones.
macro_rules! number_list {
    ($table:ident of $Id:ty) => {
        mod $table {
            use diesel::prelude::*;
            use phoneproof_domain::ListedNumber;
            use phoneproof_store_rows::instance::{ListedRow, listed_number};
            use phoneproof_store_rows::schema::$table;

            use crate::errors::Failure;
            use crate::readers::ReadError;

            type Entry = ListedNumber<$Id>;

            const TABLE: &str = stringify!($table);

            /// Answers the entry that is there then.
            pub(super) fn put(connection: &mut SqliteConnection, new: &Entry) -> Result<Entry, Failure> {
                diesel::insert_into($table::table)
                    .values((
                        $table::number.eq(new.number.as_str()),
                        $table::id.eq(new.id.as_str()),
                        $table::created_at_ms.eq(new.created_at.as_millis()),
                    ))
                    .on_conflict($table::number)
                    .do_nothing()
                    .execute(connection)?;
                let there: ListedRow = $table::table.find(new.number.as_str()).first(connection)?;
                Ok(listed_number(TABLE, there)?)
            }

            /// Answers what was there.
            pub(super) fn take(connection: &mut SqliteConnection, id: &str) -> Result<Option<Entry>, Failure> {
                let found = $table::table.filter($table::id.eq(id));
                let row: Option<ListedRow> = found.first(connection).optional()?;
                diesel::delete(found).execute(connection)?;
                Ok(row.map(|row| listed_number(TABLE, row)).transpose()?)
            }

            /// Newest first.
            pub(super) fn all(connection: &mut SqliteConnection) -> Result<Vec<Entry>, ReadError> {
                let rows: Vec<ListedRow> = $table::table
                    .order(($table::created_at_ms.desc(), $table::id.desc()))
                    .load(connection)?;
                let entries = rows.into_iter().map(|row| listed_number(TABLE, row));
                Ok(entries.collect::<Result<_, _>>()?)
            }

            pub(super) fn has(connection: &mut SqliteConnection, number: &str) -> Result<bool, ReadError> {
                let found = diesel::select(diesel::dsl::exists($table::table.find(number)));
                Ok(found.get_result(connection)?)
            }
        }
    };
}

number_list!(allowlist of phoneproof_domain::AllowlistId);
number_list!(blocklist of phoneproof_domain::BlocklistId);

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
        self.written(move |connection| blocklist::put(connection, &new)).await
    }

    async fn unblock(&self, id: &BlocklistId) -> Result<Option<BlockedNumber>, StoreError> {
        let id = id.as_str().to_owned();
        self.written(move |connection| blocklist::take(connection, &id)).await
    }

    async fn blocked(&self) -> Result<Vec<BlockedNumber>, StoreError> {
        self.readers.read(blocklist::all).await
    }

    async fn is_blocked(&self, number: &E164) -> Result<bool, StoreError> {
        let number = number.as_str().to_owned();
        self.readers
            .read(move |connection| blocklist::has(connection, &number))
            .await
    }

    async fn allow(&self, number: &AllowedNumber) -> Result<AllowedNumber, StoreError> {
        let new = number.clone();
        self.written(move |connection| allowlist::put(connection, &new)).await
    }

    async fn disallow(&self, id: &AllowlistId) -> Result<Option<AllowedNumber>, StoreError> {
        let id = id.as_str().to_owned();
        self.written(move |connection| allowlist::take(connection, &id)).await
    }

    async fn allowed(&self) -> Result<Vec<AllowedNumber>, StoreError> {
        self.readers.read(allowlist::all).await
    }

    async fn is_allowed(&self, number: &E164) -> Result<bool, StoreError> {
        let number = number.as_str().to_owned();
        self.readers
            .read(move |connection| allowlist::has(connection, &number))
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
