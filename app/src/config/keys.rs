use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// Whether a key is for trying things out or for real users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// `pk_test_`, `sk_test_`
    Test,
    /// `pk_live_`, `sk_live_`
    Live,
}

impl KeyKind {
    fn of(key: &str, prefix: &str) -> Option<(Self, String)> {
        let rest = key.strip_prefix(prefix)?.strip_prefix('_')?;
        let (kind, rest) = rest.split_once('_')?;
        let kind = match kind {
            "test" => Self::Test,
            "live" => Self::Live,
            _ => return None,
        };
        Some((kind, rest.to_owned()))
    }
}

/// What front ends carry: it names the host of the API (contract, section 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishableKey {
    text: String,
    kind: KeyKind,
    host: String,
}

impl PublishableKey {
    /// The key of a development instance that is reached at `host` (which has a dot).
    #[must_use]
    pub fn for_development(host: &str) -> Self {
        Self {
            text: format!("pk_test_{}", BASE64_STANDARD.encode(format!("{host}$"))),
            kind: KeyKind::Test,
            host: host.to_owned(),
        }
    }

    /// Test or live.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The host that it names, `clerk.example.com`.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What the names of cookies end in: the first 8 characters of the base64 of the key's SHA-1,
    /// with `-` and `_` for `+` and `/` (contract 2.4).
    #[must_use]
    pub fn cookie_suffix(&self) -> String {
        let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, self.text.as_bytes());
        let mut suffix = BASE64_STANDARD.encode(digest).replace('+', "-").replace('/', "_");
        suffix.truncate(8);
        suffix
    }

    /// Whether the token of a browser travels in the URL (contract, section 1).
    #[must_use]
    pub fn has_dev_browser(&self) -> bool {
        self.kind == KeyKind::Test && self.host.ends_with(".accounts.dev")
    }
}

impl FromStr for PublishableKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const PROBLEM: &str = "not pk_test_ or pk_live_, then base64 of \"<host with a dot>$\"";
        let lenient = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let (kind, encoded) = KeyKind::of(text, "pk").ok_or(PROBLEM)?;
        let host = GeneralPurpose::new(&STANDARD, lenient)
            .decode(encoded)
            .map_err(|_| PROBLEM)?;
        let host = String::from_utf8(host).map_err(|_| PROBLEM)?;
        match host.strip_suffix('$') {
            Some(host) if host.contains('.') && !host.contains('$') => Ok(Self {
                text: text.to_owned(),
                kind,
                host: host.to_owned(),
            }),
            _ => Err(PROBLEM),
        }
    }
}

impl fmt::Display for PublishableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a back end carries. Never printed, but for the one of development.
#[derive(Clone)]
pub struct SecretKey {
    text: SecretString,
    kind: KeyKind,
}

impl SecretKey {
    /// Test or live.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Whether `presented` is the key, in a time that does not tell how much of it is right.
    #[must_use]
    pub fn is(&self, presented: &str) -> bool {
        self.text.expose_secret().as_bytes().ct_eq(presented.as_bytes()).into()
    }

    /// The key itself, for the one who starts a development server.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.text.expose_secret()
    }
}

impl FromStr for SecretKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const PROBLEM: &str = "not sk_test_ or sk_live_, then the key";
        let (kind, rest) = KeyKind::of(text, "sk").ok_or(PROBLEM)?;
        if rest.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(PROBLEM);
        }
        if kind == KeyKind::Live && rest.len() < 24 {
            return Err("a live key needs at least 24 characters after sk_live_; `openssl rand -hex 24` makes them");
        }
        Ok(Self {
            text: SecretString::from(text),
            kind,
        })
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({:?}, …)", self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publishable_key_names_a_host_with_a_dot() {
        let key = PublishableKey::for_development("127.0.0.1:8080");
        assert_eq!(key.to_string().parse(), Ok(key.clone()));
        assert_eq!(
            key.to_string()
                .trim_end_matches('=')
                .parse::<PublishableKey>()
                .map(|k| k.kind()),
            Ok(KeyKind::Test)
        );
        assert_eq!(
            "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k"
                .parse::<PublishableKey>()
                .map(|k| k.kind()),
            Ok(KeyKind::Live)
        );
        for text in [
            "",
            "pk_test_",
            "pk_demo_Y2xlcmsuZXhhbXBsZS5jb20k",
            "sk_test_Y2xlcmsuZXhhbXBsZS5jb20k",
            "pk_test_bG9jYWxob3N0JA==",
            "pk_test_!!",
        ] {
            assert!(text.parse::<PublishableKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_secret_key_is_compared_and_never_shown() {
        let key: SecretKey = "sk_test_abc".parse().unwrap();
        assert!(key.is("sk_test_abc"));
        assert!(!key.is("sk_test_abd") && !key.is("sk_test_abcd") && !key.is(""));
        assert!(!format!("{key:?}").contains("abc"));
        for text in ["sk_test_", "sk_live_short", "pk_test_abc", "sk_test_a b"] {
            assert!(text.parse::<SecretKey>().is_err(), "{text}");
        }
    }
}
