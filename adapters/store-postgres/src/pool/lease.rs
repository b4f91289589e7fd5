//! A connection in somebody's hands.

use std::ops::Deref;
use std::sync::Arc;

use diesel_async::AsyncPgConnection;
use tokio::sync::OwnedSemaphorePermit;

use super::{Pool, Pooled};

/// A connection that goes back to its pool only if it is known to be at rest. Whatever is dropped in the middle (a caller
/// that leaves, a time-out) is closed. PostgreSQL undoes what was not committed; a `COMMIT` that it has may still be done.
pub(crate) struct Lease {
    pooled: Option<Pooled>,
    at_rest: bool,
    pool: Arc<Pool>,
    /// Given up last: whoever gets it finds the connection, or its place.
    _turn: OwnedSemaphorePermit,
}

impl Lease {
    pub(super) fn of(pooled: Pooled, turn: OwnedSemaphorePermit, pool: Arc<Pool>) -> Self {
        Self {
            pooled: Some(pooled),
            at_rest: false,
            pool,
            _turn: turn,
        }
    }

    /// Whether nothing is under way on it, nor any doubt about its state.
    pub(crate) fn set_at_rest(&mut self, at_rest: bool) {
        self.at_rest = at_rest;
    }
}

impl Deref for Lease {
    type Target = AsyncPgConnection;

    #[expect(clippy::expect_used, reason = "it is taken out by `drop` alone")]
    fn deref(&self) -> &AsyncPgConnection {
        &self.pooled.as_ref().expect("a connection").driven.connection
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(pooled) = self.pooled.take()
            && self.at_rest
        {
            self.pool.put_back(pooled);
        }
    }
}
