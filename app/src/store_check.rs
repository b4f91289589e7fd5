//! Asking the store whether it can serve.

use std::time::Duration;

use phoneproof_domain::ports::StoreHealth;

use crate::error_chain::Chain;

/// How long the store is waited for, of the 2 s within which an answer is promised: longer than it waits for a lock
/// (1.5 s), and short enough that a busy machine still answers in time.
const PATIENCE: Duration = Duration::from_millis(1700);

/// Asks the store, and takes silence for a no.
pub(crate) async fn store_serves(store: &dyn StoreHealth) -> bool {
    match tokio::time::timeout(PATIENCE, store.check()).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!("the store cannot serve: {}", Chain(&error));
            false
        }
        Err(_) => {
            tracing::warn!("the store cannot serve: no answer in {} ms", PATIENCE.as_millis());
            false
        }
    }
}
