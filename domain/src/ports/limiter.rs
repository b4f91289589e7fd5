use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::Timestamp;

/// At most so many within a sliding span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How many.
    pub limit: u32,
    /// In how long.
    pub span: Duration,
}

/// One thing that is counted, and how often it may happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// What is counted, for instance `codes/number/+14155552671`.
    pub key: String,
    /// All must have room.
    pub windows: Vec<Window>,
    /// Least time since the last one: the first after one, the second after two…; the last counts on.
    /// Empty for none.
    pub waits: Vec<Duration>,
    /// The waits count what happened within this span.
    pub waits_span: Duration,
}

/// What became of a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charged {
    /// There was room everywhere, and it is taken.
    Yes,
    /// Somewhere there is none, and nothing was taken.
    No {
        /// When to try again.
        retry_after: Duration,
    },
}

/// Counts across users, processes and restarts.
///
/// Of any number of charges at once, exactly as many pass as there is room for.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Limiter: Send + Sync {
    /// Takes room for one event under every key of `charges`, or under none.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was taken, and whoever guards money with this must refuse.
    async fn charge(&self, charges: &[Charge], now: Timestamp) -> Result<Charged, StoreError>;
}
