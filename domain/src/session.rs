//! The stay of one user in one client.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::policy::Policy;
use crate::proof::{Factor, Proof, Strategy};
use crate::{SessionId, Timestamp, User, UserId};

/// What has become of a session that a client or its user ended.
#[expect(missing_docs, reason = "the names are the contract's (5.5)")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    Ended,
    Removed,
    Revoked,
    Replaced,
}

/// How a session stands, in the contract's words (5.5).
#[expect(missing_docs, reason = "the names are the contract's (5.5)")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionStatus {
    Active,
    /// Signed in, but a task is left: the instance requires a second factor that the user lacks.
    Pending,
    Ended,
    Removed,
    Revoked,
    Replaced,
    Expired,
}

impl SessionStatus {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Ended => "ended",
            Self::Removed => "removed",
            Self::Revoked => "revoked",
            Self::Replaced => "replaced",
            Self::Expired => "expired",
        }
    }

    /// Whether somebody is signed in by it.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Active | Self::Pending)
    }
}

/// Where a session was last used, as the client said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Activity {
    /// The visitor's address.
    pub address: Option<String>,
    /// The `User-Agent` header, at most 255 characters of it.
    pub user_agent: Option<String>,
}

/// A session.
///
/// Its row says what its client did with it; whether it is live also depends on its user, who may
/// have been banned or deleted, or whose sessions an administrator may have ended, since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The identifier, `sess_…`.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// How it was ended, if it was.
    pub ending: Option<Ending>,
    /// The user's generation of sessions when it began; see [`User::sessions_generation`].
    pub generation: i64,
    /// When the first factor was last proven in it.
    pub first_factor_at: Option<Timestamp>,
    /// When the second factor was last proven in it.
    pub second_factor_at: Option<Timestamp>,
    /// A reverification under way, or the last one.
    pub reverification: Option<Reverification>,
    /// From where it is used.
    pub activity: Activity,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last touched.
    pub last_active_at: Timestamp,
    /// From this moment on it is no longer live.
    pub expire_at: Timestamp,
    /// When anything of it last changed.
    pub updated_at: Timestamp,
}

impl Session {
    /// How the session of `user` (none if deleted) stands.
    #[must_use]
    pub fn status(&self, user: Option<&User>, second_factor_required: bool, now: Timestamp) -> SessionStatus {
        match (self.ending, user) {
            (Some(Ending::Ended), _) => SessionStatus::Ended,
            (Some(Ending::Removed), _) => SessionStatus::Removed,
            (Some(Ending::Replaced), _) => SessionStatus::Replaced,
            (Some(Ending::Revoked), _) | (None, None) => SessionStatus::Revoked,
            (None, Some(user)) if user.banned || user.sessions_generation != self.generation => SessionStatus::Revoked,
            (None, Some(_)) if now >= self.expire_at => SessionStatus::Expired,
            (None, Some(user)) if second_factor_required && !user.two_factor_enabled() => SessionStatus::Pending,
            (None, Some(_)) => SessionStatus::Active,
        }
    }

    /// Ends the session, if nothing has ended it before.
    pub(crate) fn end(&mut self, how: Ending, now: Timestamp) {
        if self.ending.is_none() {
            self.ending = Some(how);
            self.updated_at = now;
        }
    }

    /// Whole minutes since the first and the second factor were proven (contract 5.5).
    #[must_use]
    pub fn factor_ages(&self, now: Timestamp) -> [Option<u64>; 2] {
        [self.first_factor_at, self.second_factor_at].map(|at| at.map(|at| now.since(at).as_secs() / 60))
    }

    /// Whether the strongest factor that `user` has was proven within `span`.
    #[must_use]
    pub fn is_fresh(&self, user: &User, now: Timestamp, span: Duration) -> bool {
        let strongest = if user.two_factor_enabled() {
            self.second_factor_at
        } else {
            self.first_factor_at
        };
        strongest.is_some_and(|at| now.since(at) < span)
    }
}

/// Which factors a reverification asks for.
#[expect(missing_docs, reason = "the names are the contract's (5.9)")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    FirstFactor,
    SecondFactor,
    MultiFactor,
}

impl Level {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FirstFactor => "first_factor",
            Self::SecondFactor => "second_factor",
            Self::MultiFactor => "multi_factor",
        }
    }

    /// Whether the first factor is asked for.
    #[must_use]
    pub const fn asks_for_first(self) -> bool {
        matches!(self, Self::FirstFactor | Self::MultiFactor)
    }

    /// Whether the second factor is asked for.
    #[must_use]
    pub const fn asks_for_second(self) -> bool {
        matches!(self, Self::SecondFactor | Self::MultiFactor)
    }
}

/// What a reverification waits for.
#[expect(missing_docs, reason = "the names are the contract's (5.9)")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReverificationStatus {
    NeedsFirstFactor,
    NeedsSecondFactor,
    Complete,
}

/// The user proves a factor again, within a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reverification {
    /// What it asks for.
    pub level: Level,
    /// What has come of the first factor.
    pub first: Option<Proof>,
    /// What has come of the second factor.
    pub second: Option<Proof>,
}

impl Reverification {
    /// A new one; without a second factor there is but the first to ask for.
    #[must_use]
    pub fn new(level: Level, user: &User) -> Self {
        Self {
            level: if user.two_factor_enabled() {
                level
            } else {
                Level::FirstFactor
            },
            first: None,
            second: None,
        }
    }

    /// What it waits for.
    #[must_use]
    pub fn status(&self) -> ReverificationStatus {
        let passed = |proof: &Option<Proof>| proof.as_ref().is_some_and(Proof::is_passed);
        if self.level.asks_for_first() && !passed(&self.first) {
            ReverificationStatus::NeedsFirstFactor
        } else if self.level.asks_for_second() && !passed(&self.second) {
            ReverificationStatus::NeedsSecondFactor
        } else {
            ReverificationStatus::Complete
        }
    }

    /// The first factors to choose from; none where no first factor is asked for. They are what one signs in with, but a
    /// password is not reset within a session.
    #[must_use]
    pub fn first_factors(&self, user: &User, policy: &Policy) -> Option<Vec<Factor>> {
        let mut factors = self
            .level
            .asks_for_first()
            .then(|| Factor::first_of(user, None, policy))?;
        factors.retain(|factor| factor.strategy != Strategy::ResetPasswordPhoneCode);
        Some(factors)
    }

    /// The second factors to choose from; none where no second factor is asked for.
    #[must_use]
    pub fn second_factors(&self, user: &User) -> Option<Vec<Factor>> {
        self.level.asks_for_second().then(|| Factor::second_of(user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::policy;
    use crate::{AdminNumber, Standing};

    #[test]
    fn a_reverification_offers_the_factors_that_it_asks_for_and_no_others() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let mut user = User::new("user_a".parse().unwrap(), now);
        for second in [false, true] {
            let new = AdminNumber {
                id: format!("idn_{:027}", u8::from(second)).parse().unwrap(),
                number: format!("+1415555267{}", u8::from(second)).parse().unwrap(),
                standing: Standing::Verified,
                primary: false,
                reserved_for_second_factor: second,
            };
            user.phones.add_by_admin(new, &[], now).unwrap();
        }
        for (level, first, second) in [
            (Level::FirstFactor, true, false),
            (Level::SecondFactor, false, true),
            (Level::MultiFactor, true, true),
        ] {
            let begun = Reverification::new(level, &user);
            assert_eq!(
                begun.first_factors(&user, &policy()).map(|factors| factors.len()),
                first.then_some(1)
            );
            assert_eq!(
                begun.second_factors(&user).map(|factors| factors.len()),
                second.then_some(1)
            );
        }
    }
}
