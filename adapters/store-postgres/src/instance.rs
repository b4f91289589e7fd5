//! `InstanceDirectory`: settings and lists of numbers.

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use phoneproof_domain::ports::{InstanceDirectory, StoreError};
use phoneproof_domain::{
    AllowedNumber, AllowlistId, BlockedNumber, BlocklistId, E164, InstanceSettings, SettingsChange,
};
use phoneproof_store_rows::instance::{changed_settings, settings};
use phoneproof_store_rows::schema::instance_settings;

use crate::PostgresStore;
use crate::errors::Failure;
use crate::transaction::{Step, commit};

/// A list of numbers, in a module of its own: both tables are alike, and Diesel takes them for different ones.
macro_rules! number_list {
    ($table:ident of $Id:ty) => {
        mod $table {
            use diesel::prelude::*;
            use diesel_async::{AsyncPgConnection, RunQueryDsl};
            use phoneproof_domain::ListedNumber;
            use phoneproof_store_rows::instance::{ListedRow, listed_number};
            use phoneproof_store_rows::schema::$table;

            use crate::errors::Failure;

            type Entry = ListedNumber<$Id>;

            const TABLE: &str = stringify!($table);

            /// Answers the entry that is there then.
            pub(super) async fn put(mut connection: &AsyncPgConnection, new: &Entry) -> Result<Entry, Failure> {
                // The entry that is there is given its own number once more: only so is it answered, whoever put it
                // there, and whether or not somebody takes it off at this moment.
                let there: ListedRow = diesel::insert_into($table::table)
                    .values((
                        $table::number.eq(new.number.as_str()),
                        $table::id.eq(new.id.as_str()),
                        $table::created_at_ms.eq(new.created_at.as_millis()),
                    ))
                    .on_conflict($table::number)
                    .do_update()
                    .set($table::number.eq(new.number.as_str()))
                    .get_result(&mut connection)
                    .await?;
                Ok(listed_number(TABLE, there)?)
            }

            /// Answers what was there.
            pub(super) async fn take(mut connection: &AsyncPgConnection, id: &str) -> Result<Option<Entry>, Failure> {
                let gone: Option<ListedRow> = diesel::delete($table::table.filter($table::id.eq(id)))
                    .get_result(&mut connection)
                    .await
                    .optional()?;
                Ok(gone.map(|row| listed_number(TABLE, row)).transpose()?)
            }

            /// Newest first.
            pub(super) async fn all(mut connection: &AsyncPgConnection) -> Result<Vec<Entry>, Failure> {
                let rows: Vec<ListedRow> = $table::table
                    .order(($table::created_at_ms.desc(), $table::id.desc()))
                    .load(&mut connection)
                    .await?;
                let entries = rows.into_iter().map(|row| listed_number(TABLE, row));
                Ok(entries.collect::<Result<_, _>>()?)
            }

            pub(super) async fn has(mut connection: &AsyncPgConnection, number: &str) -> Result<bool, Failure> {
                let found = diesel::select(diesel::dsl::exists($table::table.find(number)));
                Ok(found.get_result(&mut connection).await?)
            }
        }
    };
}

number_list!(allowlist of phoneproof_domain::AllowlistId);
number_list!(blocklist of phoneproof_domain::BlocklistId);

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
        let blocked = self.connections.write(number.clone(), |connection, new| {
            blocklist::put(connection, new).boxed()
        });
        Ok(blocked.await?)
    }

    async fn unblock(&self, id: &BlocklistId) -> Result<Option<BlockedNumber>, StoreError> {
        let unblocked = self.connections.write(id.as_str().to_owned(), |connection, id| {
            blocklist::take(connection, id).boxed()
        });
        Ok(unblocked.await?)
    }

    async fn blocked(&self) -> Result<Vec<BlockedNumber>, StoreError> {
        self.connections
            .read(async |connection| blocklist::all(connection).await)
            .await
    }

    async fn is_blocked(&self, number: &E164) -> Result<bool, StoreError> {
        let number = number.as_str();
        self.connections
            .read(async |connection| blocklist::has(connection, number).await)
            .await
    }

    async fn allow(&self, number: &AllowedNumber) -> Result<AllowedNumber, StoreError> {
        let allowed = self.connections.write(number.clone(), |connection, new| {
            allowlist::put(connection, new).boxed()
        });
        Ok(allowed.await?)
    }

    async fn disallow(&self, id: &AllowlistId) -> Result<Option<AllowedNumber>, StoreError> {
        let disallowed = self.connections.write(id.as_str().to_owned(), |connection, id| {
            allowlist::take(connection, id).boxed()
        });
        Ok(disallowed.await?)
    }

    async fn allowed(&self) -> Result<Vec<AllowedNumber>, StoreError> {
        self.connections
            .read(async |connection| allowlist::all(connection).await)
            .await
    }

    async fn is_allowed(&self, number: &E164) -> Result<bool, StoreError> {
        let number = number.as_str();
        self.connections
            .read(async |connection| allowlist::has(connection, number).await)
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
