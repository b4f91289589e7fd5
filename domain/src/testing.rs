//! Fixtures of the domain's own unit tests.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::ports::{Entropy, Sealer};
use crate::{Allowlist, CODE_LIFETIME, CodeHasher, InstanceSecret, Lockout, Policy};

/// Bytes that are all different and never random (splitmix64 over a counter).
#[derive(Default)]
pub(crate) struct Counting(AtomicU64);

impl From<u64> for Counting {
    fn from(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_be_bytes()[..chunk.len()]);
        }
    }
}

/// Exactly these bytes, in this order.
pub(crate) struct Bytes(Mutex<Vec<u8>>);

impl Bytes {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Mutex::new(bytes.to_vec()))
    }
}

impl Entropy for Bytes {
    fn fill(&self, bytes: &mut [u8]) {
        let mut left = self.0.lock().unwrap();
        for byte in bytes {
            *byte = left.remove(0);
        }
    }
}

pub(crate) fn policy() -> Policy {
    Policy {
        live: crate::LiveSettings::default(),
        texts: std::sync::Arc::new(english()),
        allowlist: Allowlist::Countries(["US", "CA"].map(|code| code.parse().unwrap()).into()),
        test_mode: true,
        code_lifetime: CODE_LIFETIME,
        max_attempts: 5,
        resend_after: Duration::from_secs(30),
        max_unverified: Some(5),
        used_for_first_factor: true,
        backup_codes: true,
        second_factor_required: false,
        lockout: Lockout {
            attempts: Some(10),
            duration: Duration::from_secs(3600),
        },
        passwords: true,
        session_lifetime: Duration::from_secs(7 * 24 * 3600),
        single_session: true,
        reverify_after: None,
        notice_texts: false,
        sign_up_open: true,
        enumeration_protection: false,
    }
}

pub(crate) fn hasher() -> CodeHasher {
    CodeHasher::new(&InstanceSecret::new(&"k".repeat(32)).unwrap())
}

/// The text of one language.
pub(crate) fn english() -> crate::Texts {
    let template =
        crate::Template::parse("{code} is your {application} code. It is valid for {minutes} minutes.").unwrap();
    crate::Texts::new("PhoneProof", [("en".to_owned(), template)], None, None)
}

/// Seals nothing, so that a test can read what would have been sealed.
pub(crate) struct Clear;

impl Sealer for Clear {
    fn close(&self, _: &str, text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn open(&self, _: &str, sealed: &str) -> Option<String> {
        Some(sealed.to_owned())
    }
}
