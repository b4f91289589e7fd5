use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::Clock;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct HandSetClock(AtomicI64);

impl Default for HandSetClock {
    /// 2027-01-15T08:00:00Z: any day will do, as long as it is always the same.
    fn default() -> Self {
        Self(AtomicI64::new(1_800_000_000_000))
    }
}

impl HandSetClock {
    /// Moves the clock forward.
    pub fn advance(&self, span: Duration) {
        self.0
            .fetch_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Sets the clock to the time of the system, which other processes have.
    #[expect(clippy::disallowed_methods, reason = "the other processes' clock is the system's")]
    pub fn set_to_system(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        self.0.store(now, Ordering::SeqCst);
    }

    /// Moves the clock back.
    pub fn set_back(&self, span: Duration) {
        self.0
            .fetch_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}

impl Clock for HandSetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}
