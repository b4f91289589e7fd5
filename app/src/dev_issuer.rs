//! The identity provider of development: it issues tokens to whoever asks on this machine.

use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use phoneproof_domain::{InstanceSecret, Timestamp, UserId};
use serde_json::json;

/// Signs development tokens (Ed25519, RFC 8037) with a key derived from the instance secret.
///
/// To the server it is an identity provider like any other: the server knows only the public
/// key, and checks these tokens by the same rules. Outside development it does not exist.
pub struct DevIssuer {
    key: Ed25519KeyPair,
}

/// The `iss` of development tokens.
pub(crate) const ISSUER: &str = "phoneproof-development";
/// Their `aud`.
pub(crate) const AUDIENCE: &str = "phoneproof";
const KEY_ID: &str = "dev";

impl DevIssuer {
    /// The issuer that belongs to an instance.
    #[must_use]
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "every 32 bytes are an Ed25519 seed (RFC 8032 §5.1.5)"
    )]
    pub fn new(secret: &InstanceSecret) -> Self {
        let seed = secret.derive("development-token");
        let key = Ed25519KeyPair::from_seed_unchecked(&seed).expect("32 bytes are a seed");
        Self { key }
    }

    /// A token that makes its bearer `user` for `lifetime`.
    #[must_use]
    pub fn token(&self, user: &UserId, now: Timestamp, lifetime: Duration) -> String {
        let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": KEY_ID });
        let issued_at = now.as_seconds();
        let claims = json!({
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user.as_str(),
            "iat": issued_at,
            "exp": now.plus(lifetime).as_seconds(),
        });
        let encode = |part: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// The public key as a JSON Web Key Set (RFC 8037 §2).
    #[must_use]
    pub fn jwks(&self) -> String {
        let x = BASE64_URL_SAFE_NO_PAD.encode(self.key.public_key());
        json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": KEY_ID, "x": x }] })
            .to_string()
    }
}
