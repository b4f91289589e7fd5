use std::collections::HashMap;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{DecodingKey, DecodingKeyKind};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

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
    /// Of the text: two sets of the same text are the same.
    digest: Option<[u8; 32]>,
}

impl PartialEq for KeySet {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

impl KeySet {
    /// Takes what can be used of a JWKS. Keys of other kinds, for encryption or too weak are left
    /// out, as RFC 7517 §5 asks; it may be that none is left.
    pub(crate) fn parse(jwks: &str, allowed: &[Algorithm]) -> Result<Self, serde_json::Error> {
        let mut set = Self {
            digest: Some(Sha256::digest(jwks).into()),
            ..Self::default()
        };
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
    let common = &jwk.common;
    let signs = common
        .public_key_use
        .as_ref()
        .is_none_or(|used| *used == PublicKeyUse::Signature);
    let verifies = common
        .key_operations
        .as_ref()
        .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::Rs256,
        AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => Algorithm::Es256,
        AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519 => Algorithm::EdDsa,
        _ => return None,
    };
    // A key that says what it is for is for nothing else.
    let named = common.key_algorithm.map(|named| named.to_string());
    let agrees = named.is_none_or(|named| named == format!("{:?}", algorithm.jws()));
    if !(signs && verifies && agrees && allowed.contains(&algorithm)) {
        return None;
    }
    let decoding = DecodingKey::from_jwk(jwk).ok()?;
    let sound = match (algorithm, decoding.kind()) {
        // What AWS-LC checks signatures with; NIST SP 800-131A bars RSA under 2048 bits.
        (Algorithm::Rs256, DecodingKeyKind::RsaModulusExponent { n, .. }) => (2048..=8192).contains(&bits(n)),
        // An uncompressed point: 4, x, y.
        (Algorithm::Es256, DecodingKeyKind::SecretOrDer(point)) => point.len() == 65,
        (Algorithm::EdDsa, DecodingKeyKind::SecretOrDer(point)) => point.len() == 32,
        _ => false,
    };
    sound.then_some(Key { algorithm, decoding })
}

/// The length of a big-endian number in bits.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    match &number[zeros..] {
        [] => 0,
        [first, rest @ ..] => rest.len() * 8 + 8 - first.leading_zeros() as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_counted_from_the_first_that_is_set() {
        assert_eq!(bits(&[]), 0);
        assert_eq!(bits(&[0, 0]), 0);
        assert_eq!(bits(&[0, 1, 0]), 9);
        assert_eq!(bits(&[0x7f; 256]), 2047);
        assert_eq!(bits(&[0x80; 256]), 2048);
    }
}
