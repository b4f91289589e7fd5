//! How a server leaves: it says that it is going, and serves on for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the server is leaving.
#[derive(Debug, Clone, Default)]
pub(crate) struct Drain {
    begun: Arc<AtomicBool>,
}

impl Drain {
    /// From now on `/v1/ready` says so, and each answer closes its connection.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }
}
