//! The contract of the password hasher.

use std::sync::Arc;

use phoneproof_domain::conformance;
use phoneproof_domain::ports::Entropy;
use phoneproof_password_argon2::Argon2Passwords;

struct Counting(std::sync::atomic::AtomicU8);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    }
}

#[tokio::test]
async fn keeps_the_contract() {
    conformance::password_hasher::all(&Argon2Passwords::new(Arc::new(Counting(0.into())))).await;
}
