//! The failure ledgers of one user, one for each kind of factor, and the locks that follow from them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

const DAY: Duration = Duration::from_secs(24 * 3600);
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);
/// Wrong tries in a day after which there is a lock.
const A_DAY: usize = 20;
/// Wrong tries in 30 days after which there is a lock; no success resets these.
const A_MONTH: usize = 50;
/// Wrong tries without a success between, after which the factor is closed for good (NIST SP 800-63B-4 §3.2.2).
const IN_A_ROW: u32 = 100;
/// "For good": the year 9999.
const FOR_GOOD: Timestamp = Timestamp::from_millis(253_370_764_800_000);

/// When wrong passwords and codes lock, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lockout {
    /// Wrong tries within [`Lockout::duration`] that lock; none never lock (load tests).
    pub attempts: Option<u32>,
    /// How long a lock lasts, an administrator's as well.
    pub duration: Duration,
}

/// The wrong tries of one user, by what they were tried on. New codes, sign-ins, sessions and numbers do not reset them.
///
/// Anybody who knows a number can try the first factors. So a wrong one closes the factor that it was tried on and no other,
/// and a code never for longer than [`Lockout::duration`] at a time: it lets the owner in when the password is
/// [exhausted](Ledger::is_exhausted). What is tried within a session, which may be stolen, closes nothing outside of sessions: the
/// owner signs in anew. Somebody who has just passed the first factor is either the owner or has stolen it: wrong second factors
/// lock the user.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "StoredFailures")]
pub struct Failures {
    /// Passwords, as a first factor.
    #[serde(skip_serializing_if = "Ledger::is_empty")]
    pub password: Ledger,
    /// Codes, as a first factor.
    #[serde(skip_serializing_if = "Ledger::is_empty")]
    pub code: Ledger,
    /// Second factors of a sign-in whose first factor has passed.
    #[serde(skip_serializing_if = "Ledger::is_empty")]
    pub second_factor: Ledger,
    /// Codes and backup codes within a session.
    #[serde(skip_serializing_if = "Ledger::is_empty")]
    pub session: Ledger,
    /// The password within a session.
    #[serde(skip_serializing_if = "Ledger::is_empty")]
    pub session_password: Ledger,
}

/// Which of the ledgers is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerKind {
    /// [`Failures::password`].
    Password,
    /// [`Failures::code`].
    Code,
    /// [`Failures::second_factor`].
    SecondFactor,
    /// [`Failures::session`].
    Session,
    /// [`Failures::session_password`].
    SessionPassword,
}

/// The ledgers as a store has them. A process of an earlier version, which may run beside this one for a while, keeps one
/// ledger for all; it counts as the one that locks.
#[derive(Deserialize)]
struct StoredFailures {
    #[serde(default)]
    password: Ledger,
    #[serde(default)]
    code: Ledger,
    #[serde(default)]
    second_factor: Ledger,
    #[serde(default)]
    session: Ledger,
    #[serde(default)]
    session_password: Ledger,
    #[serde(default)]
    recent: Vec<Timestamp>,
    #[serde(default)]
    in_a_row: u32,
}

impl From<StoredFailures> for Failures {
    fn from(stored: StoredFailures) -> Self {
        let StoredFailures { recent, in_a_row, .. } = stored;
        let of_all = Ledger { recent, in_a_row };
        Self {
            password: stored.password,
            code: stored.code,
            session: stored.session,
            session_password: stored.session_password,
            second_factor: if stored.second_factor.is_empty() {
                of_all
            } else {
                stored.second_factor
            },
        }
    }
}

impl Failures {
    /// Nothing to remember.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The strongest factor was right: wrong ones before it in a row were the owner's.
    pub fn forgive(&mut self) {
        for ledger in [&mut self.second_factor, &mut self.session, &mut self.session_password] {
            ledger.reset_streak();
        }
    }

    /// One of the ledgers.
    pub const fn ledger(&mut self, kind: LedgerKind) -> &mut Ledger {
        match kind {
            LedgerKind::Password => &mut self.password,
            LedgerKind::Code => &mut self.code,
            LedgerKind::SecondFactor => &mut self.second_factor,
            LedgerKind::Session => &mut self.session,
            LedgerKind::SessionPassword => &mut self.session_password,
        }
    }

    /// Refuses a factor that is closed. Wrong second factors lock the user and close nothing.
    ///
    /// # Errors
    /// [`FactorClosed`].
    pub fn ensure_open(&self, kind: LedgerKind, now: Timestamp, lockout: &Lockout) -> Result<(), FactorClosed> {
        let ledger = match kind {
            LedgerKind::Password => &self.password,
            LedgerKind::Code => &self.code,
            LedgerKind::Session => &self.session,
            LedgerKind::SessionPassword => &self.session_password,
            LedgerKind::SecondFactor => return Ok(()),
        };
        // A code is new each time; its owner has no other way in.
        if kind != LedgerKind::Code && ledger.is_exhausted(lockout) {
            return Err(FactorClosed { left: None });
        }
        match ledger.closed_until(now, lockout) {
            Some(until) => Err(FactorClosed {
                left: Some(until.since(now)),
            }),
            None => Ok(()),
        }
    }
}

/// Too many wrong tries of one factor; others are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the factor is closed")]
pub struct FactorClosed {
    /// How much longer. None after a hundred wrong tries in a row: a password is closed until it is set anew, and factors
    /// within a session until the strongest factor is verified by another way, or the owner signs in anew.
    pub left: Option<Duration>,
}

/// The wrong tries of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// When, in the last 30 days, oldest first; at most 50.
    recent: Vec<Timestamp>,
    /// How many since the last success.
    in_a_row: u32,
}

impl Ledger {
    /// Nothing to remember.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A ledger as a store test fills it.
    #[cfg(any(test, feature = "conformance"))]
    #[must_use]
    pub const fn of(recent: Vec<Timestamp>, in_a_row: u32) -> Self {
        Self { recent, in_a_row }
    }

    /// Counts a try as wrong. One that turns out right is [withdrawn](Self::withdraw).
    pub fn count(&mut self, now: Timestamp) {
        self.recent.retain(|at| now.since(*at) < MONTH);
        self.recent.push(now);
        let surplus = self.recent.len().saturating_sub(A_MONTH);
        self.recent.drain(..surplus);
        self.in_a_row = self.in_a_row.saturating_add(1);
    }

    /// Takes back the try that was counted at `at`: it was right. Those before it still count.
    pub fn withdraw(&mut self, at: Timestamp) {
        if let Some(position) = self.recent.iter().rposition(|counted| *counted == at) {
            self.recent.remove(position);
        }
        self.in_a_row = self.in_a_row.saturating_sub(1);
    }

    /// A right factor: the wrong ones before it no longer count towards the short lock.
    pub fn reset_streak(&mut self) {
        self.in_a_row = 0;
    }

    /// Until when a factor is closed that anybody may try: for the time of a lock after the last wrong try, however
    /// many there were.
    #[must_use]
    pub fn closed_until(&self, now: Timestamp, lockout: &Lockout) -> Option<Timestamp> {
        let attempts = lockout.attempts?;
        let last = *self.recent.last()?;
        let over = self.counted(now, lockout) >= attempts || self.is_over_day(now) || self.is_over_month(now);
        // If the last try lies in the future, the clock was set back since.
        let until = last.min(now).plus(lockout.duration);
        (over && now < until).then_some(until)
    }

    /// Whether the factor is closed until it is set anew (NIST SP 800-63B-4 §3.2.2).
    #[must_use]
    pub const fn is_exhausted(&self, lockout: &Lockout) -> bool {
        lockout.attempts.is_some() && self.in_a_row >= IN_A_ROW
    }

    /// Until when the user is locked for what was tried after the first factor.
    #[must_use]
    pub fn locks_until(&self, now: Timestamp, lockout: &Lockout) -> Option<Timestamp> {
        let attempts = lockout.attempts?;
        if self.is_exhausted(lockout) {
            return Some(FOR_GOOD);
        }
        let end = |count: usize, span: Duration| {
            let first = self.recent.len().checked_sub(count)?;
            Some(self.recent.get(first)?.plus(span))
        };
        let month = end(A_MONTH, MONTH).filter(|_| self.is_over_month(now));
        let day = end(A_DAY, DAY).filter(|_| self.is_over_day(now));
        let short = (self.counted(now, lockout) >= attempts).then(|| now.plus(lockout.duration));
        month.max(day).max(short)
    }

    /// How many more wrong tries there may be before the lock.
    #[must_use]
    pub fn remaining(&self, now: Timestamp, lockout: &Lockout) -> Option<u32> {
        lockout
            .attempts
            .map(|attempts| attempts.saturating_sub(self.counted(now, lockout)))
    }

    /// Since the last success and within the time of a lock.
    fn counted(&self, now: Timestamp, lockout: &Lockout) -> u32 {
        let late = self.recent.iter().filter(|at| now.since(**at) < lockout.duration);
        u32::try_from(late.count()).unwrap_or(u32::MAX).min(self.in_a_row)
    }

    fn is_over_day(&self, now: Timestamp) -> bool {
        usize::try_from(self.in_a_row).unwrap_or(usize::MAX) >= A_DAY && self.are_within(A_DAY, DAY, now)
    }

    fn is_over_month(&self, now: Timestamp) -> bool {
        self.are_within(A_MONTH, MONTH, now)
    }

    /// Whether the last `count` were within `span`.
    fn are_within(&self, count: usize, span: Duration, now: Timestamp) -> bool {
        let first = self.recent.len().checked_sub(count);
        first
            .and_then(|first| self.recent.get(first))
            .is_some_and(|oldest| now.since(*oldest) < span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert, proptest};

    const LOCKOUT: Lockout = Lockout {
        attempts: Some(10),
        duration: Duration::from_secs(3600),
    };

    fn minute(minute: u64) -> Timestamp {
        Timestamp::from_millis(0).plus(Duration::from_secs(minute * 60))
    }

    fn counted(minutes: impl IntoIterator<Item = u64>) -> Ledger {
        let mut ledger = Ledger::default();
        for at in minutes {
            ledger.count(minute(at));
        }
        ledger
    }

    #[test]
    fn ten_in_an_hour_lock_for_an_hour() {
        assert_eq!(counted(0..9).locks_until(minute(8), &LOCKOUT), None);
        assert_eq!(counted(0..9).remaining(minute(9), &LOCKOUT), Some(1));
        let ledger = counted(0..10);
        assert_eq!(ledger.locks_until(minute(9), &LOCKOUT), Some(minute(69)));
        assert_eq!(ledger.closed_until(minute(9), &LOCKOUT), Some(minute(69)));
        assert_eq!(ledger.remaining(minute(9), &LOCKOUT), Some(0));
        assert_eq!(ledger.remaining(minute(200), &LOCKOUT), Some(10));
        assert_eq!(ledger.closed_until(minute(69), &LOCKOUT), None);
    }

    #[test]
    fn a_success_resets_the_short_lock_and_not_the_long_one() {
        let mut ledger = Ledger::default();
        for round in 0..5 {
            for at in 0..9 {
                ledger.count(minute(round * 100 + at));
                assert_eq!(ledger.locks_until(minute(round * 100 + at), &LOCKOUT), None);
            }
            ledger.reset_streak();
        }
        for at in 0..4 {
            ledger.count(minute(600 + at));
            ledger.reset_streak();
        }
        ledger.count(minute(700));
        assert_eq!(ledger.locks_until(minute(700), &LOCKOUT), Some(minute(0).plus(MONTH)));
        // A stranger's tries close a factor for an hour, however many there were.
        assert_eq!(ledger.closed_until(minute(700), &LOCKOUT), Some(minute(760)));
    }

    #[test]
    fn twenty_in_a_day_lock_for_the_day_and_a_hundred_in_a_row_for_good() {
        let ledger = counted((0..20).map(|at| at * 61));
        assert_eq!(ledger.locks_until(minute(19 * 61), &LOCKOUT), Some(minute(24 * 60)));
        let ledger = counted((0..100).map(|at| at * 60 * 24 * 7));
        assert_eq!(ledger.locks_until(minute(99 * 60 * 24 * 7), &LOCKOUT), Some(FOR_GOOD));
    }

    #[test]
    fn no_number_of_strangers_tries_closes_a_factor_for_longer_than_an_hour() {
        // One an hour, for a year.
        let mut ledger = Ledger::default();
        for at in 0..365 * 24 {
            let now = minute(at * 60);
            ledger.count(now);
            let until = ledger.closed_until(now, &LOCKOUT);
            assert!(until.is_none_or(|until| until.since(now) <= LOCKOUT.duration));
            assert_eq!(ledger.closed_until(now.plus(LOCKOUT.duration), &LOCKOUT), None);
        }
    }

    proptest! {
        #[test]
        fn no_sequence_of_tries_closes_a_factor_for_longer_than_a_lock(
            tries in proptest::collection::vec((0..200_000u64, 0..4u8, any::<bool>()), 0..150),
            attempts in 1..20u32,
            asked_at in 0..200_000u64,
        ) {
            let lockout = Lockout { attempts: Some(attempts), ..LOCKOUT };
            let mut ledger = Ledger::default();
            let mut minutes = 0;
            // Mostly one soon after the other, now and then at any time, also before the last one.
            for (at, kind, right) in tries {
                minutes = if kind == 0 { at } else { minutes + u64::from(kind) };
                let now = minute(minutes);
                ledger.count(now);
                if right {
                    ledger.withdraw(now);
                    ledger.reset_streak();
                }
                for now in [now, minute(asked_at)] {
                    let until = ledger.closed_until(now, &lockout);
                    prop_assert!(until.is_none_or(|until| until > now && until.since(now) <= lockout.duration));
                }
            }
        }
    }

    #[test]
    fn a_right_try_leaves_no_trace() {
        let mut ledger = counted(0..9);
        ledger.count(minute(9));
        ledger.withdraw(minute(9));
        assert_eq!(ledger, counted(0..9));
    }

    #[test]
    fn who_never_locks_never_locks() {
        let never = Lockout {
            attempts: None,
            ..LOCKOUT
        };
        let ledger = counted(0..200);
        assert_eq!(ledger.locks_until(minute(200), &never), None);
        assert_eq!(ledger.closed_until(minute(200), &never), None);
        assert!(!ledger.is_exhausted(&never));
    }
}
