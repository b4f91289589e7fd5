//! What [`SigningKeys`] must do. They are one set for a whole store: run it on one of its own.

use futures_util::future::join_all;

use super::given::{NOW, later, random};
use crate::Timestamp;
use crate::ports::{SigningKeys, StoredKey};

/// Everything.
pub async fn all(keys: &dyn SigningKeys) {
    assert_eq!(keys.all().await.unwrap(), []);
    let candidates: Vec<StoredKey> = (0..8).map(|_| key(NOW)).collect();
    for added in join_all(candidates.iter().map(|key| keys.add_first(key))).await {
        added.unwrap();
    }
    let known = keys.all().await.unwrap();
    assert_eq!(known.len(), 1, "one is the first");
    assert!(candidates.contains(&known[0]), "as it was given");

    let second = key(later(10));
    keys.rotate(&second, later(100), NOW).await.unwrap();
    let first = StoredKey {
        retires_at: Some(later(100)),
        ..known[0].clone()
    };
    assert_eq!(
        keys.all().await.unwrap(),
        [first.clone(), second.clone()],
        "oldest first"
    );
    // Another rotation retires the one that has no end, and leaves the end of the first as it was.
    let third = key(later(20));
    keys.rotate(&third, later(200), later(50)).await.unwrap();
    let second = StoredKey {
        retires_at: Some(later(200)),
        ..second
    };
    assert_eq!(keys.all().await.unwrap(), [first, second.clone(), third.clone()]);
    // What had retired is forgotten at the next one.
    let fourth = key(later(30));
    keys.rotate(&fourth, later(300), later(100)).await.unwrap();
    let third = StoredKey {
        retires_at: Some(later(300)),
        ..third
    };
    assert_eq!(keys.all().await.unwrap(), [second, third, fourth]);
}

fn key(signs_from: Timestamp) -> StoredKey {
    StoredKey {
        id: format!("key_{:016x}", random()),
        sealed: random().to_be_bytes().repeat(200),
        signs_from,
        retires_at: None,
    }
}
