//! Sealing what must be kept or carried but not read.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use phoneproof_domain::InstanceSecret;
use phoneproof_domain::ports::{Entropy, Sealer};

/// Seals texts for one purpose, under a key derived from the instance secret (AES-256-GCM).
pub(crate) struct Seal {
    key: [u8; 32],
    entropy: Arc<dyn Entropy>,
}

impl Seal {
    /// What seals for the purpose `label`.
    pub(crate) fn new(secret: &InstanceSecret, label: &str, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            key: secret.derive(label),
            entropy,
        }
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, &self.key).ok().map(LessSafeKey::new)
    }
}

impl Sealer for Seal {
    /// Nothing but letters, digits, `-` and `_`.
    fn close(&self, id: &str, body: &str) -> Option<String> {
        let mut nonce = [0u8; NONCE_LEN];
        self.entropy.fill(&mut nonce);
        let mut sealed = body.as_bytes().to_vec();
        let (unique, aad) = (Nonce::assume_unique_for_key(nonce), Aad::from(id.as_bytes()));
        self.cipher()?.seal_in_place_append_tag(unique, aad, &mut sealed).ok()?;
        Some(BASE64_URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    fn open(&self, id: &str, sealed: &str) -> Option<String> {
        let mut sealed = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, body) = sealed.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let body = self
            .cipher()?
            .open_in_place(nonce, Aad::from(id.as_bytes()), body)
            .ok()?;
        String::from_utf8(body.to_vec()).ok()
    }
}
