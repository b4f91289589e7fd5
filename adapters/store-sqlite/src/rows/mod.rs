//! The rows of an aggregate: made from it, and made into it again.

mod backup_code;
mod client;
mod message;
mod phone_number;
mod session;
mod sign_in_token;
mod user;

use std::fmt::Display;

use phoneproof_domain::ports::StoreError;
use phoneproof_domain::{CodeHash, Timestamp, TokenHash};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::errors::corrupt;

pub(crate) use backup_code::BackupCodeRow;
pub(crate) use client::ClientRow;
pub(crate) use message::{MessageProgress, MessageRow};
pub(crate) use phone_number::PhoneNumberRow;
pub(crate) use session::{SessionRow, word as ending_word};
pub(crate) use sign_in_token::SignInTokenRow;
pub(crate) use user::UserRow;

/// Where a row stands, for whoever has to mend it.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) table: &'static str,
    pub(crate) key: &'a str,
}

impl Place<'_> {
    /// The row has a value that none of our changes writes.
    pub(crate) fn corrupt(self, column: &str, what: impl Display) -> StoreError {
        corrupt(self.table, self.key, format!("{column}: {what}"))
    }

    fn hash(self, column: &str, bytes: &[u8]) -> Result<CodeHash, StoreError> {
        let bytes = bytes.try_into().map_err(|_| self.corrupt(column, "not 32 bytes"))?;
        Ok(CodeHash::from_bytes(bytes))
    }

    fn token(self, column: &str, bytes: &[u8]) -> Result<TokenHash, StoreError> {
        let bytes = bytes.try_into().map_err(|_| self.corrupt(column, "not 32 bytes"))?;
        Ok(TokenHash::from_bytes(bytes))
    }

    pub(crate) fn document<T: DeserializeOwned>(self, column: &str, text: &str) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|error| self.corrupt(column, error))
    }

    pub(crate) fn parsed<T: std::str::FromStr<Err: Display>>(self, column: &str, text: &str) -> Result<T, StoreError> {
        text.parse().map_err(|error| self.corrupt(column, error))
    }
}

/// A document of the domain as JSON text. It holds texts, numbers and lists alone, which JSON can all say.
pub(crate) fn document(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn millis(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_millis)
}

fn time(millis: Option<i64>) -> Option<Timestamp> {
    millis.map(Timestamp::from_millis)
}
