//! A gateway that fails is left alone for a while.

use std::time::Duration;

use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::SendError;

/// So many failures in a row open the breaker.
const PATIENCE: u32 = 5;
/// How long it stays open; then one text tries.
const PAUSE: Duration = Duration::from_secs(30);

/// The state of one gateway as this process sees it. Each process keeps its own: what one of them learns costs
/// another one a few texts that go to the next route, and no store is asked before a text.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    failures: u32,
    open_until: Option<Timestamp>,
    probing: bool,
}

impl Breaker {
    /// Whether a text may go to the gateway. After a pause one may, and the others wait for what becomes of it.
    pub(crate) fn lets_through(&mut self, now: Timestamp) -> bool {
        match self.open_until {
            None => true,
            Some(until) if now < until || self.probing => false,
            Some(_) => {
                self.probing = true;
                true
            }
        }
    }

    /// Until when it is open, if it is.
    pub(crate) fn open_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.open_until.filter(|until| now < *until)
    }

    /// Notes what became of a text. `None` is success, or a refusal of this one number.
    pub(crate) fn note(&mut self, failure: Option<&SendError>, now: Timestamp) {
        let probed = std::mem::take(&mut self.probing);
        match failure {
            None | Some(SendError::Rejected(_)) => *self = Self::default(),
            // Every text would be refused alike.
            Some(SendError::Refused(_)) => self.open_until = Some(now.plus(PAUSE)),
            Some(SendError::Throttled { retry_after }) => self.open_until = Some(now.plus(*retry_after)),
            Some(SendError::Unavailable(_) | SendError::Unknown(_)) => {
                self.failures += 1;
                if probed || self.failures >= PATIENCE {
                    self.open_until = Some(now.plus(PAUSE));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn down() -> SendError {
        SendError::Unavailable("down".into())
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_one_success_closes_it() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker.note(Some(&down()), NOW);
        }
        breaker.note(None, NOW);
        for _ in 0..4 {
            breaker.note(Some(&down()), NOW);
            assert!(breaker.lets_through(NOW));
        }
        breaker.note(Some(&down()), NOW);
        assert!(!breaker.lets_through(NOW.plus(PAUSE).minus(Duration::from_millis(1))));
        let later = NOW.plus(PAUSE);
        assert!(breaker.lets_through(later), "one tries");
        assert!(!breaker.lets_through(later), "the others wait for it");
        breaker.note(Some(&down()), later);
        assert!(!breaker.lets_through(later), "it failed: another pause");
        let later = later.plus(PAUSE);
        assert!(breaker.lets_through(later));
        breaker.note(None, later);
        assert!(breaker.lets_through(later) && breaker.lets_through(later));
    }

    #[test]
    fn a_refused_account_opens_it_at_once_and_throttling_for_as_long_as_asked() {
        let mut breaker = Breaker::default();
        breaker.note(Some(&SendError::Refused("20003".into())), NOW);
        assert_eq!(breaker.open_until(NOW), Some(NOW.plus(PAUSE)));
        let mut breaker = Breaker::default();
        let retry_after = Duration::from_secs(7);
        breaker.note(Some(&SendError::Throttled { retry_after }), NOW);
        assert_eq!(breaker.open_until(NOW), Some(NOW.plus(retry_after)));
        let mut breaker = Breaker::default();
        breaker.note(Some(&SendError::Rejected("landline".into())), NOW);
        assert!(breaker.lets_through(NOW), "that was the number's fault");
    }
}
