use async_trait::async_trait;

use super::BoxError;
use crate::{EmailAddress, ProviderPhone, UserId};

/// Who a token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user: the provider's `sub`.
    pub user: UserId,
    /// The provider's `email`, if it says that this is the user's.
    pub email: Option<EmailAddress>,
    /// What the provider says of the user's phone number, where the operator trusts it in that. A token without the claim
    /// says nothing.
    pub phone: Option<ProviderPhone>,
}

/// Why a token identifies nobody.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Another provider's token; ask the next one.
    #[error("the token is of another issuer")]
    NotMine,
    /// Forged, expired, for another audience, malformed…: never valid again.
    #[error("the token is not valid")]
    Invalid(#[source] BoxError),
    /// The provider's keys cannot be had right now; the same token may be valid later.
    #[error("the keys of the identity provider cannot be had")]
    Unavailable(#[source] BoxError),
}

/// Recognises users by the tokens of an identity provider that the team already has.
///
/// Safe to ask from many requests at once; an adapter that fetches keys keeps them.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// Checks `token` (the text after `Bearer `) and answers whose it is.
    ///
    /// # Errors
    /// See [`IdentityError`]. No error may quote the token.
    async fn identify(&self, token: &str) -> Result<Identity, IdentityError>;
}
