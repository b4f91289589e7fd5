//! Users as rows.

use diesel::prelude::*;
use phoneproof_domain::ports::StoreError;
use phoneproof_domain::{
    Metadata, PasswordHash, Profile, StoredPassword, Timestamp, User, UserPhones, UserPhonesParts,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{BackupCodeRow, PhoneNumberRow, Place, document, millis, time};
use crate::corrupt;
use crate::schema::users;

/// A row of `users`, but for the revision.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, Serialize, Deserialize)]
#[diesel(table_name = users, treat_none_as_default_value = false)]
pub struct UserRow {
    /// The user's id.
    pub id: String,
    /// What seldom changes.
    #[diesel(embed)]
    pub profile: ProfileColumns,
    /// What changes with the phone numbers.
    #[diesel(embed)]
    pub standing: StandingColumns,
}

/// The columns that seldom change: long ones and indexed ones, which are dear to write.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset, Serialize, Deserialize)]
#[diesel(table_name = users)]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct ProfileColumns {
    first_name: Option<String>,
    last_name: Option<String>,
    username: Option<String>,
    external_id: Option<String>,
    locale: Option<String>,
    notice_email: Option<String>,
    public_metadata: String,
    private_metadata: String,
    unsafe_metadata: String,
    created_at_ms: i64,
}

/// The columns that change with the phone numbers.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, AsChangeset, Serialize, Deserialize)]
#[diesel(table_name = users)]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
pub struct StandingColumns {
    banned: bool,
    locked_until_ms: Option<i64>,
    delete_self_enabled: bool,
    primary_phone_number_id: Option<String>,
    mfa_enabled_at_ms: Option<i64>,
    mfa_disabled_at_ms: Option<i64>,
    last_active_at_ms: Option<i64>,
    updated_at_ms: i64,
    password_hash: Option<String>,
    password_updated_at_ms: Option<i64>,
    password_compromised: bool,
    failures: Option<String>,
    texted_notices: Option<String>,
    external_account: Option<String>,
    credentials_generation: i64,
    sessions_generation: i64,
    last_sign_in_at_ms: Option<i64>,
}

impl UserRow {
    /// The row of a user.
    #[must_use]
    pub fn of(user: &User) -> Self {
        let (profile, phones) = (&user.profile, user.phones.parts());
        Self {
            id: user.id.as_str().to_owned(),
            profile: ProfileColumns {
                first_name: profile.first_name.as_ref().map(ToString::to_string),
                last_name: profile.last_name.as_ref().map(ToString::to_string),
                username: profile.username.as_ref().map(|name| name.as_str().to_owned()),
                external_id: profile.external_id.as_ref().map(ToString::to_string),
                locale: profile.locale.as_ref().map(ToString::to_string),
                notice_email: profile.notice_email.as_ref().map(ToString::to_string),
                public_metadata: json(&profile.public_metadata),
                private_metadata: json(&profile.private_metadata),
                unsafe_metadata: json(&profile.unsafe_metadata),
                created_at_ms: user.created_at.as_millis(),
            },
            standing: StandingColumns {
                banned: user.banned,
                locked_until_ms: millis(user.locked_until),
                delete_self_enabled: user.delete_self_enabled,
                primary_phone_number_id: phones.primary.as_ref().map(ToString::to_string),
                mfa_enabled_at_ms: millis(phones.mfa_enabled_at),
                mfa_disabled_at_ms: millis(phones.mfa_disabled_at),
                last_active_at_ms: millis(user.last_active_at),
                updated_at_ms: user.updated_at.as_millis(),
                password_hash: user.password.as_ref().map(|stored| stored.hash.as_str().to_owned()),
                password_compromised: user.password.as_ref().is_some_and(|stored| stored.compromised),
                password_updated_at_ms: user.password.as_ref().map(|stored| stored.updated_at.as_millis()),
                failures: (!user.failures.is_empty()).then(|| document(&user.failures)),
                texted_notices: (!user.texted_notices.is_empty()).then(|| document(&user.texted_notices)),
                external_account: user.external_account.as_ref().map(document),
                credentials_generation: user.credentials_generation,
                sessions_generation: user.sessions_generation,
                last_sign_in_at_ms: millis(user.last_sign_in_at),
            },
        }
    }

    /// Joins the rows of one user; the numbers oldest first, the codes in order.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn into_user(self, numbers: Vec<PhoneNumberRow>, codes: Vec<BackupCodeRow>) -> Result<User, StoreError> {
        let place = Place {
            table: "users",
            key: &self.id,
        };
        let Self { profile, standing, .. } = &self;
        let default = numbers.iter().find(|row| row.state.default_second_factor);
        let default = default.map(|row| place.parsed("default_second_factor", &row.id));
        let primary = standing.primary_phone_number_id.as_deref();
        let primary = primary.map(|id| place.parsed("primary_phone_number_id", id));
        let parts = UserPhonesParts {
            primary: primary.transpose()?,
            default_second_factor: default.transpose()?,
            numbers: numbers
                .into_iter()
                .map(PhoneNumberRow::into_number)
                .collect::<Result<_, _>>()?,
            backup_codes: codes
                .into_iter()
                .map(BackupCodeRow::into_code)
                .collect::<Result<_, _>>()?,
            mfa_enabled_at: time(standing.mfa_enabled_at_ms),
            mfa_disabled_at: time(standing.mfa_disabled_at_ms),
        };
        let password = match (&standing.password_hash, time(standing.password_updated_at_ms)) {
            (Some(hash), Some(updated_at)) => Some(StoredPassword {
                hash: PasswordHash::new(hash.clone()),
                updated_at,
                compromised: standing.password_compromised,
            }),
            (None, None) => None,
            _ => return Err(place.corrupt("password_hash", "not as its time says")),
        };
        let failures = standing
            .failures
            .as_deref()
            .map(|text| place.document("failures", text));
        let texted_notices = standing
            .texted_notices
            .as_deref()
            .map(|text| place.document("texted_notices", text));
        let external_account = standing
            .external_account
            .as_deref()
            .map(|text| place.document("external_account", text));
        Ok(User {
            password,
            failures: failures.transpose()?.unwrap_or_default(),
            texted_notices: texted_notices.transpose()?.unwrap_or_default(),
            external_account: external_account.transpose()?,
            credentials_generation: standing.credentials_generation,
            sessions_generation: standing.sessions_generation,
            last_sign_in_at: time(standing.last_sign_in_at_ms),
            id: place.parsed("id", &self.id)?,
            profile: profile.to_profile(place)?,
            phones: UserPhones::restore(parts).map_err(|error| corrupt("phone_numbers of", &self.id, error))?,
            banned: standing.banned,
            locked_until: time(standing.locked_until_ms),
            delete_self_enabled: standing.delete_self_enabled,
            last_active_at: time(standing.last_active_at_ms),
            created_at: Timestamp::from_millis(profile.created_at_ms),
            updated_at: Timestamp::from_millis(standing.updated_at_ms),
        })
    }
}

impl ProfileColumns {
    fn to_profile(&self, place: Place<'_>) -> Result<Profile, StoreError> {
        let text = |column, text: &Option<String>| text.as_deref().map(|text| place.parsed(column, text)).transpose();
        let username = self.username.as_deref().map(|name| place.parsed("username", name));
        let notice_email = self
            .notice_email
            .as_deref()
            .map(|text| place.parsed("notice_email", text));
        Ok(Profile {
            first_name: text("first_name", &self.first_name)?,
            last_name: text("last_name", &self.last_name)?,
            username: username.transpose()?,
            external_id: text("external_id", &self.external_id)?,
            locale: text("locale", &self.locale)?,
            notice_email: notice_email.transpose()?,
            public_metadata: metadata(place, "public_metadata", &self.public_metadata)?,
            private_metadata: metadata(place, "private_metadata", &self.private_metadata)?,
            unsafe_metadata: metadata(place, "unsafe_metadata", &self.unsafe_metadata)?,
        })
    }
}

/// What nearly every user has instead of metadata.
const NONE: &str = "{}";

fn json(metadata: &Metadata) -> String {
    if metadata.as_object().is_empty() {
        return NONE.to_owned();
    }
    Value::Object(metadata.as_object().clone()).to_string()
}

fn metadata(place: Place<'_>, column: &str, text: &str) -> Result<Metadata, StoreError> {
    if text == NONE {
        return Ok(Metadata::default());
    }
    let object: Map<String, Value> = serde_json::from_str(text).map_err(|error| place.corrupt(column, error))?;
    Metadata::new(object).map_err(|error| place.corrupt(column, error))
}
