use super::{BoxError, DeliveryReceipt};

/// A provider's call that says what became of a text.
#[derive(Debug, Clone, Default)]
pub struct Callback {
    /// The address that the provider was given to call, as it is known outside.
    pub url: String,
    /// The query of the call, still encoded.
    pub query: String,
    /// The headers; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The time, in seconds since the epoch, for providers that sign theirs.
    pub now: i64,
}

impl Callback {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Why a call is not believed, or not understood.
#[derive(Debug, thiserror::Error)]
pub enum CallbackError {
    /// It does not come from the provider.
    #[error("the signature is missing or wrong")]
    Signature,
    /// It does, and makes no sense.
    #[error("the call is not understood")]
    Malformed(#[source] BoxError),
}

/// Reads what a provider says about texts that it took.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait SmsReceipts: Send + Sync {
    /// Checks that the call is the provider's and reads it. Nothing for a state that says nothing new.
    ///
    /// # Errors
    /// [`CallbackError`].
    fn read(&self, call: &Callback) -> Result<Vec<DeliveryReceipt>, CallbackError>;
}
