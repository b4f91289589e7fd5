//! Identifiers: a prefix that says what it names, then 27 base62 characters, ordered by time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::ports::Entropy;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_CHARS: usize = 27;

/// The text is not an identifier of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed identifier")]
pub struct MalformedId;

/// 27 base62 characters: 48 bits of milliseconds, then 112 random bits.
///
/// Ids made later sort later (to the millisecond), which keeps the store's index growing at one
/// end; 112 random bits make guessing another one hopeless.
fn base62(now: Timestamp, entropy: &dyn Entropy) -> String {
    let mut bytes = [0u8; 20];
    entropy.fill(&mut bytes[6..]);
    bytes[..6].copy_from_slice(&now.as_millis().to_be_bytes()[2..]);
    let mut digits = [0u8; RANDOM_CHARS];
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0u32;
        for byte in &mut bytes {
            let value = (remainder << 8) | u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            remainder = value % 62;
        }
        *digit = BASE62[usize::try_from(remainder).unwrap_or(0)];
    }
    digits.iter().map(|&digit| char::from(digit)).collect()
}

/// An identifier of our own making: a prefix, then 27 base62 characters.
macro_rules! own_id {
    ($(#[$meta:meta])* $name:ident, $prefix:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// A new identifier.
            #[must_use]
            pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(format!(concat!($prefix, "{}"), base62(now, entropy)))
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                let random = text.strip_prefix($prefix).ok_or(MalformedId)?;
                let well_formed = random.len() == RANDOM_CHARS && random.bytes().all(|byte| byte.is_ascii_alphanumeric());
                if well_formed {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(MalformedId)
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = MalformedId;

            fn try_from(text: String) -> Result<Self, MalformedId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

own_id! {
    /// Identifies one phone number of one user: `idn_…`.
    ///
    /// ```
    /// # use phoneproof_domain::PhoneNumberId;
    /// assert!("idn_2b1Ug0kTf5Wx9Qh3Zr7YcVnAd4E".parse::<PhoneNumberId>().is_ok());
    /// assert!("../../etc/passwd".parse::<PhoneNumberId>().is_err());
    /// ```
    PhoneNumberId, "idn_"
}
own_id! {
    /// Identifies the account of one user at the outside identity provider: `idn_…`.
    ExternalAccountId, "idn_"
}
own_id! {
    /// Identifies one browser or app: `client_…`.
    ClientId, "client_"
}
own_id! {
    /// Identifies the stay of one user in one client: `sess_…`.
    SessionId, "sess_"
}
own_id! {
    /// Identifies a sign-up under way: `sua_…`.
    SignUpId, "sua_"
}
own_id! {
    /// Identifies a sign-in under way: `sia_…`.
    SignInId, "sia_"
}
own_id! {
    /// Identifies a ticket that signs one user in: `sit_…`.
    SignInTokenId, "sit_"
}
own_id! {
    /// Identifies a verification that a back end drives: `ver_…`.
    BackEndVerificationId, "ver_"
}
own_id! {
    /// Identifies a text message: `sms_…`.
    MessageId, "sms_"
}
own_id! {
    /// Identifies an entry of the allowlist: `alid_…`.
    AllowlistId, "alid_"
}
own_id! {
    /// Identifies an entry of the blocklist: `blid_…`.
    BlocklistId, "blid_"
}

/// Identifies a user: our own `user_…`, or the `sub` of an outside identity provider as it is.
///
/// ```
/// # use phoneproof_domain::UserId;
/// assert!("auth0|507f1f77bcf86cd799439011".parse::<UserId>().is_ok());
/// assert!("".parse::<UserId>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(String);

impl UserId {
    /// A new identifier of our own.
    #[must_use]
    pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
        Self(format!("user_{}", base62(now, entropy)))
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserId {
    type Err = MalformedId;

    /// Takes what a `sub` may be: 1 to 255 ASCII characters (OpenID Connect Core §2), here
    /// without blanks and control characters.
    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let well_formed = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(MalformedId)
        }
    }
}

impl TryFrom<String> for UserId {
    type Error = MalformedId;

    fn try_from(text: String) -> Result<Self, MalformedId> {
        text.parse()
    }
}

impl From<UserId> for String {
    fn from(id: UserId) -> Self {
        id.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes the identifier of something that is shown once and never stored, for instance `ver_…`.
#[must_use]
pub fn passing_id(prefix: &str, now: Timestamp, entropy: &dyn Entropy) -> String {
    format!("{prefix}_{}", base62(now, entropy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Counting;

    #[test]
    fn later_ids_sort_later_and_none_repeats() {
        let entropy = Counting::default();
        let mut ids = Vec::new();
        for millis in [0, 1, 61, 62, 63, 1_700_000_000_000, 1_700_000_000_001, (1 << 47)] {
            ids.push(PhoneNumberId::generate(Timestamp::from_millis(millis), &entropy));
        }
        assert!(ids.is_sorted());
        ids.dedup();
        assert_eq!(ids.len(), 8);
        for id in ids {
            assert_eq!(id.as_str().len(), 31);
            assert_eq!(id.as_str().parse(), Ok(id));
        }
    }

    #[test]
    fn what_does_not_belong_into_an_id_is_refused() {
        for text in [
            "",
            "idn_",
            "idn_short",
            "user_2b1Ug0kTf5Wx9Qh3Zr7YcVnAd4E",
            "idn_2b1Ug0kTf5Wx9Qh3Zr7YcVnAd4\u{e9}",
            "idn_2b1Ug0kTf5Wx9Qh3Zr7YcVnAd4/",
        ] {
            assert!(text.parse::<PhoneNumberId>().is_err(), "{text}");
        }
        for text in ["", "two words", "tab\t", "nul\0", "é", &"x".repeat(256)] {
            assert!(text.parse::<UserId>().is_err(), "{text}");
        }
    }
}
