//! The port's words for what goes wrong.

use phoneproof_domain::ports::{BoxError, StoreError};

/// The store cannot serve, and why.
pub fn unavailable(cause: impl Into<BoxError>) -> StoreError {
    StoreError::Unavailable(cause.into())
}

/// A row that none of our changes could have written.
pub fn corrupt(table: &str, key: &str, cause: impl Into<BoxError>) -> StoreError {
    StoreError::Corrupt {
        place: format!("{table} {key}"),
        source: cause.into(),
    }
}
