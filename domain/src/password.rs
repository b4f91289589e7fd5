//! Passwords: as they are typed, and as they are kept.

use std::fmt;

/// A password that is fit to be set. `Debug` hides it.
///
/// ```
/// # use phoneproof_domain::Password;
/// assert!(Password::parse("correct horse battery staple").is_ok());
/// assert!(Password::parse("short").is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// The text cannot be set as a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer than 8 characters.
    #[error("a password has at least {} characters", Password::MIN_CHARS)]
    TooShort,
    /// More than 72 characters.
    #[error("a password has at most {} characters", Password::MAX_CHARS)]
    TooLong,
}

impl Password {
    /// Fewest characters: 8 (the contract's 4.2; NIST SP 800-63B-4 §3.1.1.2 for a password that is
    /// one of two factors).
    pub const MIN_CHARS: usize = 8;
    /// Most characters: 72 (the contract's 4.2).
    pub const MAX_CHARS: usize = 72;

    /// Takes a password that a user wants to have. Every character counts, blanks too.
    ///
    /// # Errors
    /// [`PasswordError`] if it is too short or too long.
    pub fn parse(text: &str) -> Result<Self, PasswordError> {
        match text.chars().count() {
            count if count < Self::MIN_CHARS => Err(PasswordError::TooShort),
            count if count > Self::MAX_CHARS => Err(PasswordError::TooLong),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// Takes a password that somebody tries, whatever its length: only the right one fits. What is
    /// longer than 1024 characters is cut, so that hashing it costs no more than another one.
    #[must_use]
    pub fn tried(text: &str) -> Self {
        Self(text.chars().take(1024).collect())
    }

    /// The text, for the hasher alone.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A password as it is kept: the text that the hasher made, its algorithm and salt included.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// What a [`PasswordHasher`](crate::ports::PasswordHasher) made, or a store kept.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for a hasher or a store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}
