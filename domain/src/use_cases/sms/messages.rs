//! Texts as a back end sees them.

use super::super::{AuthError, UseCases};
use crate::ports::MessageQuery;
use crate::{Message, MessageId};

impl UseCases {
    /// One text.
    ///
    /// # Errors
    /// [`AuthError::NotFound`].
    pub async fn message(&self, id: &MessageId) -> Result<Message, AuthError> {
        self.ports.sms_outbox.message(id).await?.ok_or(AuthError::NotFound)
    }

    /// One page of texts, youngest first, and how many fit in all.
    ///
    /// # Errors
    /// [`AuthError::User`].
    pub async fn messages(&self, query: &MessageQuery) -> Result<(Vec<Message>, u64), AuthError> {
        Ok(self.ports.sms_outbox.messages(query).await?)
    }
}
