//! Settings and lists of numbers as rows.

use std::fmt::Display;
use std::str::FromStr;

use phoneproof_domain::ports::StoreError;
use phoneproof_domain::{Country, InstanceSettings, ListedNumber, SettingsChange, Timestamp};
use serde::de::DeserializeOwned;

use crate::rows::{Place, document};

const BLOCKED_COUNTRIES: &str = "blocked_countries";
const TEST_MODE: &str = "test_mode";
const ALLOWED_ORIGINS: &str = "allowed_origins";
const ALLOWLIST: &str = "allowlist";
const BLOCKLIST: &str = "blocklist";
const LISTS_SPARE_SIGN_INS: &str = "lists_spare_sign_ins";

/// Number, id and when it was put there.
pub type ListedRow = (String, String, i64);

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
        allowlist: value(rows, ALLOWLIST)?,
        blocklist: value(rows, BLOCKLIST)?,
        lists_spare_sign_ins: value(rows, LISTS_SPARE_SIGN_INS)?,
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
        (ALLOWLIST, change.allowlist.as_ref().map(document)),
        (BLOCKLIST, change.blocklist.as_ref().map(document)),
        (LISTS_SPARE_SIGN_INS, change.lists_spare_sign_ins.as_ref().map(document)),
    ];
    written
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// The entry that a row of the list `table` is.
///
/// # Errors
/// [`StoreError::Corrupt`].
pub fn listed_number<Id>(
    table: &'static str,
    (number, id, created_at): ListedRow,
) -> Result<ListedNumber<Id>, StoreError>
where
    Id: FromStr<Err: Display>,
{
    let place = Place { table, key: &id };
    Ok(ListedNumber {
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
