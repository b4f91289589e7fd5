//! Opaque bearer secrets: 256 random bits behind the identifier of what they open.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::MalformedId;
use crate::ports::Entropy;

const SECRET_HEX: usize = 64;

/// What a browser's cookie or a sign-in link carries: `<id>.<64 hexadecimal digits>`. The id finds
/// the row, the secret opens it; only the secret's SHA-256 is stored (256 random bits need no salt).
#[derive(Clone, PartialEq, Eq)]
pub struct Token<Id> {
    /// What it opens.
    pub id: Id,
    secret: String,
}

impl<Id: FromStr + fmt::Display> Token<Id> {
    /// A new token for `id`.
    #[must_use]
    pub fn generate(id: Id, entropy: &dyn Entropy) -> Self {
        let mut bytes = [0u8; SECRET_HEX / 2];
        entropy.fill(&mut bytes);
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let secret = digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect();
        Self { id, secret }
    }

    /// The text that the bearer carries. Never log it.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{}.{}", self.id, self.secret)
    }

    /// What is stored of it.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.secret.as_bytes()).into())
    }
}

impl<Id: FromStr> FromStr for Token<Id> {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let (id, secret) = text.split_once('.').ok_or(MalformedId)?;
        let well_formed = secret.len() == SECRET_HEX && secret.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !well_formed {
            return Err(MalformedId);
        }
        Ok(Self {
            id: id.parse().map_err(|_| MalformedId)?,
            secret: secret.to_owned(),
        })
    }
}

impl<Id: fmt::Debug> fmt::Debug for Token<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({:?}, …)", self.id)
    }
}

/// The SHA-256 of a token's secret. Equality is constant in time.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
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

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenHash {}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Counting;
    use crate::{ClientId, Timestamp};

    #[test]
    fn a_token_reads_back_and_never_shows_its_secret() {
        let entropy = Counting::default();
        let id = ClientId::generate(Timestamp::from_millis(0), &entropy);
        let token = Token::generate(id.clone(), &entropy);
        let other = Token::generate(id, &entropy);
        let read: Token<ClientId> = token.reveal().parse().unwrap();
        assert_eq!(read.hash(), token.hash());
        assert_ne!(read.hash(), other.hash());
        assert!(!format!("{token:?} {:?}", token.hash()).contains(&token.secret[..8]));
        for text in [
            "",
            ".",
            "client_x.00",
            &token.reveal()[..90],
            &format!("{}0", token.reveal()),
        ] {
            assert!(text.parse::<Token<ClientId>>().is_err(), "{text}");
        }
    }
}
