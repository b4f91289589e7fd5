//! A ticket: what a back end makes so that one user may sign in with it, once.

use std::time::Duration;

use crate::ports::{Aggregate, Change, Write};
use crate::{SignInTokenId, Timestamp, TokenHash, UserId};

/// How long a ticket is valid if nothing else is said: 30 days (contract 8.5).
pub const TICKET_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// How a ticket stands.
#[expect(missing_docs, reason = "the names are the contract's (8.5)")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TicketStatus {
    Pending,
    Accepted,
    Revoked,
}

impl TicketStatus {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Revoked => "revoked",
        }
    }
}

/// Why a ticket does not do what is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Not one of ours.
    #[error("the ticket is not one of this instance")]
    Unknown,
    /// Too old.
    #[error("the ticket has expired")]
    Expired,
    /// Somebody signed in with it.
    #[error("the ticket was used already")]
    Used,
    /// A back end took it back.
    #[error("the ticket was revoked")]
    Revoked,
    /// Its user is gone.
    #[error("the ticket is of no use any more")]
    Useless,
    /// Only a pending ticket can be revoked.
    #[error("the ticket can no longer be revoked")]
    NotPending,
}

/// A ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInToken {
    /// The identifier, `sit_…`.
    pub id: SignInTokenId,
    /// What is kept of the secret.
    pub token: TokenHash,
    /// Who signs in with it.
    pub user: UserId,
    /// How it stands.
    pub status: TicketStatus,
    /// From this moment on it is refused.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Aggregate for SignInToken {
    type Id = SignInTokenId;

    fn id(&self) -> &SignInTokenId {
        &self.id
    }

    fn write(change: Change<Self>) -> Write {
        Write::SignInToken(Box::new(change))
    }
}

impl SignInToken {
    /// Uses the ticket up.
    ///
    /// # Errors
    /// [`TicketError::Used`], [`TicketError::Revoked`], [`TicketError::Expired`].
    pub fn redeem(&mut self, now: Timestamp) -> Result<(), TicketError> {
        match self.status {
            TicketStatus::Accepted => Err(TicketError::Used),
            TicketStatus::Revoked => Err(TicketError::Revoked),
            TicketStatus::Pending if now >= self.expires_at => Err(TicketError::Expired),
            TicketStatus::Pending => {
                self.status = TicketStatus::Accepted;
                self.updated_at = now;
                Ok(())
            }
        }
    }

    /// Takes the ticket back.
    ///
    /// # Errors
    /// [`TicketError::NotPending`].
    pub fn revoke(&mut self, now: Timestamp) -> Result<(), TicketError> {
        if self.status != TicketStatus::Pending {
            return Err(TicketError::NotPending);
        }
        self.status = TicketStatus::Revoked;
        self.updated_at = now;
        Ok(())
    }
}
