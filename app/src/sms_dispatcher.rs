//! Sends texts: those of a request at once, and in the background what is due again or was left by
//! others. Any number of processes may share one outbox: each message is leased by one of them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use phoneproof_domain::ports::{Sending, SmsSender, StoreError};
use phoneproof_domain::use_cases::{Attempt, Delivered, Delivery};
use phoneproof_domain::{Message, SendOutcome};
use tokio::runtime::Handle;
use tokio::sync::{RwLock, Semaphore, oneshot, watch};
use tokio::task::JoinError;

/// How often the outbox is looked at: retries, and what died processes left.
const BEAT: Duration = Duration::from_millis(500);
/// How many are tried at once in the background; those of requests are bounded by their gateways.
const AT_ONCE: usize = 64;
/// How long messages are kept after their end.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
const BEATS_AN_HOUR: u32 = 7200;
/// How many answers may go out before what came of their texts is kept. Beyond, requests wait for that too, so that they do
/// not outrun the store.
const AHEAD: usize = 64;
/// The pauses before it is tried again to keep what came of a text, all of them long before its lease ends: a store that
/// is away for a moment costs no second text.
const KEEP_PAUSES: [Duration; 4] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// Tries messages in tasks of the server's own: a browser that leaves stops nothing.
#[derive(Clone)]
pub(crate) struct SmsDispatcher {
    delivery: Delivery,
    /// How long a request waits for its text.
    wait: Duration,
    runtime: Handle,
    /// Each try holds it shared; whoever gets it alone knows that none is under way.
    underway: Arc<RwLock<()>>,
    /// Room for answers that go ahead.
    ahead: Arc<Semaphore>,
}

impl SmsDispatcher {
    pub(crate) fn new(delivery: Delivery, wait: Duration, runtime: Handle) -> Self {
        Self {
            delivery,
            wait,
            runtime,
            underway: Arc::default(),
            ahead: Arc::new(Semaphore::new(AHEAD)),
        }
    }

    /// Waits until no try is under way.
    pub(crate) async fn idle(&self) {
        drop(self.underway.write().await);
    }

    /// Tries what is due until `closing` says so; what is under way then is finished.
    pub(crate) async fn run(self, mut closing: watch::Receiver<bool>) {
        let free = Arc::new(Semaphore::new(AT_ONCE));
        let mut beats: u32 = 0;
        loop {
            if *closing.borrow() {
                return;
            }
            let room = u32::try_from(free.available_permits()).unwrap_or(0);
            let claimed = if room > 0 { self.claimed(room).await } else { Vec::new() };
            for message in &claimed {
                let (dispatcher, message) = (self.clone(), message.clone());
                if let Ok(permit) = free.clone().acquire_owned().await {
                    self.runtime.spawn(async move {
                        dispatcher.attempt(message, None).await;
                        drop(permit);
                    });
                }
            }
            if claimed.is_empty() {
                tokio::select! {
                    () = tokio::time::sleep(BEAT) => beats += 1,
                    _ = closing.changed() => return,
                }
            }
            if beats >= BEATS_AN_HOUR {
                beats = 0;
                self.forget().await;
            }
        }
    }

    async fn claimed(&self, room: u32) -> Vec<Message> {
        let claimed = self.delivery.outbox.claim(self.delivery.clock.now(), room).await;
        claimed.unwrap_or_else(|error| {
            tracing::error!("the texts that are due could not be read: {error}");
            Vec::new()
        })
    }

    async fn forget(&self) {
        let before = self.delivery.clock.now().minus(KEPT);
        match self.delivery.outbox.forget_messages(before).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(messages = count, "forgot {count} old messages"),
            Err(error) => tracing::error!("old messages could not be forgotten: {error}"),
        }
    }

    /// Tries it, tells whoever waits, and keeps what came of it. Whoever waits has nothing from the last: were it lost, the
    /// same text would be sent once more, as it is after a death just before.
    async fn attempt(&self, message: Message, waiting: Option<oneshot::Sender<Delivered>>) {
        let _underway = self.underway.read().await;
        let Attempt { outcome, delivered } = self.delivery.attempt(&message).await;
        log(&message, &outcome);
        let tell = || {
            if let Some(waiting) = waiting {
                // Who has gone does not hear it.
                let _ = waiting.send(delivered);
            }
        };
        if let Ok(_ahead) = self.ahead.try_acquire() {
            tell();
            self.keep(&message, &outcome).await;
        } else {
            self.keep(&message, &outcome).await;
            tell();
        }
    }

    async fn keep(&self, message: &Message, outcome: &SendOutcome) {
        let mut pauses = KEEP_PAUSES.into_iter();
        loop {
            let Err(error) = self.delivery.keep(message, outcome).await else {
                return;
            };
            let (StoreError::Unavailable(_), Some(pause)) = (&error, pauses.next()) else {
                let id = &message.id;
                tracing::error!(message.id = %id, "what became of a text could not be kept; it may be sent again: {error}");
                return;
            };
            tokio::time::sleep(pause).await;
        }
    }
}

#[async_trait]
impl SmsSender for SmsDispatcher {
    async fn send(&self, message: Message) -> Sending {
        let dispatcher = self.clone();
        let (waiting, told) = oneshot::channel();
        let task = self
            .runtime
            .spawn(async move { dispatcher.attempt(message, Some(waiting)).await });
        match tokio::time::timeout(self.wait, told).await {
            Ok(Ok(Delivered::Sent)) => Sending::Sent,
            Ok(Ok(Delivered::Failed(error))) => Sending::Failed(error),
            Ok(Ok(Delivered::Again)) | Err(_) => Sending::Underway,
            // It ended without a word.
            Ok(Err(_)) => match task.await.map_err(JoinError::try_into_panic) {
                Err(Ok(panic)) => std::panic::resume_unwind(panic),
                _ => Sending::Underway,
            },
        }
    }

    fn hand_over(&self, message: Message) {
        let dispatcher = self.clone();
        self.runtime
            .spawn(async move { dispatcher.attempt(message, None).await });
    }
}

fn log(message: &Message, outcome: &SendOutcome) {
    let (id, to, tries) = (&message.id, message.to.masked(), message.tries);
    match outcome {
        SendOutcome::Sent {
            gateway, doubt: None, ..
        } => tracing::debug!(message.id = %id, %to, tries, gateway, "a text was taken"),
        SendOutcome::Sent { doubt: Some(doubt), .. } => {
            tracing::warn!(message.id = %id, %to, tries, "a text may have been taken: {doubt}");
        }
        SendOutcome::Again { reason, .. } => {
            tracing::warn!(message.id = %id, %to, tries, "a text was not taken, and is tried again: {reason}");
        }
        SendOutcome::Failed { reason } => tracing::warn!(message.id = %id, %to, tries, "a text is given up: {reason}"),
        SendOutcome::Expired => {
            tracing::warn!(message.id = %id, %to, tries, "a text was not taken before its code ran out");
        }
    }
}
