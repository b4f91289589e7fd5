//! The limit on requests with the secret key, taken from the store in blocks: a durable write for
//! each request would cost more than most requests.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::Window;

/// Requests for which room is taken at once. What is left of a block when its time is up is lost, so
/// the limit is never exceeded.
const BLOCK: u32 = 20;

/// What is left of the block that this process holds.
pub(crate) struct BackEndLimit {
    left: Mutex<(u32, Timestamp)>,
    block: u32,
    lasts: Option<Duration>,
}

impl BackEndLimit {
    /// The limits as they are configured, and the same counted in blocks, for the store.
    pub(crate) fn new(windows: &[Window]) -> (Self, Vec<Window>) {
        let smallest = windows.iter().map(|window| window.limit).min().unwrap_or(0);
        let block = if smallest >= BLOCK * 5 { BLOCK } else { 1 };
        let in_blocks = windows.iter().map(|window| Window {
            limit: (window.limit / block).max(1),
            span: window.span,
        });
        let limit = Self {
            left: Mutex::new((0, Timestamp::from_millis(0))),
            block,
            lasts: windows.iter().map(|window| window.span).min(),
        };
        (limit, in_blocks.collect())
    }

    /// Takes one request from the block; true if there is none to take from.
    pub(crate) fn needs_more(&self, now: Timestamp) -> bool {
        let Some(lasts) = self.lasts else { return false };
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let (requests, since) = *left;
        if requests == 0 || now.since(since).max(since.since(now)) >= lasts {
            return true;
        }
        left.0 = requests - 1;
        false
    }

    /// A new block, of which one request is taken already.
    pub(crate) fn refill(&self, now: Timestamp) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = (self.block - 1, now);
    }
}
