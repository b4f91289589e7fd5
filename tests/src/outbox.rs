use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use phoneproof_domain::ports::{Clock, DeliveryReceipt, MessageQuery, SmsOutbox, StoreError};
use phoneproof_domain::{Message, MessageId, SendOutcome, Timestamp};
use tokio::sync::watch;

use crate::HandSetClock;

/// How long an outcome is waited for before its test has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often an outbox is read although no clock was moved: another process may have left something.
const BEAT: Duration = Duration::from_millis(500);

/// The ledgers of the stores in use, by URL: several apps may share a store.
static LEDGERS: LazyLock<Mutex<BTreeMap<String, Weak<Ledger>>>> = LazyLock::new(Mutex::default);

/// What the apps of this process record in the outbox of one store. When the last of them is gone, no text may be waiting
/// for another try, unless the test expects that.
pub(crate) struct Ledger {
    changes: watch::Sender<()>,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    /// Tries, by text and number, that were claimed from the outbox and have no outcome yet.
    in_flight: BTreeSet<(String, u32)>,
    /// The latest try of each text: the outcome of an earlier one does not count.
    latest: BTreeMap<String, u32>,
    /// Not sent, and due again later: to whom, and why.
    unsent: BTreeMap<String, String>,
    /// Whether the test leaves texts unsent.
    may_leave: bool,
    /// When each app last found nothing due, by its own clock.
    idle_at: BTreeMap<usize, Timestamp>,
}

impl Entries {
    /// Notes that this try has begun.
    fn begin(&mut self, message: &Message) {
        let id = message.id.to_string();
        let latest = self.latest.entry(id.clone()).or_default();
        if *latest <= message.tries {
            *latest = message.tries;
            self.unsent.remove(&id);
        }
    }
}

impl Ledger {
    /// The ledger of the store at `url`.
    pub(crate) fn of(url: &str) -> Arc<Self> {
        let mut ledgers = locked(&LEDGERS);
        ledgers.retain(|_, ledger| ledger.strong_count() > 0);
        ledgers.get(url).and_then(Weak::upgrade).unwrap_or_else(|| {
            let ledger = Arc::new(Self {
                changes: watch::Sender::new(()),
                entries: Mutex::default(),
            });
            ledgers.insert(url.to_owned(), Arc::downgrade(&ledger));
            ledger
        })
    }

    /// The test leaves texts unsent.
    pub(crate) fn may_leave(&self) {
        locked(&self.entries).may_leave = true;
    }

    /// Waits until `ask` has an answer. It asks now, and after each change of the outbox.
    ///
    /// # Panics
    /// If there is no answer in time.
    pub(crate) async fn once<T>(&self, ask: impl AsyncFn() -> Option<T>) -> T {
        let mut changes = self.changes.subscribe();
        let answered = async {
            loop {
                if let Some(answer) = ask().await {
                    return answer;
                }
                // The sender lives as long as this ledger.
                let _ = changes.changed().await;
            }
        };
        let answered = tokio::time::timeout(PATIENCE, answered).await;
        answered.unwrap_or_else(|_| panic!("not within {PATIENCE:?}; unsent: {:#?}", self.unsent()))
    }

    /// Waits until everything is tried that is due for this app at this time.
    pub(crate) async fn idle(&self, app: usize, now: Timestamp) {
        self.once(async || {
            let entries = locked(&self.entries);
            let idle_at = entries.idle_at.get(&app);
            (entries.in_flight.is_empty() && idle_at.is_some_and(|at| *at >= now)).then_some(())
        })
        .await;
    }

    fn unsent(&self) -> Vec<String> {
        locked(&self.entries).unsent.values().cloned().collect()
    }

    fn note(&self, note: impl FnOnce(&mut Entries)) {
        note(&mut locked(&self.entries));
        self.changes.send_replace(());
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let entries = self.entries.get_mut().unwrap_or_else(PoisonError::into_inner);
        let may_leave = entries.may_leave || std::thread::panicking();
        assert!(
            may_leave || entries.unsent.is_empty(),
            "the test leaves texts unsent: {:#?}",
            entries.unsent
        );
    }
}

/// The outbox of an app: it records the outcomes in the ledger. With a clock that stands still nothing becomes due, so
/// the dispatcher waits here until the clock is moved.
pub(crate) struct RecordingOutbox {
    pub(crate) outbox: Arc<dyn SmsOutbox>,
    pub(crate) clock: Arc<HandSetClock>,
    /// The test's app has the only lasting reference, so that the last word is said in the test's own thread.
    pub(crate) ledger: Weak<Ledger>,
    /// Which app.
    pub(crate) app: usize,
    /// Closed when the app stops.
    pub(crate) running: watch::Receiver<()>,
}

impl RecordingOutbox {
    fn note(&self, note: impl FnOnce(&mut Entries)) {
        if let Some(ledger) = self.ledger.upgrade() {
            ledger.note(note);
        }
    }
}

#[async_trait]
impl SmsOutbox for RecordingOutbox {
    async fn claim(&self, _: Timestamp, limit: u32) -> Result<Vec<Message>, StoreError> {
        let (mut moves, mut running) = (self.clock.moves(), self.running.clone());
        loop {
            let now = self.clock.now();
            let due = self.outbox.claim(now, limit).await?;
            if !due.is_empty() {
                self.note(|entries| {
                    for message in &due {
                        entries.begin(message);
                        entries.in_flight.insert((message.id.to_string(), message.tries));
                    }
                });
                return Ok(due);
            }
            self.note(|entries| {
                entries.idle_at.insert(self.app, now);
            });
            tokio::select! {
                _ = moves.changed() => {}
                () = tokio::time::sleep(BEAT) => {}
                _ = running.changed() => return Ok(due),
            }
        }
    }

    async fn record_outcome(&self, leased: &Message, outcome: &SendOutcome, now: Timestamp) -> Result<(), StoreError> {
        // Before the store shows the outcome: the test may end as soon as it sees it.
        self.note(|entries| entries.begin(leased));
        self.outbox.record_outcome(leased, outcome, now).await?;
        self.note(|entries| {
            let id = leased.id.to_string();
            if let SendOutcome::Again { reason, .. } = outcome
                && entries.latest.get(&id) == Some(&leased.tries)
            {
                let unsent = format!("to {}: {reason}", leased.to);
                entries.unsent.insert(id.clone(), unsent);
            }
            entries.in_flight.remove(&(id, leased.tries));
        });
        Ok(())
    }

    async fn receipt(&self, gateway: &str, receipt: &DeliveryReceipt, now: Timestamp) -> Result<bool, StoreError> {
        self.outbox.receipt(gateway, receipt, now).await
    }

    async fn message(&self, id: &MessageId) -> Result<Option<Message>, StoreError> {
        self.outbox.message(id).await
    }

    async fn messages(&self, query: &MessageQuery) -> Result<(Vec<Message>, u64), StoreError> {
        self.outbox.messages(query).await
    }

    async fn forget_messages(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.outbox.forget_messages(before).await
    }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
