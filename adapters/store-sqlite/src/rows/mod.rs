//! The rows of an aggregate: made from it, and made into it again.

mod backup_code;
mod phone_number;
mod user;

use std::fmt::Display;

use phoneproof_domain::ports::StoreError;
use phoneproof_domain::{CodeHash, Timestamp};

use crate::errors::corrupt;

pub(crate) use backup_code::BackupCodeRow;
pub(crate) use phone_number::PhoneNumberRow;
pub(crate) use user::UserRow;

/// Where a row stands, for whoever has to mend it.
#[derive(Clone, Copy)]
struct Place<'a> {
    table: &'static str,
    key: &'a str,
}

impl Place<'_> {
    /// The row has a value that none of our changes writes.
    fn corrupt(self, column: &str, what: impl Display) -> StoreError {
        corrupt(self.table, self.key, format!("{column}: {what}"))
    }

    fn hash(self, column: &str, bytes: &[u8]) -> Result<CodeHash, StoreError> {
        let bytes = bytes.try_into().map_err(|_| self.corrupt(column, "not 32 bytes"))?;
        Ok(CodeHash::from_bytes(bytes))
    }

    fn parsed<T: std::str::FromStr<Err: Display>>(self, column: &str, text: &str) -> Result<T, StoreError> {
        text.parse().map_err(|error| self.corrupt(column, error))
    }
}

fn millis(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_millis)
}

fn time(millis: Option<i64>) -> Option<Timestamp> {
    millis.map(Timestamp::from_millis)
}
