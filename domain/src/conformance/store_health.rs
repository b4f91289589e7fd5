//! [`StoreHealth`]: a store that works says so.

use futures_util::future::join_all;

use crate::ports::StoreHealth;

/// The whole suite, for a store that works. What it says of one that does not is for the
/// adapter's own tests, which know how to break it.
pub async fn all(store: &dyn StoreHealth) {
    store.check().await.unwrap();
    // A load balancer and a crowd of probes may ask at once.
    for answer in join_all((0..32).map(|_| store.check())).await {
        answer.unwrap();
    }
}
