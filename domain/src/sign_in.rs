//! A sign-in under way, in the client that began it.

use serde::{Deserialize, Serialize};

use crate::proof::Proof;
use crate::sign_up::ABANDONED_AFTER;
use crate::{E164, SessionId, SignInId, Timestamp, UserId};

/// What a sign-in waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Nobody was named yet.
    NeedsIdentifier,
    /// The first factor.
    NeedsFirstFactor,
    /// The second factor.
    NeedsSecondFactor,
    /// The first factor passed in order to set a new password.
    NeedsNewPassword,
    /// Nothing: it led to this session.
    Complete(SessionId),
}

impl Step {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NeedsIdentifier => "needs_identifier",
            Self::NeedsFirstFactor => "needs_first_factor",
            Self::NeedsSecondFactor => "needs_second_factor",
            Self::NeedsNewPassword => "needs_new_password",
            Self::Complete(_) => "complete",
        }
    }
}

/// A sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// The identifier, `sia_…`.
    pub id: SignInId,
    /// The number that was typed.
    pub identifier: Option<E164>,
    /// Whose it is.
    pub user: Option<UserId>,
    /// What it waits for.
    pub step: Step,
    /// What has come of the first factor.
    pub first: Option<Proof>,
    /// What has come of the second factor.
    pub second: Option<Proof>,
    /// When the first factor passed.
    pub first_passed_at: Option<Timestamp>,
    /// When it began.
    pub created_at: Timestamp,
}

impl SignIn {
    /// A sign-in of nobody yet.
    #[must_use]
    pub fn new(id: SignInId, now: Timestamp) -> Self {
        Self {
            id,
            identifier: None,
            user: None,
            step: Step::NeedsIdentifier,
            first: None,
            second: None,
            first_passed_at: None,
            created_at: now,
        }
    }

    /// When it is given up.
    #[must_use]
    pub fn abandon_at(&self) -> Timestamp {
        self.created_at.plus(ABANDONED_AFTER)
    }

    /// Whether it still goes on.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        !matches!(self.step, Step::Complete(_)) && now < self.abandon_at()
    }

    /// The session that it led to.
    #[must_use]
    pub const fn session(&self) -> Option<&SessionId> {
        match &self.step {
            Step::Complete(session) => Some(session),
            _ => None,
        }
    }
}
