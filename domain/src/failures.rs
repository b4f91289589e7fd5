//! The failure ledger of one user, and the lock that follows from it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

const DAY: Duration = Duration::from_secs(24 * 3600);
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);
/// Wrong factors in a day after which the user is locked for the rest of it.
const A_DAY: usize = 20;
/// Wrong factors in 30 days after which the user is locked; no success resets these.
const A_MONTH: usize = 50;
/// Wrong factors without a success between, after which only an administrator unlocks (NIST SP 800-63B-4 §3.2.2).
const IN_A_ROW: u32 = 100;
/// "Until an administrator unlocks": the year 9999.
const FOR_GOOD: Timestamp = Timestamp::from_millis(253_370_764_800_000);

/// When a user is locked for wrong passwords and codes, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lockout {
    /// Wrong factors within [`Lockout::duration`] that lock; none never lock (load tests).
    pub attempts: Option<u32>,
    /// How long a lock lasts, an administrator's as well.
    pub duration: Duration,
}

/// The wrong passwords and codes of one user. New codes, sign-ins, sessions and numbers do not reset it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Failures {
    /// When, in the last 30 days, oldest first; at most 50.
    recent: Vec<Timestamp>,
    /// How many since the last success.
    in_a_row: u32,
}

impl Failures {
    /// Nothing to remember.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.recent.is_empty() && self.in_a_row == 0
    }

    /// Notes a wrong factor; answers until when the user is locked, if this locks.
    pub fn note(&mut self, now: Timestamp, lockout: &Lockout) -> Option<Timestamp> {
        let attempts = lockout.attempts?;
        self.recent.retain(|at| now.since(*at) < MONTH);
        self.recent.push(now);
        let surplus = self.recent.len().saturating_sub(A_MONTH);
        self.recent.drain(..surplus);
        self.in_a_row = self.in_a_row.saturating_add(1);
        if self.in_a_row >= IN_A_ROW {
            return Some(FOR_GOOD);
        }
        let row = usize::try_from(self.in_a_row).unwrap_or(usize::MAX);
        let until = |count: usize, span: Duration| {
            let first = self.recent.len().checked_sub(count)?;
            let oldest = *self.recent.get(first)?;
            (now.since(oldest) < span).then(|| oldest.plus(span))
        };
        let month = until(A_MONTH, MONTH);
        let day = if row >= A_DAY { until(A_DAY, DAY) } else { None };
        let short = (self.counted(now, lockout) >= attempts).then(|| now.plus(lockout.duration));
        month.max(day).max(short)
    }

    /// A right factor: those before it no longer count towards the short lock.
    pub fn forget_row(&mut self) {
        self.in_a_row = 0;
    }

    /// How many more wrong factors there may be before the lock.
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
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCKOUT: Lockout = Lockout {
        attempts: Some(10),
        duration: Duration::from_secs(3600),
    };

    fn minute(minute: u64) -> Timestamp {
        Timestamp::from_millis(0).plus(Duration::from_secs(minute * 60))
    }

    #[test]
    fn ten_in_an_hour_lock_for_an_hour() {
        let mut failures = Failures::default();
        for at in 0..9 {
            assert_eq!(failures.note(minute(at), &LOCKOUT), None);
        }
        assert_eq!(failures.remaining(minute(9), &LOCKOUT), Some(1));
        assert_eq!(failures.note(minute(9), &LOCKOUT), Some(minute(69)));
        assert_eq!(failures.remaining(minute(9), &LOCKOUT), Some(0));
        assert_eq!(failures.remaining(minute(200), &LOCKOUT), Some(10));
    }

    #[test]
    fn a_success_resets_the_short_lock_and_not_the_long_one() {
        let mut failures = Failures::default();
        for round in 0..5 {
            for at in 0..9 {
                assert_eq!(failures.note(minute(round * 100 + at), &LOCKOUT), None);
            }
            failures.forget_row();
        }
        for at in 0..4 {
            assert_eq!(failures.note(minute(600 + at), &LOCKOUT), None);
            failures.forget_row();
        }
        assert_eq!(failures.note(minute(700), &LOCKOUT), Some(minute(0).plus(MONTH)));
    }

    #[test]
    fn twenty_in_a_day_lock_for_the_day_and_a_hundred_in_a_row_for_good() {
        let mut failures = Failures::default();
        let mut last = None;
        for at in 0..20 {
            last = failures.note(minute(at * 61), &LOCKOUT);
        }
        assert_eq!(last, Some(minute(24 * 60)));
        let mut failures = Failures::default();
        for at in 0..100 {
            last = failures.note(minute(at * 60 * 24 * 7), &LOCKOUT);
        }
        assert_eq!(last, Some(FOR_GOOD));
    }
}
