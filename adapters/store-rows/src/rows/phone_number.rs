//! Phone numbers as rows.

use diesel::prelude::*;
use phoneproof_domain::ports::StoreError;
use phoneproof_domain::{Closed, PhoneNumber, Timestamp, User, Verification};
use serde::{Deserialize, Serialize};

use super::{Place, document, millis, time};
use crate::hex;
use crate::schema::phone_numbers;

/// A row of `phone_numbers`. Its number never changes: another number is another row.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = phone_numbers, treat_none_as_default_value = false)]
pub struct PhoneNumberRow {
    /// Whose it is.
    pub user_id: String,
    /// Its id.
    pub id: String,
    /// The number, E.164.
    pub number: String,
    /// What changes.
    #[diesel(embed)]
    pub state: PhoneNumberState,
}

/// The columns that change.
#[expect(clippy::struct_excessive_bools, reason = "each is a column")]
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset, Serialize, Deserialize)]
#[diesel(table_name = phone_numbers)]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct PhoneNumberState {
    held: bool,
    reserved_for_second_factor: bool,
    /// Whether it is the user's default second factor.
    pub default_second_factor: bool,
    verification_state: String,
    attempts: Option<i32>,
    #[serde(with = "hex::optional")]
    code_hash: Option<Vec<u8>>,
    prepared_at_ms: Option<i64>,
    expires_at_ms: Option<i64>,
    created_at_ms: i64,
    updated_at_ms: i64,
    by_back_end: Option<String>,
    linked: bool,
    /// Of a number `by_admin`: whether the word is the identity provider's and not a back end's. Not a state of its own, so
    /// that a process of the version before reads a verified number, and so that the indexes stay as they are.
    by_provider: bool,
}

impl PhoneNumberRow {
    /// All numbers of a user.
    #[must_use]
    pub fn all_of(user: &User) -> Vec<Self> {
        let row = |number: &PhoneNumber| Self {
            user_id: user.id.as_str().to_owned(),
            id: number.id.as_str().to_owned(),
            number: number.number.as_str().to_owned(),
            state: PhoneNumberState::of(number, user.phones.is_default_second_factor(&number.id)),
        };
        user.phones.numbers().iter().map(row).collect()
    }

    /// The phone number of a row.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn into_number(self) -> Result<PhoneNumber, StoreError> {
        let place = Place {
            table: "phone_numbers",
            key: &self.id,
        };
        let by_back_end = self.state.by_back_end.as_deref();
        let by_back_end = by_back_end.map(|text| place.document("by_back_end", text));
        let verification = self.state.verification(place)?;
        Ok(PhoneNumber {
            id: place.parsed("id", &self.id)?,
            // Not shown when it is wrong: it may well be a number.
            number: place.parsed("number", &self.number)?,
            // A process of the version before does not unlink what it takes the proof from.
            linked: self.state.linked && verification.is_verified(),
            verification,
            by_back_end: by_back_end.transpose()?,
            held: self.state.held,
            reserved_for_second_factor: self.state.reserved_for_second_factor,
            created_at: Timestamp::from_millis(self.state.created_at_ms),
            updated_at: Timestamp::from_millis(self.state.updated_at_ms),
        })
    }
}

impl PhoneNumberState {
    fn of(number: &PhoneNumber, default_second_factor: bool) -> Self {
        let verification = &number.verification;
        let (state, code) = match verification {
            Verification::Unprepared => ("unprepared", None),
            Verification::Running { code, .. } => ("running", Some(code.as_bytes().to_vec())),
            Verification::Failed(_) => ("failed", None),
            Verification::Expired(_) => ("expired", None),
            Verification::ByCode { .. } => ("by_code", None),
            Verification::ByAdmin | Verification::ByProvider => ("by_admin", None),
        };
        Self {
            held: number.held,
            reserved_for_second_factor: number.reserved_for_second_factor,
            default_second_factor,
            verification_state: state.to_owned(),
            attempts: verification.attempts().map(i32::from),
            code_hash: code,
            prepared_at_ms: millis(verification.prepared_at()),
            expires_at_ms: millis(verification.expires_at()),
            created_at_ms: number.created_at.as_millis(),
            updated_at_ms: number.updated_at.as_millis(),
            by_back_end: number.by_back_end.as_ref().map(document),
            linked: number.linked,
            by_provider: *verification == Verification::ByProvider,
        }
    }

    fn verification(&self, place: Place<'_>) -> Result<Verification, StoreError> {
        let code = self.code_hash.as_deref().map(|hash| place.hash("code_hash", hash));
        let attempts = self
            .attempts
            .map(|count| u8::try_from(count).map_err(|error| place.corrupt("attempts", error)));
        let (code, attempts) = (code.transpose()?, attempts.transpose()?);
        let (prepared_at, expires_at) = (time(self.prepared_at_ms), time(self.expires_at_ms));
        match (
            self.verification_state.as_str(),
            code,
            attempts,
            prepared_at,
            expires_at,
        ) {
            ("unprepared", None, None, None, None) => Ok(Verification::Unprepared),
            ("running", Some(code), Some(attempts), Some(prepared_at), Some(expires_at)) => Ok(Verification::Running {
                code,
                attempts,
                prepared_at,
                expires_at,
            }),
            (state @ ("failed" | "expired"), None, Some(attempts), Some(prepared_at), Some(expires_at)) => {
                let closed = Closed {
                    attempts,
                    prepared_at,
                    expires_at,
                };
                Ok(if state == "failed" {
                    Verification::Failed(closed)
                } else {
                    Verification::Expired(closed)
                })
            }
            ("by_code", None, Some(attempts), None, Some(expires_at)) => {
                Ok(Verification::ByCode { attempts, expires_at })
            }
            ("by_admin", None, None, None, None) if self.by_provider => Ok(Verification::ByProvider),
            ("by_admin", None, None, None, None) => Ok(Verification::ByAdmin),
            (state, ..) => Err(place.corrupt(
                "verification_state",
                format!("`{state}` does not fit the other columns"),
            )),
        }
    }
}
