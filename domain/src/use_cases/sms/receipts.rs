//! What providers say became of texts.

use super::super::{AuthError, UseCases};
use crate::ports::DeliveryReceipt;

impl UseCases {
    /// Records what the provider behind `gateway` says of one text. Whether there is such a text.
    ///
    /// # Errors
    /// [`AuthError::User`] if the store fails.
    pub async fn take_receipt(&self, gateway: &str, receipt: &DeliveryReceipt) -> Result<bool, AuthError> {
        Ok(self.ports.sms_outbox.receipt(gateway, receipt, self.now()).await?)
    }
}
