//! Tells queued events, again if need be. Any number of processes may share one outbox: each event is
//! leased by one of them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::{
    Clock, DeliveryOutcome, Event, EventOutbox, EventSink, QueuedEvent, Sealer, SecurityNotices, SinkError,
};
use serde_json::Value;
use tokio::sync::{Notify, watch};

use crate::http::SMS_CREATED;
use crate::seal::Seal;

/// Longer than a try may take, also where the clock of another process is half a minute ahead.
const LEASE: Duration = Duration::from_secs(60);
/// How many are told at once.
const AT_ONCE: u32 = 16;
/// How often the outbox is looked at without being told to: retries, and what other processes left.
const BEAT: Duration = Duration::from_secs(1);
/// How long events are kept after they were told or given up.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// Tells events until the server stops.
pub(crate) struct EventDispatcher {
    pub(crate) outbox: Arc<dyn EventOutbox>,
    /// The application's back end, if it subscribed.
    pub(crate) sink: Option<Arc<dyn EventSink>>,
    /// What reaches users, if anything does.
    pub(crate) notices: Option<Arc<dyn SecurityNotices>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) seal: Arc<Seal>,
    pub(crate) news: Arc<Notify>,
    pub(crate) code_lifetime: Duration,
}

impl EventDispatcher {
    /// Runs until `closing` says so; what is under way then is finished.
    pub(crate) async fn run(self, mut closing: watch::Receiver<bool>) {
        let mut beats: u32 = 0;
        loop {
            let told = self.pass().await;
            if told == 0 {
                tokio::select! {
                    () = self.news.notified() => {}
                    () = tokio::time::sleep(BEAT) => beats = beats.wrapping_add(1),
                    _ = closing.changed() => return,
                }
            }
            if *closing.borrow() {
                return;
            }
            if beats == 3600 {
                beats = 0;
                let before = self.clock.now().minus(KEPT);
                match self.outbox.forget(before).await {
                    Ok(0) => {}
                    Ok(count) => tracing::info!(events = count, "forgot {count} old events"),
                    Err(error) => tracing::error!("old events could not be forgotten: {error}"),
                }
            }
        }
    }

    /// Tells what is due now; answers how many.
    async fn pass(&self) -> usize {
        match self.outbox.claim(self.clock.now(), LEASE, AT_ONCE).await {
            Ok(queued) => {
                join_all(queued.iter().map(|queued| self.tell(queued))).await;
                queued.len()
            }
            Err(error) => {
                tracing::error!("the events that are due could not be read: {error}");
                0
            }
        }
    }

    async fn hand_over(&self, event: &Event) -> Result<(), SinkError> {
        if !is_notice(&event.kind) {
            let sink = self.sink.as_ref();
            let sink = sink.ok_or_else(|| SinkError("nobody subscribes any more".into()))?;
            return sink.tell(event, self.clock.now()).await;
        }
        let notices = self.notices.as_ref();
        let notices = notices.ok_or_else(|| SinkError("notices are off".into()))?;
        let body: Value = serde_json::from_str(&event.body).map_err(|error| SinkError(error.into()))?;
        let field = |name: &str| body[name].as_str().unwrap_or_default();
        let to = field("to")
            .parse()
            .map_err(|_| SinkError("the address is none".into()))?;
        notices.notify(&event.id, &to, field("subject"), field("text")).await
    }

    async fn tell(&self, queued: &QueuedEvent) {
        let QueuedEvent { event, tries } = queued;
        let (id, kind) = (&event.id, &event.kind);
        let outcome = match self.seal.open(id, &event.body) {
            None => DeliveryOutcome::Failed {
                again_at: None,
                reason: "the body cannot be opened".to_owned(),
            },
            Some(body) => {
                let mut event = event.clone();
                event.body = body;
                match self.hand_over(&event).await {
                    Ok(()) => DeliveryOutcome::Delivered {
                        // A code, an address: nobody needs it any more.
                        erase: *kind == SMS_CREATED || is_notice(kind),
                    },
                    Err(error) => DeliveryOutcome::Failed {
                        again_at: again_at(&event, *tries, self.clock.now(), self.code_lifetime),
                        reason: crate::error_chain::chain(&error),
                    },
                }
            }
        };
        match &outcome {
            DeliveryOutcome::Delivered { .. } => tracing::debug!(event.id = %id, event.kind = %kind, "told an event"),
            DeliveryOutcome::Failed {
                again_at: Some(_),
                reason,
            } => {
                tracing::warn!(event.id = %id, event.kind = %kind, "an event was not taken, and is told again: {reason}");
            }
            DeliveryOutcome::Failed { again_at: None, reason } => {
                tracing::error!(event.id = %id, event.kind = %kind, "an event is given up: {reason}");
            }
        }
        if let Err(error) = self.outbox.record_outcome(id, &outcome, self.clock.now()).await {
            tracing::error!(event.id = %id, "what became of an event could not be kept; it may be told again: {error}");
        }
    }
}

/// Whether it is for the user, rather than for the application's back end.
fn is_notice(kind: &str) -> bool {
    kind.starts_with("notice.")
}

/// How long after each failed try the next one comes (what Svix does); then it is given up.
const DELAYS: [Duration; 7] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(5 * 3600),
    Duration::from_secs(10 * 3600),
    Duration::from_secs(10 * 3600),
];

/// When an event that was just tried for the `tries`-th time is tried again.
fn again_at(event: &Event, tries: u32, now: Timestamp, code_lifetime: Duration) -> Option<Timestamp> {
    let delay = DELAYS.get(usize::try_from(tries).ok()?)?;
    let next = now.plus(*delay);
    // Nobody needs a code that has expired.
    (event.kind != SMS_CREATED || next < event.at.plus(code_lifetime)).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delays_grow_and_end_and_codes_are_not_told_too_late() {
        let at = Timestamp::from_millis(0);
        let event = |kind: &str| Event {
            id: "msg_1".to_owned(),
            kind: kind.to_owned(),
            body: String::new(),
            at,
        };
        let code = Duration::from_secs(600);
        let next = |kind: &str, tries| again_at(&event(kind), tries, at, code);
        assert_eq!(next("user.created", 0), Some(at.plus(Duration::from_secs(5))));
        assert_eq!(next("user.created", 6), Some(at.plus(Duration::from_secs(36_000))));
        assert_eq!(next("user.created", 7), None);
        assert_eq!(next(SMS_CREATED, 1), Some(at.plus(Duration::from_secs(300))));
        assert_eq!(next(SMS_CREATED, 2), None);
    }
}
