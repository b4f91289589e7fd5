//! The instance secret, and the keyed hashes in which codes are stored.

use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use serde::{Deserialize, Serialize};

use crate::{BackEndVerificationId, BackupCode, E164, OtpCode, PhoneNumberId, SessionId, SignInId, SignUpId, UserId};

/// The one secret of an instance, from which every other key is derived (HKDF, RFC 5869).
#[derive(Clone)]
pub struct InstanceSecret(String);

/// The secret is too short to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the instance secret needs at least {} characters; `openssl rand -hex 32` makes one",
    InstanceSecret::MIN_CHARS
)]
pub struct WeakSecret;

impl InstanceSecret {
    /// Fewest characters: 32, which hold 128 bits even when they are hexadecimal digits.
    pub const MIN_CHARS: usize = 32;

    /// Takes the secret as it stands in the environment or in its file.
    ///
    /// # Errors
    /// [`WeakSecret`] if it has fewer than 32 characters.
    pub fn new(text: &str) -> Result<Self, WeakSecret> {
        let text = text.trim();
        if text.len() < Self::MIN_CHARS {
            Err(WeakSecret)
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// Derives the key of 32 bytes for one purpose. Different labels give unrelated keys.
    #[must_use]
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "HKDF fails only for more than 8160 bytes (RFC 5869 §2.3)"
    )]
    pub fn derive(&self, label: &str) -> [u8; 32] {
        let mut key = [0u8; 32];
        let hkdf = Hkdf::<Sha256>::new(Some(b"phoneproof"), self.0.as_bytes());
        hkdf.expand(label.as_bytes(), &mut key)
            .expect("32 bytes are a valid length");
        key
    }
}

impl fmt::Debug for InstanceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstanceSecret(…)")
    }
}

/// What a texted code is for: one purpose, one attempt, one number. A code is worthless for any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// Proving that a phone number is the user's.
    VerifyNumber(&'a PhoneNumberId),
    /// Proving the number of a sign-up.
    SignUp(&'a SignUpId, &'a E164),
    /// The first factor of a sign-in.
    FirstFactor(&'a SignInId, &'a PhoneNumberId),
    /// The first factor of a sign-in that is to set a new password.
    ResetPassword(&'a SignInId, &'a PhoneNumberId),
    /// The second factor of a sign-in.
    SecondFactor(&'a SignInId, &'a PhoneNumberId),
    /// The first factor, again, in a session.
    ReverifyFirst(&'a SessionId, &'a PhoneNumberId),
    /// The second factor, again, in a session.
    ReverifySecond(&'a SessionId, &'a PhoneNumberId),
    /// A verification that a back end drives.
    BackEnd(&'a BackEndVerificationId, &'a PhoneNumberId),
}

impl<'a> Purpose<'a> {
    /// What goes into the hash before the code.
    fn parts(self) -> [&'a str; 3] {
        match self {
            Self::VerifyNumber(id) => ["verify_number", "", id.as_str()],
            Self::SignUp(id, number) => ["sign_up", id.as_str(), number.as_str()],
            Self::FirstFactor(id, number) => ["first_factor", id.as_str(), number.as_str()],
            Self::ResetPassword(id, number) => ["reset_password", id.as_str(), number.as_str()],
            Self::SecondFactor(id, number) => ["second_factor", id.as_str(), number.as_str()],
            Self::ReverifyFirst(id, number) => ["reverify_first", id.as_str(), number.as_str()],
            Self::ReverifySecond(id, number) => ["reverify_second", id.as_str(), number.as_str()],
            Self::BackEnd(id, number) => ["back_end", id.as_str(), number.as_str()],
        }
    }
}

/// The keyed hash (HMAC-SHA-256) of a code. Without the key six digits would fall to a search
/// of a million hashes; with it a stolen database tells nothing.
///
/// Equality is constant in time.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CodeHash([u8; 32]);

impl CodeHash {
    /// A hash read back from a store.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for a store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for CodeHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for CodeHash {}

impl fmt::Debug for CodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeHash(…)")
    }
}

/// Hashes codes under the instance's key, each bound to what it is for and to whom.
#[derive(Clone)]
pub struct CodeHasher {
    key: [u8; 32],
}

impl CodeHasher {
    /// The hasher of this instance.
    #[must_use]
    pub fn new(secret: &InstanceSecret) -> Self {
        Self {
            key: secret.derive("code-hash"),
        }
    }

    /// Hashes a texted code for what it is for.
    #[must_use]
    pub fn otp(&self, purpose: Purpose<'_>, code: &OtpCode) -> CodeHash {
        let [kind, attempt, number] = purpose.parts();
        self.hash(&[kind, attempt, number, code.reveal()])
    }

    /// Hashes a backup code of one user.
    #[must_use]
    pub fn backup(&self, user: &UserId, code: &BackupCode) -> CodeHash {
        self.hash(&["backup_code", user.as_str(), code.reveal()])
    }

    fn hash(&self, parts: &[&str]) -> CodeHash {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.key).expect("any length is valid");
        for part in parts {
            // The length before each part keeps ("ab", "c") and ("a", "bc") apart.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        CodeHash(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for CodeHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeHasher(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher(secret: &str) -> CodeHasher {
        CodeHasher::new(&InstanceSecret::new(secret).unwrap())
    }

    #[test]
    fn a_hash_is_bound_to_key_owner_and_code() {
        let (one, other) = (hasher(&"a".repeat(32)), hasher(&"b".repeat(32)));
        let id = |last: char| {
            format!("idn_{}{last}", "0".repeat(26))
                .parse::<PhoneNumberId>()
                .unwrap()
        };
        let code = |text| OtpCode::parse(text).unwrap();
        let hash = one.otp(Purpose::VerifyNumber(&id('1')), &code("123456"));
        assert_eq!(hash, one.otp(Purpose::VerifyNumber(&id('1')), &code("123456")));
        assert_ne!(hash, one.otp(Purpose::VerifyNumber(&id('1')), &code("123457")));
        assert_ne!(hash, one.otp(Purpose::VerifyNumber(&id('2')), &code("123456")));
        assert_ne!(hash, other.otp(Purpose::VerifyNumber(&id('1')), &code("123456")));
    }

    #[test]
    fn secrets_are_long_and_never_printed() {
        assert_eq!(InstanceSecret::new(" short ").err(), Some(WeakSecret));
        let secret = InstanceSecret::new(&"s3cret".repeat(6)).unwrap();
        assert!(!format!("{secret:?}").contains("s3cret"));
        assert_ne!(secret.derive("one"), secret.derive("two"));
    }
}
