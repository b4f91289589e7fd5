//! Backup codes: what a user keeps on paper for the day the phone is lost.

use std::fmt;

use crate::Timestamp;
use crate::ports::Entropy;
use crate::secrets::CodeHash;

/// 32 characters without look-alikes (no `i`, `l`, `o`, `u`): Crockford's alphabet, lower case.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// One backup code. Ours have 10 characters of 5 bits each, 50 bits in all; those that a back end
/// brings along from elsewhere may be 8 to 32 letters and digits.
///
/// ```
/// # use phoneproof_domain::BackupCode;
/// assert_eq!(BackupCode::parse("ABCDE-01234").unwrap().reveal(), "abcde01234");
/// assert!(BackupCode::parse("123456").is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct BackupCode(String);

/// The text cannot be a backup code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a backup code is 8 to 32 letters and digits")]
pub struct MalformedBackupCode;

impl BackupCode {
    /// How many codes a set has.
    pub const SET: usize = 10;
    /// How many characters a code has.
    pub const CHARS: usize = 10;

    /// Draws a whole new set, no two alike.
    #[must_use]
    pub fn generate_set(entropy: &dyn Entropy) -> Vec<Self> {
        let mut set: Vec<Self> = Vec::with_capacity(Self::SET);
        while set.len() < Self::SET {
            let mut bytes = [0u8; Self::CHARS];
            entropy.fill(&mut bytes);
            // 256 is a multiple of 32, so the low five bits are uniform.
            let code = Self(
                bytes
                    .iter()
                    .map(|byte| char::from(ALPHABET[usize::from(byte & 31)]))
                    .collect(),
            );
            if !set.contains(&code) {
                set.push(code);
            }
        }
        set
    }

    /// Reads what a user typed or a back end brought along; case, blanks and dashes do not matter.
    ///
    /// # Errors
    /// [`MalformedBackupCode`] if it is not 8 to 32 letters and digits.
    pub fn parse(text: &str) -> Result<Self, MalformedBackupCode> {
        if text.len() > 64 {
            return Err(MalformedBackupCode);
        }
        let code: String = text
            .chars()
            .filter(|c| !matches!(c, ' ' | '-'))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        let well_formed = (8..=32).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if well_formed {
            Ok(Self(code))
        } else {
            Err(MalformedBackupCode)
        }
    }

    /// The characters, to be shown to the user once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BackupCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupCode(••••••••••)")
    }
}

/// A backup code as it is kept: its keyed hash, and whether it was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBackupCode {
    /// The keyed hash over user and code.
    pub hash: CodeHash,
    /// When it was used; a code works once.
    pub used_at: Option<Timestamp>,
}

impl StoredBackupCode {
    /// A code that nobody has used yet.
    #[must_use]
    pub const fn unused(hash: CodeHash) -> Self {
        Self { hash, used_at: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Counting;

    #[test]
    fn a_set_is_ten_different_codes_that_read_back() {
        let set = BackupCode::generate_set(&Counting::default());
        assert_eq!(set.len(), 10);
        for (at, code) in set.iter().enumerate() {
            assert_eq!(BackupCode::parse(&code.reveal().to_uppercase()).as_ref(), Ok(code));
            assert!(!set[..at].contains(code));
        }
    }

    #[test]
    fn what_is_not_a_code_is_refused() {
        for text in [
            "",
            "abcde01",
            &"a".repeat(33),
            "abcde0123é",
            "abcde_0123",
            &" ".repeat(100),
        ] {
            assert!(BackupCode::parse(text).is_err(), "{text}");
        }
        assert_eq!(BackupCode::parse("abcde-0123 4").unwrap().reveal(), "abcde01234");
    }
}
