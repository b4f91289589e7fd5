use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use super::BoxError;
use crate::{E164, MessageId, OtpCode, Segments};

/// One text message.
#[derive(Clone, PartialEq, Eq)]
pub struct Sms {
    /// Which message this is; the same on every try.
    pub id: MessageId,
    /// To whom.
    pub to: E164,
    /// The code in it, for gateways that build a text of their own; none in a notice.
    pub code: Option<OtpCode>,
    text: String,
    /// From whom, where the route says so: a number, a name, a messaging service.
    pub sender: Option<String>,
    /// How long the text is still worth sending: a code is valid no longer.
    pub valid_for: Duration,
}

impl fmt::Debug for Sms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sms({} to {})", self.id, self.to.masked())
    }
}

impl Sms {
    /// A text, ready to go.
    #[must_use]
    pub const fn new(id: MessageId, to: E164, code: Option<OtpCode>, text: String, valid_for: Duration) -> Self {
        Self {
            id,
            to,
            code,
            text,
            sender: None,
            valid_for,
        }
    }

    /// The text that reaches the user. It holds the code: never log it.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.text
    }

    /// What it costs, in segments.
    #[must_use]
    pub fn segments(&self) -> u32 {
        Segments::of(&self.text).count
    }
}

/// A provider's word that it took a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The provider's id of the message.
    pub provider_id: String,
    /// Which of several gateways took it; said by whoever chose among them.
    pub gateway: Option<String>,
}

impl Receipt {
    /// The receipt of a gateway that is one alone.
    #[must_use]
    pub fn of(provider_id: impl Into<String>) -> Self {
        Self {
            provider_id: provider_id.into(),
            gateway: None,
        }
    }
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
