//! Settings and blocklist as rows.

use phoneproof_domain::ports::StoreError;
use phoneproof_domain::{BlockedNumber, Country, InstanceSettings, SettingsChange, Timestamp};
use serde::de::DeserializeOwned;

use crate::rows::{Place, document};

const BLOCKED_COUNTRIES: &str = "blocked_countries";
const TEST_MODE: &str = "test_mode";
const ALLOWED_ORIGINS: &str = "allowed_origins";

/// Number, id and when it was put there.
pub type BlockedRow = (String, String, i64);

/// The settings of all rows, name and value.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn settings(rows: &[(String, String)]) -> Result<InstanceSettings, StoreError> {
    let countries: Option<Vec<String>> = value(rows, BLOCKED_COUNTRIES)?;
    let place = place(BLOCKED_COUNTRIES);
    let countries = countries.unwrap_or_default().into_iter().map(|code| {
        let country: Result<Country, _> = code.parse();
        country.map_err(|error| place.corrupt("value", error))
    });
    Ok(InstanceSettings {
        blocked_countries: countries.collect::<Result<_, _>>()?,
        test_mode: value(rows, TEST_MODE)?,
        allowed_origins: value(rows, ALLOWED_ORIGINS)?,
    })
}

/// The rows that a change of the settings writes, name and value.
#[must_use]
pub fn changed_settings(change: &SettingsChange) -> Vec<(&'static str, String)> {
    let countries = change.blocked_countries.as_ref();
    let countries: Option<Vec<&str>> = countries.map(|countries| countries.iter().map(Country::as_str).collect());
    let written = [
        (BLOCKED_COUNTRIES, countries.as_ref().map(document)),
        (TEST_MODE, change.test_mode.as_ref().map(document)),
        (ALLOWED_ORIGINS, change.allowed_origins.as_ref().map(document)),
    ];
    written
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// The entry of the blocklist that a row is.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn blocked_number((number, id, created_at): BlockedRow) -> Result<BlockedNumber, StoreError> {
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
