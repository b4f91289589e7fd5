use async_trait::async_trait;

use super::StoreError;
use crate::message::{DeliveryReceipt, Message, MessageState, SendOutcome};
use crate::{MessageId, Timestamp, UserId};

/// Which messages are meant; all given conditions must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageQuery {
    /// To this user.
    pub user: Option<UserId>,
    /// To this number.
    pub to: Option<crate::E164>,
    /// That have come this far.
    pub state: Option<MessageState>,
    /// At most so many, youngest first.
    pub limit: u32,
    /// After leaving out so many.
    pub offset: u64,
}

/// Keeps messages from the commit that made them ([`Write::Message`](super::Write::Message)) until nobody asks any more.
///
/// Any number of processes may share it: a message is with one of them at a time.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SmsOutbox: Send + Sync {
    /// Leases up to `limit` messages that are due, the oldest first ([`Message::lease`]).
    ///
    /// # Errors
    /// [`StoreError`].
    async fn claim(&self, now: Timestamp, limit: u32) -> Result<Vec<Message>, StoreError>;

    /// Notes what came of a try ([`Message::record_outcome`]) of the message that was `leased` for it. A receipt may have been
    /// faster: what decides is the message as it is kept, and `leased` is the guess at it that nearly always holds.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn record_outcome(&self, leased: &Message, outcome: &SendOutcome, now: Timestamp) -> Result<(), StoreError>;

    /// Notes what the carrier behind `gateway` says ([`Message::apply_receipt`]). Whether there is such a message.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn receipt(&self, gateway: &str, receipt: &DeliveryReceipt, now: Timestamp) -> Result<bool, StoreError>;

    /// One message.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn message(&self, id: &MessageId) -> Result<Option<Message>, StoreError>;

    /// One page of messages, youngest first, and how many fit in all.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn messages(&self, query: &MessageQuery) -> Result<(Vec<Message>, u64), StoreError>;

    /// Forgets messages that were made before then and wait for nothing. Answers how many.
    ///
    /// # Errors
    /// [`StoreError`].
    async fn forget_messages(&self, before: Timestamp) -> Result<u64, StoreError>;
}
