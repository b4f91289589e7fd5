use async_trait::async_trait;

use super::SinkError;
use crate::EmailAddress;

/// Tells users, on another way than the phone, what changed about their account.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SecurityNotices: Send + Sync {
    /// Tells one thing, once; it may be told again with the same id.
    ///
    /// # Errors
    /// [`SinkError`]: it may or may not have been taken. No error quotes the address.
    async fn notify(&self, id: &str, to: &EmailAddress, subject: &str, text: &str) -> Result<(), SinkError>;
}
