//! `InstanceDirectory`: settings and blocklist.

use async_trait::async_trait;
use diesel::prelude::*;
use phoneproof_domain::ports::{InstanceDirectory, StoreError};
use phoneproof_domain::{BlockedNumber, BlocklistId, Country, E164, InstanceSettings, SettingsChange, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::SqliteStore;
use crate::errors::Failure;
use crate::rows::{Place, document};
use crate::schema::{blocklist, instance_settings};

const BLOCKED_COUNTRIES: &str = "blocked_countries";
const TEST_MODE: &str = "test_mode";
const ALLOWED_ORIGINS: &str = "allowed_origins";

type BlockedRow = (String, String, i64);

#[async_trait]
impl InstanceDirectory for SqliteStore {
    async fn settings(&self) -> Result<InstanceSettings, StoreError> {
        self.readers
            .read(|connection| {
                let rows: Vec<(String, String)> = instance_settings::table.load(connection)?;
                let countries: Option<Vec<String>> = value(&rows, BLOCKED_COUNTRIES)?;
                let place = place(BLOCKED_COUNTRIES);
                let countries = countries.unwrap_or_default().into_iter().map(|code| {
                    let country: Result<Country, _> = code.parse();
                    country.map_err(|error| place.corrupt("value", error))
                });
                Ok(InstanceSettings {
                    blocked_countries: countries.collect::<Result<_, _>>()?,
                    test_mode: value(&rows, TEST_MODE)?,
                    allowed_origins: value(&rows, ALLOWED_ORIGINS)?,
                })
            })
            .await
    }

    async fn change_settings(&self, change: SettingsChange) -> Result<InstanceSettings, StoreError> {
        self.written(move |connection| {
            let countries = change.blocked_countries.as_ref();
            let countries: Option<Vec<&str>> =
                countries.map(|countries| countries.iter().map(Country::as_str).collect());
            put(connection, BLOCKED_COUNTRIES, countries.as_ref())?;
            put(connection, TEST_MODE, change.test_mode.as_ref())?;
            put(connection, ALLOWED_ORIGINS, change.allowed_origins.as_ref())
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
            Ok(entry(there)?)
        })
        .await
    }

    async fn unblock(&self, id: &BlocklistId) -> Result<Option<BlockedNumber>, StoreError> {
        let id = id.as_str().to_owned();
        self.written(move |connection| {
            let found = blocklist::table.filter(blocklist::id.eq(&id));
            let row: Option<BlockedRow> = found.first(connection).optional()?;
            diesel::delete(found).execute(connection)?;
            Ok(row.map(entry).transpose()?)
        })
        .await
    }

    async fn blocked(&self) -> Result<Vec<BlockedNumber>, StoreError> {
        self.readers
            .read(|connection| {
                let rows: Vec<BlockedRow> = blocklist::table
                    .order((blocklist::created_at_ms.desc(), blocklist::id.desc()))
                    .load(connection)?;
                Ok(rows.into_iter().map(entry).collect::<Result<_, _>>()?)
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

fn place(name: &str) -> Place<'_> {
    Place {
        table: "instance_settings",
        key: name,
    }
}

fn value<T: DeserializeOwned>(rows: &[(String, String)], name: &str) -> Result<Option<T>, StoreError> {
    let found = rows.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| place(name).document("value", value)).transpose()
}

fn put(connection: &mut SqliteConnection, name: &str, value: Option<&impl Serialize>) -> Result<(), Failure> {
    let Some(value) = value else { return Ok(()) };
    let value = document(value);
    diesel::insert_into(instance_settings::table)
        .values((instance_settings::name.eq(name), instance_settings::value.eq(&value)))
        .on_conflict(instance_settings::name)
        .do_update()
        .set(instance_settings::value.eq(&value))
        .execute(connection)?;
    Ok(())
}

fn entry((number, id, created_at): BlockedRow) -> Result<BlockedNumber, StoreError> {
    let place = Place {
        table: "blocklist",
        key: &id,
    };
    Ok(BlockedNumber {
        number: place.parsed("number", &number)?,
        id: place.parsed("id", &id)?,
        created_at: Timestamp::from_millis(created_at),
    })
}
