use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::Clock;
use tokio::sync::watch;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct HandSetClock {
    now: AtomicI64,
    moves: watch::Sender<()>,
}

impl Default for HandSetClock {
    /// 2027-01-15T08:00:00Z: any day will do, as long as it is always the same.
    fn default() -> Self {
        Self {
            now: AtomicI64::new(1_800_000_000_000),
            moves: watch::Sender::new(()),
        }
    }
}

impl HandSetClock {
    /// Moves the clock forward.
    pub fn advance(&self, span: Duration) {
        let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        self.now.fetch_add(span, Ordering::SeqCst);
        self.moves.send_replace(());
    }

    /// Sets the clock to the time of the system, which other processes have.
    #[expect(clippy::disallowed_methods, reason = "the other processes' clock is the system's")]
    pub fn set_to_system(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        self.now.store(now, Ordering::SeqCst);
        self.moves.send_replace(());
    }

    /// Moves the clock back.
    pub fn set_back(&self, span: Duration) {
        let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        self.now.fetch_sub(span, Ordering::SeqCst);
        self.moves.send_replace(());
    }

    /// Changes whenever the clock is moved.
    pub(crate) fn moves(&self) -> watch::Receiver<()> {
        self.moves.subscribe()
    }
}

impl Clock for HandSetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::SeqCst))
    }
}
