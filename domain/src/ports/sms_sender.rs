use async_trait::async_trait;

use super::SendError;
use crate::message::Message;

/// How far a message got while somebody waited.
#[derive(Debug)]
pub enum Sending {
    /// A provider took it, or may have.
    Sent,
    /// Not yet; it goes on by itself.
    Underway,
    /// No provider will take it.
    Failed(SendError),
}

/// Sends a message that is committed, and waits a little for it.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SmsSender: Send + Sync {
    /// Tries `message`, which the caller holds leased, and goes on trying when the caller has gone.
    async fn send(&self, message: Message) -> Sending;

    /// The same for a caller who must not wait for it, however short.
    fn hand_over(&self, message: Message);
}
