use std::collections::HashMap;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use serde::Deserialize;
use serde_json::Value;

use crate::options::Algorithm;

/// One public key and the one algorithm that it is for.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) algorithm: Algorithm,
    pub(crate) decoding: DecodingKey,
}

/// The keys of a JWKS that may sign tokens, by `kid`.
#[derive(Default)]
pub(crate) struct KeySet {
    by_id: HashMap<String, Key>,
    unnamed: Vec<Key>,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

impl KeySet {
    /// Takes what can be used of a JWKS. Keys of other kinds, for encryption or too weak are left
    /// out, as RFC 7517 §5 asks; it may be that none is left.
    pub(crate) fn parse(jwks: &str, allowed: &[Algorithm]) -> Result<Self, serde_json::Error> {
        let mut set = Self::default();
        for key in serde_json::from_str::<Jwks>(jwks)?.keys {
            let Ok(jwk) = serde_json::from_value::<Jwk>(key) else {
                continue;
            };
            let Some(key) = usable(&jwk, allowed) else { continue };
            match jwk.common.key_id {
                Some(id) => {
                    set.by_id.insert(id, key);
                }
                None => set.unnamed.push(key),
            }
        }
        Ok(set)
    }

    /// The key that a token names; for a token that names none, the only key there is.
    pub(crate) fn find(&self, kid: Option<&str>) -> Option<&Key> {
        match kid {
            Some(kid) => self.by_id.get(kid),
            None if self.len() == 1 => self.by_id.values().next().or(self.unnamed.first()),
            None => None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len() + self.unnamed.len()
    }
}

fn usable(jwk: &Jwk, allowed: &[Algorithm]) -> Option<Key> {
    if jwk
        .common
        .public_key_use
        .as_ref()
        .is_some_and(|used| *used != PublicKeyUse::Signature)
    {
        return None;
    }
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) if modulus_bytes(&rsa.n) >= 256 => Algorithm::Rs256,
        AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => Algorithm::Es256,
        AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519 => Algorithm::EdDsa,
        _ => return None,
    };
    // A key that says what it is for is for nothing else.
    let named = jwk.common.key_algorithm.map(|named| named.to_string());
    let agrees = named.is_none_or(|named| named == format!("{:?}", algorithm.jws()));
    if !agrees || !allowed.contains(&algorithm) {
        return None;
    }
    Some(Key {
        algorithm,
        decoding: DecodingKey::from_jwk(jwk).ok()?,
    })
}

/// The length of a base64url text in bytes, leading zeros not counted (`A` is six zero bits).
fn modulus_bytes(base64url: &str) -> usize {
    base64url.trim_start_matches('A').len() * 3 / 4
}
