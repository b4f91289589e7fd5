//! `PasswordHasher` on argon2id (RFC 9106), with the parameters that OWASP recommends.
//!
//! A hash takes some 20 ms of a core and 19 MiB; so it runs on threads of its own, at most as many at
//! once as there are cores, and whoever comes too late hears so instead of waiting without end.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::{PasswordHash as Encoded, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use async_trait::async_trait;
use phoneproof_domain::ports::{Entropy, HasherError, PasswordHasher};
use phoneproof_domain::{Password, PasswordHash};
use tokio::sync::Semaphore;

/// How long a password waits for a free place before it is refused.
const PATIENCE: Duration = Duration::from_secs(5);

/// Hashes with argon2id: 19 MiB, 2 passes, 1 lane (OWASP Password Storage Cheat Sheet).
pub struct Argon2Passwords {
    entropy: Arc<dyn Entropy>,
    places: Arc<Semaphore>,
}

impl Argon2Passwords {
    /// A hasher that draws its salts from `entropy`.
    #[must_use]
    pub fn new(entropy: Arc<dyn Entropy>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            entropy,
            places: Arc::new(Semaphore::new(cores)),
        }
    }

    /// Runs `work` away from the threads that serve requests.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HasherError> + Send + 'static,
    ) -> Result<T, HasherError> {
        let place = tokio::time::timeout(PATIENCE, Arc::clone(&self.places).acquire_owned());
        let place = place
            .await
            .map_err(|error| HasherError(error.into()))?
            .map_err(|error| HasherError(error.into()))?;
        let done = tokio::task::spawn_blocking(move || {
            let outcome = work();
            drop(place);
            outcome
        });
        done.await.map_err(|error| HasherError(error.into()))?
    }
}

fn argon2id() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default())
}

#[async_trait]
impl PasswordHasher for Argon2Passwords {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HasherError> {
        let mut salt = [0u8; 16];
        self.entropy.fill(&mut salt);
        let password = password.clone();
        self.run(move || {
            let failed = |error: argon2::password_hash::Error| HasherError(error.to_string().into());
            let salt = SaltString::encode_b64(&salt).map_err(failed)?;
            let hash = argon2id()
                .hash_password(password.reveal().as_bytes(), &salt)
                .map_err(failed)?;
            Ok(PasswordHash::new(hash.to_string()))
        })
        .await
    }

    async fn verify(&self, password: &Password, hash: &PasswordHash) -> Result<bool, HasherError> {
        let (password, hash) = (password.clone(), hash.clone());
        self.run(move || {
            // The parameters are the hash's own: those of older versions stay readable.
            let encoded = Encoded::new(hash.as_str());
            Ok(encoded.is_ok_and(|encoded| {
                argon2id()
                    .verify_password(password.reveal().as_bytes(), &encoded)
                    .is_ok()
            }))
        })
        .await
    }
}
