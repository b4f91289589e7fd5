//! Rows as they move from one store into another: all columns, revisions included, as JSON.

use diesel::prelude::*;
use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::{CopyMark, Event, Part, QueuedEvent, Record, StoreError, StoredKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::rows::{BackupCodeRow, ClientRow, MessageRow, PhoneNumberRow, Place, SessionRow, SignInTokenRow, UserRow};
use crate::schema::{
    allowlist, blocklist, clients, copies, instance_settings, sign_in_tokens, signing_keys, users, webhook_events,
};
use crate::{corrupt, hex, unavailable};

/// A row that moves.
pub trait Archived: Serialize + DeserializeOwned {
    /// What identifies it in its table.
    fn key(&self) -> String;
}

macro_rules! with_revision {
    ($(#[$meta:meta])* $name:ident = $row:ident of $table:ident) => {
        $(#[$meta])*
        #[derive(Debug, Insertable, Serialize, Deserialize)]
        #[diesel(table_name = $table, treat_none_as_default_value = false)]
        pub struct $name {
            #[diesel(embed)]
            row: $row,
            revision: i64,
        }

        // Not `Selectable`: with the columns of `row` inside a struct the compiler takes over 20 seconds for one query.
        impl From<($row, i64)> for $name {
            fn from((row, revision): ($row, i64)) -> Self {
                Self { row, revision }
            }
        }

        impl Archived for $name {
            fn key(&self) -> String {
                self.row.id.clone()
            }
        }
    };
}

with_revision! {
    /// All of a row of `users`.
    WholeUserRow = UserRow of users
}
with_revision! {
    /// All of a row of `clients`.
    WholeClientRow = ClientRow of clients
}
with_revision! {
    /// All of a row of `sign_in_tokens`.
    WholeSignInTokenRow = SignInTokenRow of sign_in_tokens
}

macro_rules! moved {
    ($(#[$meta:meta])* $name:ident of $table:ident by $key:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Queryable, Selectable, Insertable, Serialize, Deserialize)]
        #[diesel(table_name = $table, treat_none_as_default_value = false)]
        pub struct $name { $($(#[$attribute])* $field: $type,)* }

        impl Archived for $name {
            fn key(&self) -> String {
                self.$key.clone()
            }
        }
    };
}

moved! {
    /// A row of `signing_keys`.
    SigningKeyRow of signing_keys by id {
        id: String,
        #[serde(with = "hex")]
        sealed: Vec<u8>,
        signs_from_ms: i64,
        retires_at_ms: Option<i64>,
    }
}
moved! {
    /// A row of `webhook_events`.
    EventRow of webhook_events by id {
        id: String,
        kind: String,
        body: String,
        created_at_ms: i64,
        due_at_ms: Option<i64>,
        tries: i32,
        delivered_at_ms: Option<i64>,
        last_error: Option<String>,
    }
}
moved! {
    /// A row of `instance_settings`.
    SettingRow of instance_settings by name {
        name: String,
        value: String,
    }
}
moved! {
    /// A row of `blocklist`.
    BlockedNumberRow of blocklist by number {
        number: String,
        id: String,
        created_at_ms: i64,
    }
}

moved! {
    /// A row of `allowlist`.
    AllowedNumberRow of allowlist by number {
        number: String,
        id: String,
        created_at_ms: i64,
    }
}

impl SigningKeyRow {
    /// The row of a key.
    #[must_use]
    pub fn of(key: &StoredKey) -> Self {
        Self {
            id: key.id.clone(),
            sealed: key.sealed.clone(),
            signs_from_ms: key.signs_from.as_millis(),
            retires_at_ms: key.retires_at.map(Timestamp::as_millis),
        }
    }

    /// The key of a row.
    #[must_use]
    pub fn into_key(self) -> StoredKey {
        StoredKey {
            id: self.id,
            sealed: self.sealed,
            signs_from: Timestamp::from_millis(self.signs_from_ms),
            retires_at: self.retires_at_ms.map(Timestamp::from_millis),
        }
    }
}

impl EventRow {
    /// The row of a new event, due at once.
    #[must_use]
    pub fn queued(event: &Event) -> Self {
        Self {
            id: event.id.clone(),
            kind: event.kind.clone(),
            body: event.body.clone(),
            created_at_ms: event.at.as_millis(),
            due_at_ms: Some(event.at.as_millis()),
            tries: 0,
            delivered_at_ms: None,
            last_error: None,
        }
    }

    /// The event of a row.
    #[must_use]
    pub fn into_queued(self) -> QueuedEvent {
        QueuedEvent {
            tries: self.tries.unsigned_abs(),
            event: Event {
                id: self.id,
                kind: self.kind,
                body: self.body,
                at: Timestamp::from_millis(self.created_at_ms),
            },
        }
    }
}

impl Archived for PhoneNumberRow {
    fn key(&self) -> String {
        self.id.clone()
    }
}

impl Archived for SessionRow {
    fn key(&self) -> String {
        self.id.clone()
    }
}

impl Archived for MessageRow {
    fn key(&self) -> String {
        self.id.clone()
    }
}

impl Archived for BackupCodeRow {
    fn key(&self) -> String {
        format!("{}/{}", self.user_id, self.position)
    }
}

impl BackupCodeRow {
    /// User and position of a key.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn parse_key(key: &str) -> Result<(String, i32), StoreError> {
        let parts = key.rsplit_once('/').and_then(|(user, position)| {
            let position = position.parse().ok()?;
            Some((user.to_owned(), position))
        });
        parts.ok_or_else(|| corrupt("copies", key, "no key of a backup code"))
    }
}

/// Rows of `limits`, which has no key: all that are alike, and how many they are.
#[derive(Debug, Queryable, Serialize, Deserialize)]
pub struct LimitRows {
    /// What is counted.
    pub key: String,
    /// When it happened.
    pub at_ms: i64,
    /// When nothing looks back to it any more.
    pub forget_at_ms: i64,
    /// How many rows say so.
    pub times: i64,
}

impl Archived for LimitRows {
    fn key(&self) -> String {
        format!("{}/{}/{}", self.key, self.at_ms, self.forget_at_ms)
    }
}

impl LimitRows {
    /// The columns of a key.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn parse_key(key: &str) -> Result<(String, i64, i64), StoreError> {
        let mut parts = key.rsplitn(3, '/');
        let (forget_at, at, of) = (parts.next(), parts.next(), parts.next());
        let number = |text: Option<&str>| text.and_then(|text| text.parse().ok());
        let columns = of.zip(number(at)).zip(number(forget_at));
        let ((of, at), forget_at) = columns.ok_or_else(|| corrupt("copies", key, "no key of a limit"))?;
        Ok((of.to_owned(), at, forget_at))
    }
}

/// The records of rows.
///
/// # Errors
/// [`StoreError::Unavailable`] if a row cannot be written as JSON, which texts and numbers always can.
pub fn records<R: Archived>(rows: &[R]) -> Result<Vec<Record>, StoreError> {
    let record = |row: &R| {
        let content = serde_json::to_string(row).map_err(unavailable)?;
        Ok(Record {
            key: row.key(),
            content,
        })
    };
    rows.iter().map(record).collect()
}

/// The rows of records.
///
/// # Errors
/// [`StoreError::Corrupt`] if one is none.
pub fn rows<R: Archived>(records: &[Record]) -> Result<Vec<R>, StoreError> {
    let row = |record: &Record| {
        let row = serde_json::from_str(&record.content);
        row.map_err(|error| corrupt("the archive", &record.key, error))
    };
    records.iter().map(row).collect()
}

/// One page of a table, as records: the rows after the key `$after`, `$limit` of them at most. `$load!` runs a query, and
/// `$whole = $row` is a row together with its revision.
#[macro_export]
macro_rules! page_of {
    (@rows $table:ident by $key:ident, $after:ident, $limit:ident) => {
        // No key is empty: all of them come after the empty one.
        $table::table
            .filter($table::$key.gt($after.unwrap_or_default()))
            .order_by($table::$key)
            .limit($limit.into())
    };
    ($load:ident, $after:ident, $limit:ident, $row:ident: $table:ident by $key:ident) => {{
        let page = $crate::page_of!(@rows $table by $key, $after, $limit);
        let rows: Vec<$row> = $load!(page.select($row::as_select()));
        $crate::archive::records(&rows)?
    }};
    ($load:ident, $after:ident, $limit:ident, $whole:ident = $row:ident: $table:ident by $key:ident) => {{
        let page = $crate::page_of!(@rows $table by $key, $after, $limit);
        let rows: Vec<($row, i64)> = $load!(page.select(($row::as_select(), $table::revision)));
        $crate::archive::records(&rows.into_iter().map($whole::from).collect::<Vec<_>>())?
    }};
}

/// How far a copy is: the only row of `copies`.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = copies)]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct CopyRow {
    source: String,
    part: String,
    after: Option<String>,
}

impl CopyRow {
    /// The row of a mark.
    #[must_use]
    pub fn of(mark: &CopyMark) -> Self {
        Self {
            source: mark.source.clone(),
            part: mark.part.as_str().to_owned(),
            after: mark.after.clone(),
        }
    }

    /// The mark of a row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn into_mark(self) -> Result<CopyMark, StoreError> {
        let place = Place {
            table: "copies",
            key: &self.source,
        };
        Ok(CopyMark {
            part: place.parsed("part", &self.part)?,
            after: self.after,
            source: self.source,
        })
    }
}

/// Another copy has written, or ended, what this one was going to.
#[must_use]
pub fn overtaken() -> StoreError {
    unavailable("another copy into it is under way")
}

/// The table of a part.
#[must_use]
pub const fn table_of(part: Part) -> &'static str {
    match part {
        Part::Users => "users",
        Part::PhoneNumbers => "phone_numbers",
        Part::BackupCodes => "backup_codes",
        Part::Clients => "clients",
        Part::Sessions => "sessions",
        Part::SignInTokens => "sign_in_tokens",
        Part::SigningKeys => "signing_keys",
        Part::Limits => "limits",
        Part::Events => "webhook_events",
        Part::Messages => "sms_messages",
        Part::Settings => "instance_settings",
        Part::Blocklist => "blocklist",
        Part::Allowlist => "allowlist",
    }
}

/// One number that a statement answers.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct Number {
    /// The number.
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    pub number: i64,
}

/// Counts the records of [`Part::Limits`].
pub const COUNT_LIMITS: &str =
    "SELECT count(*) AS number FROM (SELECT DISTINCT key, at_ms, forget_at_ms FROM limits) AS alike";

/// A statement whose [`Number`] is 1 if any part has a row, else 0.
#[must_use]
pub fn any_row() -> String {
    let found = Part::ALL.map(|part| format!("EXISTS (SELECT 1 FROM {})", table_of(part)));
    format!(
        "SELECT CAST(CASE WHEN {} THEN 1 ELSE 0 END AS BIGINT) AS number",
        found.join(" OR ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_several_columns_are_read_as_they_were_written() {
        for of in ["a", "codes/number/+14155552671", "a/1/2", ""] {
            let row = LimitRows {
                key: of.to_owned(),
                at_ms: -1,
                forget_at_ms: i64::MAX,
                times: 3,
            };
            assert_eq!(LimitRows::parse_key(&row.key()).unwrap(), (of.to_owned(), -1, i64::MAX));
            let code = BackupCodeRow::stored(of.to_owned(), 9, Vec::new(), None);
            assert_eq!(BackupCodeRow::parse_key(&code.key()).unwrap(), (of.to_owned(), 9));
        }
        for none in ["", "a", "a/b", "a/1/b"] {
            assert!(LimitRows::parse_key(none).is_err(), "{none}");
        }
    }
}
