//! One user: the aggregate that is loaded and committed as one.

use std::time::Duration;

use crate::failures::Failures;
use crate::policy::Policy;
use crate::ports::Aggregate;
use crate::profile::Profile;
use crate::{PasswordHash, Timestamp, UserId, UserPhones};

/// A password as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPassword {
    /// Its hash.
    pub hash: PasswordHash,
    /// When it was set.
    pub updated_at: Timestamp,
}

/// A user with everything that changes together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The identifier.
    pub id: UserId,
    /// Names and notes.
    pub profile: Profile,
    /// The phone numbers, the second factor, the backup codes.
    pub phones: UserPhones,
    /// Kept out by an administrator, until let in again.
    pub banned: bool,
    /// Kept from entering codes until then.
    pub locked_until: Option<Timestamp>,
    /// The password, if there is one.
    pub password: Option<StoredPassword>,
    /// The wrong passwords and codes.
    pub failures: Failures,
    /// Grows whenever all sessions of the user end at once; those of an older generation are over.
    pub sessions_generation: i64,
    /// Whether the user may delete the account.
    pub delete_self_enabled: bool,
    /// When the user last signed in.
    pub last_sign_in_at: Option<Timestamp>,
    /// The day (UTC) on which the user last did something.
    pub last_active_at: Option<Timestamp>,
    /// When the user was made.
    pub created_at: Timestamp,
    /// When anything of the user or of a number last changed; grows with every change.
    pub updated_at: Timestamp,
}

impl Aggregate for User {
    type Id = UserId;
}

impl User {
    /// A user without anything.
    #[must_use]
    pub fn new(id: UserId, now: Timestamp) -> Self {
        Self {
            id,
            profile: Profile::default(),
            phones: UserPhones::default(),
            banned: false,
            locked_until: None,
            password: None,
            failures: Failures::default(),
            // Not zero: a user made anew under the id of a deleted one must not inherit sessions.
            sessions_generation: now.as_millis(),
            delete_self_enabled: true,
            last_sign_in_at: None,
            last_active_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// How long the user is still locked; none if not locked.
    #[must_use]
    pub fn locked_for(&self, now: Timestamp) -> Option<Duration> {
        self.locked_until
            .map(|until| until.since(now))
            .filter(|left| !left.is_zero())
    }

    /// A wrong password or code: it counts, and may lock the user.
    pub fn fail(&mut self, now: Timestamp, policy: &Policy) {
        let until = self.failures.note(now, &policy.lockout);
        self.locked_until = self.locked_until.max(until);
    }

    /// Sets a password, or takes it away.
    pub fn set_password(&mut self, hash: Option<PasswordHash>, now: Timestamp) {
        self.password = hash.map(|hash| StoredPassword { hash, updated_at: now });
    }

    /// Ends every session of the user, wherever it is.
    pub const fn end_sessions(&mut self) {
        self.sessions_generation = self.sessions_generation.saturating_add(1);
    }

    /// Notes that the user was here today. True if that is news.
    pub fn seen(&mut self, now: Timestamp) -> bool {
        let today = Some(now.start_of_day());
        let news = self.last_active_at != today;
        self.last_active_at = today;
        news
    }

    /// Notes on the user, and on each number, that it changed since `before`.
    pub(crate) fn stamp(&mut self, before: &Self, now: Timestamp) {
        self.phones.stamp(&before.phones, now);
        let was_here = Self {
            last_active_at: self.last_active_at,
            failures: self.failures.clone(),
            ..before.clone()
        };
        if *self != was_here {
            // Listeners compare `updated_at` to decide whether to redraw (contract 5.4), so it
            // grows also when two changes fall into one millisecond or the clock went back.
            let next = Timestamp::from_millis(before.updated_at.as_millis().saturating_add(1));
            self.updated_at = now.max(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn updated_at_grows_with_every_change_and_with_nothing_else() {
        let at = Timestamp::from_millis;
        let before = User::new("user_a".parse().unwrap(), at(1_000));
        let mut seen = before.clone();
        assert!(seen.seen(at(2_000)));
        seen.stamp(&before, at(2_000));
        assert_eq!(seen.updated_at, at(1_000));
        let mut banned = before.clone();
        banned.banned = true;
        banned.stamp(&before, at(500));
        assert_eq!(banned.updated_at, at(1_001));
    }

    #[test]
    fn a_lock_ends_by_itself() {
        let at = Timestamp::from_millis;
        let mut user = User::new("user_a".parse().unwrap(), at(0));
        user.locked_until = Some(at(1_000));
        assert_eq!(user.locked_for(at(400)), Some(Duration::from_millis(600)));
        assert_eq!(user.locked_for(at(1_000)), None);
    }
}
