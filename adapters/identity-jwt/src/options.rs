use std::path::PathBuf;

use phoneproof_domain::ProviderName;
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
    /// The provider's name: what is linked to an account there has the type `oauth_` and this name.
    #[serde(default = "name", deserialize_with = "provider_name")]
    pub name: ProviderName,
    /// Whether its word on phone numbers is believed.
    #[serde(default)]
    pub phone_numbers: PhoneNumbers,
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

/// Clocks that differ by more than five minutes are not a matter of tolerance; each second here is
/// one that an expired token lives on.
const MAX_LEEWAY_SECONDS: u32 = 300;

impl Options {
    /// Refuses what can be seen to be wrong without looking at a key.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let refused = |text: &str| Err(ConfigError(text.to_owned()));
        if self.issuer.is_empty() || self.audience.is_empty() || self.algorithms.is_empty() {
            return refused("issuer, audience and algorithms must not be empty");
        }
        if self.timeout_ms == 0 {
            return refused("timeout_ms must not be zero: no key could be fetched");
        }
        if self.leeway_seconds > MAX_LEEWAY_SECONDS {
            return refused("leeway_seconds must not exceed 300: expired tokens would live on");
        }
        Ok(())
    }
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

/// What the claims `phone_number` and `phone_number_verified` count for (OpenID Connect Core §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhoneNumbers {
    /// Nothing.
    #[default]
    Off,
    /// A number that the provider has verified is verified here.
    Trust,
}

/// The options cannot work.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub(crate) String);

#[expect(clippy::expect_used, reason = "a literal of the right form")]
fn name() -> ProviderName {
    "jwt".parse().expect("three lower-case letters")
}

fn provider_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ProviderName, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse()
        .map_err(|error| serde::de::Error::custom(format!("name: {error}, and not {text:?}")))
}

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
    let words = match Spelled::deserialize(deserializer)? {
        Spelled::List(words) => words,
        Spelled::Text(text) => text.split(',').map(str::to_owned).collect(),
    };
    Ok(words
        .iter()
        .map(|word| word.trim().to_owned())
        .filter(|word| !word.is_empty())
        .collect())
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn options(changes: &Value) -> Result<Options, String> {
        let mut options = json!({ "issuer": "i", "audience": "a", "jwks_url": "https://a.example/" });
        for (name, value) in changes.as_object().into_iter().flatten() {
            options[name] = value.clone();
        }
        let read: Options = serde_json::from_value(options).map_err(|error| error.to_string())?;
        read.check().map_err(|error| error.to_string())?;
        Ok(read)
    }

    #[test]
    fn lists_are_read_from_a_file_and_from_the_environment() {
        for (spelled, read) in [
            (json!("a"), vec!["a"]),
            (json!("a, b,"), vec!["a", "b"]),
            (json!(["a", " b "]), vec!["a", "b"]),
            (json!(["a,b"]), vec!["a,b"]),
        ] {
            assert_eq!(options(&json!({ "audience": spelled })).unwrap().audience, read);
        }
        let read = options(&json!({ "algorithms": "EdDSA,RS256" })).unwrap();
        assert_eq!(read.algorithms, [Algorithm::EdDsa, Algorithm::Rs256]);
    }

    #[test]
    fn what_is_not_said_is_as_documented() {
        let read = options(&json!({})).unwrap();
        assert_eq!(
            (read.leeway_seconds, read.timeout_ms, read.max_age_seconds),
            (5, 5_000, 900)
        );
        assert_eq!(read.algorithms, Algorithm::ALL);
        assert_eq!(
            (read.name.to_string().as_str(), read.phone_numbers),
            ("jwt", PhoneNumbers::Off)
        );
        let trusted = options(&json!({ "name": "acme", "phone_numbers": "trust" })).unwrap();
        assert_eq!(
            (trusted.name.to_string().as_str(), trusted.phone_numbers),
            ("acme", PhoneNumbers::Trust)
        );
    }

    #[test]
    fn what_cannot_work_is_named() {
        for (changes, named) in [
            (json!({ "issuer": "" }), "issuer"),
            (json!({ "audience": " , " }), "audience"),
            (json!({ "audience": [""] }), "audience"),
            (json!({ "algorithms": [] }), "algorithms"),
            (json!({ "algorithms": "none" }), "\"none\""),
            (json!({ "algorithms": ["HS256"] }), "\"HS256\""),
            (json!({ "timeout_ms": 0 }), "timeout_ms"),
            (json!({ "leeway_seconds": 301 }), "leeway_seconds"),
            (json!({ "name": "Acme 2" }), "name"),
            (json!({ "phone_numbers": "yes" }), "`trust`"),
            (json!({ "jwks_uri": "https://a.example/" }), "jwks_uri"),
        ] {
            let error = options(&changes).unwrap_err();
            assert!(error.contains(named) && !error.contains('\n'), "{error}");
        }
    }
}
