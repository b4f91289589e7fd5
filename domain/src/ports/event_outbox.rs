use std::time::Duration;

use async_trait::async_trait;

use super::{BoxError, Event, StoreError};
use crate::Timestamp;

/// An event that waits to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedEvent {
    /// The event.
    pub event: Event,
    /// How often it was tried before.
    pub tries: u32,
}

/// What became of telling an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// It was taken. With `erase` its body is forgotten at once.
    Delivered {
        /// Whether the body may stand in the store no longer.
        erase: bool,
    },
    /// It was not; again at that moment, or never.
    Failed {
        /// When to try again; none gives up.
        again_at: Option<Timestamp>,
        /// Why, without the body.
        reason: String,
    },
}

/// Keeps events from the commit that made them until they are told.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait EventOutbox: Send + Sync {
    /// Takes up to `limit` events that are due, the oldest first; nobody else gets them for `lease`.
    /// Whoever dies with some of them leaves them to others after that.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn claim(&self, now: Timestamp, lease: Duration, limit: u32) -> Result<Vec<QueuedEvent>, StoreError>;

    /// Notes what became of an event.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn record_outcome(&self, id: &str, outcome: &DeliveryOutcome, now: Timestamp) -> Result<(), StoreError>;

    /// Makes events due again that were made since then: with `all` also those that were told, else
    /// those alone that were not. Answers how many.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn replay(&self, since: Timestamp, all: bool, now: Timestamp) -> Result<u64, StoreError>;

    /// Forgets events that were made before then and wait no longer. Answers how many.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn forget(&self, before: Timestamp) -> Result<u64, StoreError>;
}

/// The subscriber did not take an event.
#[derive(Debug, thiserror::Error)]
#[error("the event was not taken")]
pub struct SinkError(#[source] pub BoxError);

/// Tells events to whoever subscribed.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait EventSink: Send + Sync {
    /// Tells `event` once. It may be told again with the same id.
    ///
    /// # Errors
    /// [`SinkError`]: it may or may not have been taken. No error quotes the body.
    async fn tell(&self, event: &Event, now: Timestamp) -> Result<(), SinkError>;
}
