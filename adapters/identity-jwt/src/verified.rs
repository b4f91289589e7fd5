use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use phoneproof_domain::ports::Identity;
use sha2::{Digest, Sha256};

use crate::claims::Window;

/// So many tokens are remembered in each of two generations.
const GENERATION: usize = 2_048;

/// Tokens whose signature was checked already. A client sends the same token with every request
/// for as long as it lives; checking Ed25519 or RSA again each time is most of a request's work.
///
/// Only signature and audience are remembered; the times are checked on each use. When the keys
/// change all is forgotten.
#[derive(Default)]
pub(crate) struct Verified(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    keys_version: u64,
    young: HashMap<[u8; 32], (Identity, Window)>,
    old: HashMap<[u8; 32], (Identity, Window)>,
}

impl Verified {
    pub(crate) fn find(&self, token: &str, keys_version: u64) -> Option<(Identity, Window)> {
        let known = self.known(keys_version);
        let digest = digest(token);
        known.young.get(&digest).or_else(|| known.old.get(&digest)).cloned()
    }

    pub(crate) fn remember(&self, token: &str, keys_version: u64, identity: Identity, window: Window) {
        let mut known = self.known(keys_version);
        if known.keys_version != keys_version {
            // The keys changed while this token was checked against the old ones.
            return;
        }
        if known.young.len() >= GENERATION {
            known.old = std::mem::take(&mut known.young);
        }
        known.young.insert(digest(token), (identity, window));
    }

    fn known(&self, keys_version: u64) -> MutexGuard<'_, Generations> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.keys_version < keys_version {
            *known = Generations {
                keys_version,
                ..Generations::default()
            };
        }
        known
    }
}

/// The token itself is a secret and is not kept.
fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::Claims;

    fn window() -> Window {
        let claims = serde_json::json!({ "iss": "i", "sub": "s", "aud": "a", "exp": 10 });
        serde_json::from_value::<Claims>(claims).unwrap().window()
    }

    fn user() -> Identity {
        Identity {
            user: "user_a".parse().unwrap(),
            email: None,
            phone: None,
        }
    }

    #[test]
    fn a_token_is_known_until_the_keys_change() {
        let verified = Verified::default();
        verified.remember("token", 1, user(), window());
        assert_eq!(verified.find("token", 1), Some((user(), window())));
        assert_eq!(verified.find("other", 1), None);
        assert_eq!(verified.find("token", 2), None);
        verified.remember("late", 1, user(), window());
        assert_eq!(verified.find("late", 2), None);
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let verified = Verified::default();
        for n in 0..3 * GENERATION {
            verified.remember(&n.to_string(), 0, user(), window());
        }
        let known = verified.known(0);
        assert!(known.young.len() + known.old.len() <= 2 * GENERATION);
        drop(known);
        assert!(verified.find(&(3 * GENERATION - 1).to_string(), 0).is_some());
        assert!(verified.find("0", 0).is_none());
    }
}
