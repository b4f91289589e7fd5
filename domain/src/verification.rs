//! How far the proof of a phone number has come.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::secrets::CodeHash;
use crate::user_phones::PhoneError;
use crate::{BackEndVerificationId, Timestamp};

/// The proof that a number belongs to its user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// No code was asked for yet.
    Unprepared,
    /// A code is out.
    Running {
        /// The code, as a keyed hash.
        code: CodeHash,
        /// Wrong codes so far.
        attempts: u8,
        /// When the code was made.
        prepared_at: Timestamp,
        /// From this moment on the code is refused.
        expires_at: Timestamp,
    },
    /// Too many wrong codes; the right one is refused as well.
    Failed(Closed),
    /// The code outlived its time and was tried afterwards.
    Expired(Closed),
    /// The user entered the code.
    ByCode {
        /// Codes tried, the right one included.
        attempts: u8,
        /// When the code would have expired.
        expires_at: Timestamp,
    },
    /// A back end said so, with the secret key.
    ByAdmin,
    /// The outside identity provider said so, in a token.
    ByProvider,
}

/// A verification that a back end drives. A number has one at a time: a new code takes the place of the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackEndVerification {
    /// The identifier, by which the back end tries a code on it.
    pub id: BackEndVerificationId,
    /// How far it has come.
    pub verification: Verification,
}

/// What remains of a code that can no longer be entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Wrong codes entered.
    pub attempts: u8,
    /// When the code was made.
    pub prepared_at: Timestamp,
    /// When it expired or would have.
    pub expires_at: Timestamp,
}

/// The status in the contract's words (5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerificationStatus {
    /// A code is out, not yet confirmed.
    Unverified,
    /// Proven.
    Verified,
    /// Too many wrong codes.
    Failed,
    /// The code is too old.
    Expired,
}

/// What became of an attempt. Each is kept: a wrong code counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The code was right; the number is proven.
    Verified,
    /// The code was wrong; so many more may be tried.
    WrongCode {
        /// At least 1.
        attempts_left: u8,
    },
    /// This or an earlier wrong code was the last one allowed.
    Failed,
    /// The code is too old.
    Expired,
}

impl Verification {
    /// Whether the number is proven.
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        matches!(self, Self::ByCode { .. } | Self::ByAdmin | Self::ByProvider)
    }

    /// The status as a reader sees it at `now`: a code that ran out is expired, also while
    /// nobody has tried it. None before the first code.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> Option<VerificationStatus> {
        match self {
            Self::Unprepared => None,
            Self::Running { expires_at, .. } if now >= *expires_at => Some(VerificationStatus::Expired),
            Self::Running { .. } => Some(VerificationStatus::Unverified),
            Self::Failed(_) => Some(VerificationStatus::Failed),
            Self::Expired(_) => Some(VerificationStatus::Expired),
            Self::ByCode { .. } | Self::ByAdmin | Self::ByProvider => Some(VerificationStatus::Verified),
        }
    }

    /// Codes tried so far; none where no code is involved.
    #[must_use]
    pub const fn attempts(&self) -> Option<u8> {
        match self {
            Self::Unprepared | Self::ByAdmin | Self::ByProvider => None,
            Self::Running { attempts, .. } | Self::ByCode { attempts, .. } => Some(*attempts),
            Self::Failed(closed) | Self::Expired(closed) => Some(closed.attempts),
        }
    }

    /// When the code stops working, or would have.
    #[must_use]
    pub const fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::Unprepared | Self::ByAdmin | Self::ByProvider => None,
            Self::Running { expires_at, .. } | Self::ByCode { expires_at, .. } => Some(*expires_at),
            Self::Failed(closed) | Self::Expired(closed) => Some(closed.expires_at),
        }
    }

    /// When the last code was made, as long as the number is not proven.
    #[must_use]
    pub const fn prepared_at(&self) -> Option<Timestamp> {
        match self {
            Self::Unprepared | Self::ByCode { .. } | Self::ByAdmin | Self::ByProvider => None,
            Self::Running { prepared_at, .. } => Some(*prepared_at),
            Self::Failed(closed) | Self::Expired(closed) => Some(closed.prepared_at),
        }
    }

    /// Refuses another code as long as the last one is young.
    pub(crate) fn must_be_due(&self, now: Timestamp, resend_after: Duration) -> Result<(), PhoneError> {
        let Some(prepared_at) = self.prepared_at() else {
            return Ok(());
        };
        // The distance counts, whichever way: a clock set back by an hour locks nobody out.
        let distance = now.since(prepared_at).max(prepared_at.since(now));
        match resend_after.checked_sub(distance).filter(|wait| !wait.is_zero()) {
            Some(retry_after) => Err(PhoneError::TooSoon { retry_after }),
            None => Ok(()),
        }
    }

    /// A code that was just made.
    pub(crate) fn started(code: CodeHash, now: Timestamp, lifetime: Duration) -> Self {
        Self::Running {
            code,
            attempts: 0,
            prepared_at: now,
            expires_at: now.plus(lifetime),
        }
    }

    /// Tries a code. None if there is nothing to try it on (no code out, or already proven).
    pub(crate) fn attempt(&mut self, tried: CodeHash, now: Timestamp, max_attempts: u8) -> Option<AttemptOutcome> {
        match *self {
            Self::Unprepared | Self::ByCode { .. } | Self::ByAdmin | Self::ByProvider => None,
            Self::Failed(_) => Some(AttemptOutcome::Failed),
            Self::Expired(_) => Some(AttemptOutcome::Expired),
            Self::Running {
                attempts,
                prepared_at,
                expires_at,
                ..
            } if now >= expires_at => {
                *self = Self::Expired(Closed {
                    attempts,
                    prepared_at,
                    expires_at,
                });
                Some(AttemptOutcome::Expired)
            }
            Self::Running {
                code,
                attempts,
                expires_at,
                ..
            } if code == tried => {
                *self = Self::ByCode {
                    attempts: attempts.saturating_add(1),
                    expires_at,
                };
                Some(AttemptOutcome::Verified)
            }
            Self::Running {
                code,
                attempts,
                prepared_at,
                expires_at,
            } => {
                let attempts = attempts.saturating_add(1);
                if attempts >= max_attempts {
                    *self = Self::Failed(Closed {
                        attempts,
                        prepared_at,
                        expires_at,
                    });
                    return Some(AttemptOutcome::Failed);
                }
                *self = Self::Running {
                    code,
                    attempts,
                    prepared_at,
                    expires_at,
                };
                Some(AttemptOutcome::WrongCode {
                    attempts_left: max_attempts - attempts,
                })
            }
        }
    }
}
