use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::Timestamp;

/// At most so many within a sliding span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How many.
    pub limit: u32,
    /// In how long.
    pub span: Duration,
}

impl Window {
    /// Which event must have left the window before there is a permit: the n-th youngest of its key, from 1. A limit of
    /// zero is taken for one.
    #[must_use]
    pub fn nth_youngest(&self) -> u32 {
        self.limit.max(1)
    }

    /// How long until there is a permit, if [`Window::nth_youngest`] was counted at `blocking`; zero if there is one.
    ///
    /// An event further in the future than the span is not counted: a clock that was set back must not lock anybody out
    /// for longer than the span.
    #[must_use]
    pub fn wait(&self, blocking: Option<Timestamp>, now: Timestamp) -> Duration {
        let (oldest, youngest) = (now.minus(self.span), now.plus(self.span));
        match blocking.filter(|at| *at > oldest && *at <= youngest) {
            Some(at) => at.plus(self.span).since(now).min(self.span),
            None => Duration::ZERO,
        }
    }
}

/// One thing that is counted, and how often it may happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// What is counted, for instance `codes/number/+14155552671`.
    pub key: String,
    /// All must have room.
    pub windows: Vec<Window>,
    /// Least time since the last one: the first after one, the second after two…; the last counts on.
    /// Empty for none.
    pub waits: Vec<Duration>,
    /// The waits count what happened within this span.
    pub waits_span: Duration,
}

impl Charge {
    /// How long until one more event of the key is allowed; zero if it is allowed now.
    ///
    /// `blocking` has, for each of the windows, when [`Window::nth_youngest`] was counted; `youngest` has as many of the
    /// youngest events as there are waits, or all if there are fewer.
    #[must_use]
    pub fn wait(&self, blocking: &[Option<Timestamp>], youngest: &[Timestamp], now: Timestamp) -> Duration {
        let windows = self.windows.iter().zip(blocking);
        let windows = windows.map(|(window, blocking)| window.wait(*blocking, now));
        windows.fold(self.wait_since_last(youngest, now), Duration::max)
    }

    /// The wait that applies is named by how many events there were within the span; the last one applies to all greater
    /// numbers. It is counted from the last event, which is in the future if the clock was set back.
    fn wait_since_last(&self, youngest: &[Timestamp], now: Timestamp) -> Duration {
        let since = now.minus(self.waits_span);
        let youngest = youngest.iter().take(self.waits.len());
        let recent: Vec<Timestamp> = youngest.copied().filter(|at| *at > since).collect();
        let wait = recent.len().checked_sub(1).and_then(|index| self.waits.get(index));
        match (wait, recent.into_iter().max()) {
            (Some(wait), Some(last)) => wait.saturating_sub(now.since(last).max(last.since(now))),
            _ => Duration::ZERO,
        }
    }

    /// When no rule looks back any more to an event that is counted at `now`.
    #[must_use]
    pub fn forget_at(&self, now: Timestamp) -> Timestamp {
        let spans = self.windows.iter().map(|window| window.span);
        now.plus(spans.fold(self.waits_span, Duration::max))
    }
}

/// Whether a charge is within its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Every limit had a permit left, and they are consumed.
    Allowed,
    /// Some limit had none left, and nothing was consumed.
    Limited {
        /// When to try again.
        retry_after: Duration,
    },
}

/// Counts across users, processes and restarts.
///
/// Of any number of charges at once, exactly as many pass as there is room for.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Limiter: Send + Sync {
    /// Consumes one permit under every key of `charges`, or none at all.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was taken, and whoever guards money with this must refuse.
    async fn charge(&self, charges: &[Charge], now: Timestamp) -> Result<Decision, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    fn ago(seconds: u64) -> Timestamp {
        NOW.minus(Duration::from_secs(seconds))
    }

    fn ahead(seconds: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(seconds))
    }

    fn charge(windows: &[Window], waits: &[u64]) -> Charge {
        Charge {
            key: "key".to_owned(),
            windows: windows.to_vec(),
            waits: waits.iter().copied().map(Duration::from_secs).collect(),
            waits_span: HOUR,
        }
    }

    #[test]
    fn a_window_has_a_permit_once_the_blocking_event_has_left_it() {
        let window = Window { limit: 2, span: HOUR };
        for (blocking, seconds) in [
            (None, 0),
            (Some(ago(7200)), 0),
            (Some(ago(3600)), 0),
            (Some(ago(3599)), 1),
            (Some(ago(0)), 3600),
            // The clock was set back: by less than the span it counts, for no longer than the span.
            (Some(ahead(10)), 3600),
            (Some(ahead(3600)), 3600),
            (Some(ahead(3601)), 0),
        ] {
            assert_eq!(window.wait(blocking, NOW), Duration::from_secs(seconds), "{blocking:?}");
        }
    }

    #[test]
    fn a_limit_of_zero_is_taken_for_one() {
        let nth = [0, 1, 7].map(|limit| Window { limit, span: HOUR }.nth_youngest());
        assert_eq!(nth, [1, 1, 7]);
    }

    #[test]
    fn the_number_of_recent_events_names_the_wait_and_the_last_event_begins_it() {
        let charge = charge(&[], &[30, 60]);
        let wait = |youngest: &[Timestamp]| charge.wait(&[], youngest, NOW).as_secs();
        assert_eq!(wait(&[]), 0);
        assert_eq!(wait(&[ago(10)]), 20);
        assert_eq!(wait(&[ago(30)]), 0);
        assert_eq!(wait(&[ago(10), ago(50)]), 50);
        // The last wait applies to all greater numbers, whoever passes more events than there are waits.
        assert_eq!(wait(&[ago(10), ago(50), ago(60)]), 50);
        // What is older than the span is not counted.
        assert_eq!(wait(&[ago(10), ago(3600)]), 20);
        // The clock was set back.
        assert_eq!(wait(&[ahead(10)]), 20);
        assert_eq!(wait(&[ahead(600)]), 0);
    }

    #[test]
    fn the_longest_of_all_waits_applies() {
        let (short, long) = (HOUR / 60, HOUR);
        let windows = [short, long].map(|span| Window { limit: 1, span });
        let charge = charge(&windows, &[120]);
        assert_eq!(charge.wait(&[Some(ago(10)), None], &[], NOW).as_secs(), 50);
        assert_eq!(charge.wait(&[Some(ago(10)), Some(ago(10))], &[], NOW).as_secs(), 3590);
        assert_eq!(charge.wait(&[Some(ago(10)), None], &[ago(10)], NOW).as_secs(), 110);
    }

    #[test]
    fn an_event_is_kept_for_the_longest_span() {
        let day = Window {
            limit: 1,
            span: 24 * HOUR,
        };
        assert_eq!(charge(&[day], &[]).forget_at(NOW), NOW.plus(24 * HOUR));
        assert_eq!(charge(&[], &[]).forget_at(NOW), NOW.plus(HOUR));
    }
}
