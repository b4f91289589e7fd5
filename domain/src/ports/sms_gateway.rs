use std::time::Duration;

use async_trait::async_trait;

use super::BoxError;
use crate::{E164, OtpCode};

/// One text message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sms {
    /// To whom.
    pub to: E164,
    /// The code in it, for gateways that build a text of their own.
    pub code: OtpCode,
    /// The application's name, as in the text.
    pub application: String,
    /// How long the code is valid.
    pub valid_for: Duration,
}

impl Sms {
    /// The text that reaches the user. It holds the code: never log it.
    #[must_use]
    pub fn body(&self) -> String {
        let (code, application) = (self.code.reveal(), &self.application);
        let minutes = self.valid_for.as_secs().div_ceil(60);
        format!(
            "{code} is your {application} verification code. It is valid for {minutes} minutes; share it with nobody."
        )
    }
}

/// A provider's word that it took a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The provider's id of the message.
    pub provider_id: String,
}

/// Why a message was not taken, each an instruction to the caller.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Never again to this number: landline, opted out, no such subscriber.
    #[error("the provider rejects this number")]
    Rejected(#[source] BoxError),
    /// Our account or configuration is at fault; an operator must look.
    #[error("the provider refuses our account or configuration")]
    Refused(#[source] BoxError),
    /// The provider asks for a pause.
    #[error("the provider throttles; again in {} s", retry_after.as_secs())]
    Throttled {
        /// How long to wait.
        retry_after: Duration,
    },
    /// It was certainly not taken; another try or another provider may succeed.
    #[error("the provider cannot be reached")]
    Unavailable(#[source] BoxError),
    /// It may have been taken; another try may text twice.
    #[error("whether the provider took the message is unknown")]
    Unknown(#[source] BoxError),
}

/// Hands text messages to a carrier.
///
/// A gateway never retries: each try may cost money, and the caller decides. It answers within
/// a time limit of its own, and any number of sends may run at once.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait SmsGateway: Send + Sync {
    /// Submits `sms` once and returns the provider's receipt for it.
    ///
    /// # Errors
    /// See [`SendError`]. No error may quote the text.
    async fn send(&self, sms: &Sms) -> Result<Receipt, SendError>;
}
