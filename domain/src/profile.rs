//! What is known of a user beside the phone numbers.

use std::fmt;
use std::str::FromStr;

use crate::EmailAddress;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A text of the profile is not acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// Over the length or with control characters.
    #[error("not a text of at most 255 characters")]
    Text,
    /// Not 4 to 64 letters, digits, `_` and `-`.
    #[error("a username has 4 to 64 letters, digits, underscores and dashes")]
    Username,
    /// The metadata grew past 8 KiB.
    #[error("metadata may not exceed {} bytes", Metadata::MAX_BYTES)]
    MetadataTooLarge,
}

/// A short text about a user (a name, an external id, a locale): 1 to 255 characters, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ShortText(String);

impl ShortText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ShortText {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Self, ProfileError> {
        let fits = (1..=255).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(ProfileError::Text)
        }
    }
}

impl TryFrom<String> for ShortText {
    type Error = ProfileError;

    fn try_from(text: String) -> Result<Self, ProfileError> {
        text.parse()
    }
}

impl From<ShortText> for String {
    fn from(text: ShortText) -> Self {
        text.0
    }
}

impl fmt::Display for ShortText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A username: 4 to 64 ASCII letters, digits, `_` and `-`, kept in lower case.
///
/// ```
/// # use phoneproof_domain::Username;
/// assert_eq!("Ada_L".parse::<Username>().unwrap().as_str(), "ada_l");
/// assert!("ada".parse::<Username>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Username(String);

impl Username {
    /// The name, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Username {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Self, ProfileError> {
        let fits = (4..=64).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if fits {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(ProfileError::Username)
        }
    }
}

/// A JSON object that the application keeps on a user.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(Map<String, Value>);

impl Metadata {
    /// Largest size as JSON text, in bytes: 8 KiB, as Clerk's documentation has it.
    pub const MAX_BYTES: usize = 8 * 1024;

    /// Takes an object.
    ///
    /// # Errors
    /// [`ProfileError::MetadataTooLarge`].
    pub fn new(object: Map<String, Value>) -> Result<Self, ProfileError> {
        let size = serde_json::to_string(&object).map_or(usize::MAX, |text| text.len());
        if size > Self::MAX_BYTES {
            Err(ProfileError::MetadataTooLarge)
        } else {
            Ok(Self(object))
        }
    }

    /// The object.
    #[must_use]
    pub const fn as_object(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Merges `patch` into this, object by object; `null` removes a key (JSON Merge Patch, RFC 7396).
    ///
    /// # Errors
    /// [`ProfileError::MetadataTooLarge`].
    pub fn merged(&self, patch: &Map<String, Value>) -> Result<Self, ProfileError> {
        let mut object = self.0.clone();
        merge(&mut object, patch);
        Self::new(object)
    }
}

fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (key, value) in patch {
        match (value, target.get_mut(key)) {
            (Value::Null, _) => {
                target.remove(key);
            }
            (Value::Object(patch), Some(Value::Object(inner))) => merge(inner, patch),
            (Value::Object(patch), _) => {
                let mut inner = Map::new();
                merge(&mut inner, patch);
                target.insert(key.clone(), Value::Object(inner));
            }
            _ => {
                target.insert(key.clone(), value.clone());
            }
        }
    }
}

/// What shall become of one optional field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is emptied.
    Clear,
    /// It gets a new value.
    Set(T),
}

impl<T: Clone> Patch<T> {
    /// Does so.
    pub fn apply(&self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value.clone()),
        }
    }

    /// The new value, if there is one.
    #[must_use]
    pub fn value(self) -> Option<T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }
}

/// Names and notes of a user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// Given name.
    pub first_name: Option<ShortText>,
    /// Family name.
    pub last_name: Option<ShortText>,
    /// Unique name.
    pub username: Option<Username>,
    /// The user's id in the application's own system; unique.
    pub external_id: Option<ShortText>,
    /// Language of the user, for instance `de-CH`.
    pub locale: Option<ShortText>,
    /// Where the user is told of changes, if anywhere.
    pub notice_email: Option<EmailAddress>,
    /// Written by the back end, read by everyone.
    pub public_metadata: Metadata,
    /// Written and read by the back end alone.
    pub private_metadata: Metadata,
    /// Written and read by the user as well.
    pub unsafe_metadata: Metadata,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        let Value::Object(object) = value else {
            panic!("not an object")
        };
        object
    }

    #[test]
    fn merging_goes_deep_and_null_removes() {
        let before = Metadata::new(object(json!({"a": {"x": 1, "y": 2}, "b": 1}))).unwrap();
        let after = before
            .merged(&object(json!({"a": {"y": null, "z": 3}, "b": null, "c": {"d": null}})))
            .unwrap();
        assert_eq!(
            Value::Object(after.as_object().clone()),
            json!({"a": {"x": 1, "z": 3}, "c": {}})
        );
    }

    #[test]
    fn metadata_do_not_grow_without_end() {
        let large = object(json!({"a": "x".repeat(Metadata::MAX_BYTES)}));
        assert_eq!(Metadata::new(large.clone()), Err(ProfileError::MetadataTooLarge));
        assert_eq!(Metadata::default().merged(&large), Err(ProfileError::MetadataTooLarge));
    }

    #[test]
    fn names_hold_no_control_characters() {
        assert!("Ada".parse::<ShortText>().is_ok());
        for text in ["", "a\u{0}b", "a\nb", &"x".repeat(256)] {
            assert!(text.parse::<ShortText>().is_err(), "{text:?}");
        }
        for text in ["abc", "ad a!", &"x".repeat(65), "müller"] {
            assert!(text.parse::<Username>().is_err(), "{text:?}");
        }
    }
}
