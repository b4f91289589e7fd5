use std::path::PathBuf;

use serde::{Deserialize, Deserializer};

/// The options of the provider `jwt`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The token's `iss`, to the letter.
    pub issuer: String,
    /// One of these the token's `aud` must hold.
    #[serde(deserialize_with = "words")]
    pub audience: Vec<String>,
    /// Where the keys are fetched: https, or http on loopback.
    pub jwks_url: Option<String>,
    /// The keys in a file, instead of the URL.
    pub jwks_file: Option<PathBuf>,
    /// What may sign a token.
    #[serde(default = "every_algorithm", deserialize_with = "algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// How far the clocks may differ, in seconds.
    #[serde(default = "leeway")]
    pub leeway_seconds: u32,
    /// How long fetching the keys may take, in milliseconds.
    #[serde(default = "timeout")]
    pub timeout_ms: u64,
    /// How long fetched keys are used before they are fetched again, in seconds.
    #[serde(default = "max_age")]
    pub max_age_seconds: u64,
}

/// An algorithm that may sign tokens. There are no others: `none` and the symmetric ones are how
/// tokens are forged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA with SHA-256 (RFC 7518 §3.3).
    Rs256,
    /// ECDSA on P-256 (RFC 7518 §3.4).
    Es256,
    /// Ed25519 (RFC 8037).
    EdDsa,
}

impl Algorithm {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    pub(crate) const fn jws(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

/// The options cannot work.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub(crate) String);

const fn leeway() -> u32 {
    5
}

const fn timeout() -> u64 {
    5_000
}

const fn max_age() -> u64 {
    900
}

fn every_algorithm() -> Vec<Algorithm> {
    Algorithm::ALL.to_vec()
}

/// A list, or words with commas between: the environment has no lists.
fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Spelled {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Spelled::deserialize(deserializer)? {
        Spelled::List(words) => words,
        Spelled::Text(text) => text
            .split(',')
            .map(|word| word.trim().to_owned())
            .filter(|word| !word.is_empty())
            .collect(),
    })
}

fn algorithms<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Algorithm>, D::Error> {
    let known = |word: &String| match word.as_str() {
        "RS256" => Ok(Algorithm::Rs256),
        "ES256" => Ok(Algorithm::Es256),
        "EdDSA" => Ok(Algorithm::EdDsa),
        other => Err(serde::de::Error::custom(format!(
            "algorithms: {other:?} is none of RS256, ES256, EdDSA"
        ))),
    };
    words(deserializer)?.iter().map(known).collect()
}
