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

use crate::corrupt;

pub use backup_code::BackupCodeRow;
pub use client::{ClientRow, ClientState};
pub use message::{MessageProgress, MessageRow};
pub use phone_number::{PhoneNumberRow, PhoneNumberState};
pub use session::{SessionRow, SessionState, word as ending_word};
pub use sign_in_token::SignInTokenRow;
pub use user::{ProfileColumns, StandingColumns, UserRow};

/// Where a row stands, for whoever has to mend it.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The table.
    pub table: &'static str,
    /// What identifies the row.
    pub key: &'a str,
}

impl Place<'_> {
    /// The row has a value that none of our changes writes.
    #[must_use]
    pub fn corrupt(self, column: &str, what: impl Display) -> StoreError {
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

    /// Reads a document of the domain.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn document<T: DeserializeOwned>(self, column: &str, text: &str) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|error| self.corrupt(column, error))
    }

    /// Reads a value of the domain.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn parsed<T: std::str::FromStr<Err: Display>>(self, column: &str, text: &str) -> Result<T, StoreError> {
        text.parse().map_err(|error| self.corrupt(column, error))
    }
}

/// A document of the domain as JSON text. It holds texts, numbers and lists alone, which JSON can all say.
#[must_use]
pub fn document(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// What somebody else wrote, without what PostgreSQL cannot hold: a provider's answer must not keep a text from being
/// settled.
#[must_use]
pub fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn millis(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::as_millis)
}

fn time(millis: Option<i64>) -> Option<Timestamp> {
    millis.map(Timestamp::from_millis)
}
