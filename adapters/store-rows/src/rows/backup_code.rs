//! Backup codes as rows: hashes, never codes.

use diesel::prelude::*;
use phoneproof_domain::ports::StoreError;
use phoneproof_domain::{StoredBackupCode, User};
use serde::{Deserialize, Serialize};

use super::{Place, millis, time};
use crate::hex;
use crate::schema::backup_codes;

/// A row of `backup_codes`.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset, Serialize, Deserialize)]
#[diesel(table_name = backup_codes, primary_key(user_id, position))]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct BackupCodeRow {
    /// Whose it is.
    pub user_id: String,
    /// Its place among the user's codes, from 0.
    pub position: i32,
    #[serde(with = "hex")]
    hash: Vec<u8>,
    used_at_ms: Option<i64>,
}

impl BackupCodeRow {
    /// All backup codes of a user, in order.
    #[must_use]
    pub fn all_of(user: &User) -> Vec<Self> {
        (0..)
            .zip(&user.phones.parts().backup_codes)
            .map(|(position, code)| Self {
                user_id: user.id.as_str().to_owned(),
                position,
                hash: code.hash.as_bytes().to_vec(),
                used_at_ms: millis(code.used_at),
            })
            .collect()
    }

    /// A row as it is kept.
    #[must_use]
    pub const fn stored(user_id: String, position: i32, hash: Vec<u8>, used_at_ms: Option<i64>) -> Self {
        Self {
            user_id,
            position,
            hash,
            used_at_ms,
        }
    }

    /// The code of a row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn into_code(self) -> Result<StoredBackupCode, StoreError> {
        let key = format!("{} {}", self.user_id, self.position);
        let place = Place {
            table: "backup_codes",
            key: &key,
        };
        Ok(StoredBackupCode {
            hash: place.hash("hash", &self.hash)?,
            used_at: time(self.used_at_ms),
        })
    }
}
