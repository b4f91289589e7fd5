//! The one thread that writes.
//!
//! SQLite lets one connection write at a time, and a durable commit waits for the disk. So changes
//! queue here; the thread takes all that wait and commits them as one group, with one wait for the
//! disk, and each caller is answered after it. Under load a group grows by itself.
//!
//! A change that nobody waits for may be queued to join the next group. It delays no other change, and is committed alone if
//! none comes within [`JOIN_WITHIN`].

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use diesel::sqlite::SqliteConnection;
use phoneproof_domain::ports::CommitError;
use tokio::sync::oneshot;

use crate::checkpoints::Checkpoints;
use crate::connection::{Connector, Role};
use crate::errors::{Failure, unavailable};
use crate::group::{self, GroupError};
use crate::threads::ended;

/// Most changes in one group: their callers wait for the slowest of them.
pub(crate) const LARGEST_GROUP: usize = 256;

/// How long a change that may join the next group waits for one.
pub(crate) const JOIN_WITHIN: Duration = Duration::from_millis(20);

/// What a job does inside its transaction. It is done again if another job of its group fails.
pub(crate) type Work = Box<dyn FnMut(&mut SqliteConnection) -> Result<(), Failure> + Send>;

/// Work, and where its outcome goes.
pub(crate) struct Job {
    pub(crate) work: Work,
    /// Whether it waits for another job to share the commit with.
    pub(crate) joins: bool,
    pub(crate) answer: oneshot::Sender<Result<(), CommitError>>,
}

/// What the writer has done since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Changes that were committed.
    pub commits: u64,
    /// Groups in which they were: transactions, and waits for the disk.
    pub groups: u64,
}

#[derive(Debug, Default)]
struct Counters {
    commits: AtomicU64,
    groups: AtomicU64,
    failing: AtomicBool,
}

/// The way to the writing thread. Dropping it waits until all that is queued is written.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
    counters: Arc<Counters>,
}

impl Writer {
    /// Starts the thread on a connection that is set up.
    pub(crate) fn start(
        connection: SqliteConnection,
        connector: Connector,
        queue: usize,
    ) -> Result<Self, std::io::Error> {
        let (sender, receiver) = sync_channel(queue.max(1));
        let counters = Arc::new(Counters::default());
        let file = Arc::new(connector.file()?);
        let thread = Thread {
            checkpoints: Checkpoints::start(connector.clone(), Arc::clone(&file))?,
            connection: Some(connection),
            connector,
            queue: receiver,
            counters: Arc::clone(&counters),
            file,
        };
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || thread.run())?;
        Ok(Self {
            queue: Some(sender),
            thread: Some(thread),
            counters,
        })
    }

    /// Queues `work` and waits for its outcome. Once queued it is done, whether or not the caller
    /// stays to hear of it; a full queue is an error at once.
    pub(crate) async fn write(&self, work: Work) -> Result<(), CommitError> {
        self.queue(work, false).await
    }

    /// The same for a change whose caller can wait: it is committed with the next one, or after [`JOIN_WITHIN`].
    pub(crate) async fn write_with_next(&self, work: Work) -> Result<(), CommitError> {
        self.queue(work, true).await
    }

    async fn queue(&self, work: Work, joins: bool) -> Result<(), CommitError> {
        let (answer, outcome) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(|| unavailable("the store is closed"))?;
        queue
            .try_send(Job { work, joins, answer })
            .map_err(|error| unavailable(error.to_string()))?;
        outcome
            .await
            .unwrap_or_else(|_| Err(unavailable("the writer ended").into()))
    }

    /// What was done so far.
    pub(crate) fn stats(&self) -> Stats {
        Stats {
            commits: self.counters.commits.load(Ordering::Relaxed),
            groups: self.counters.groups.load(Ordering::Relaxed),
        }
    }

    /// Whether the last group could not be written.
    pub(crate) fn is_failing(&self) -> bool {
        self.counters.failing.load(Ordering::Relaxed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            ended(thread, "the writing thread of the database panicked");
        }
    }
}

struct Thread {
    /// It ends before the connection does: the last to close is to empty the log.
    checkpoints: Checkpoints,
    connection: Option<SqliteConnection>,
    connector: Connector,
    queue: Receiver<Job>,
    counters: Arc<Counters>,
    /// What `checkpoints` syncs.
    file: Arc<File>,
}

impl Thread {
    fn run(mut self) {
        while let Some(group) = self.next_group() {
            self.commit(group);
        }
        let Self {
            checkpoints,
            connection,
            file,
            ..
        } = self;
        drop(checkpoints);
        drop(connection);
        // To close it drops the locks of all connections: of this store there are none any more.
        drop(file);
    }

    /// All jobs that wait, as soon as there is one that does not wait for others. None once the store is closed.
    fn next_group(&self) -> Option<Vec<Job>> {
        let mut group = vec![self.queue.recv().ok()?];
        self.take_waiting(&mut group, LARGEST_GROUP);
        let deadline = now() + JOIN_WITHIN;
        // A closed queue ends the wait as well.
        while group.len() < LARGEST_GROUP
            && group.iter().all(|job| job.joins)
            && let Ok(job) = self.queue.recv_timeout(deadline.saturating_duration_since(now()))
        {
            group.push(job);
            self.take_waiting(&mut group, LARGEST_GROUP);
        }
        Some(group)
    }

    fn take_waiting(&self, group: &mut Vec<Job>, most: usize) {
        while group.len() < most
            && let Ok(job) = self.queue.try_recv()
        {
            group.push(job);
        }
    }

    fn commit(&mut self, group: Vec<Job>) {
        let (works, mut answers): (Vec<_>, Vec<_>) = group.into_iter().map(|job| (job.work, job.answer)).unzip();
        match self.try_commit(works) {
            Ok(outcomes) => {
                let written = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
                self.counters.commits.fetch_add(written as u64, Ordering::Relaxed);
                self.counters.groups.fetch_add(1, Ordering::Relaxed);
                self.counters.failing.store(false, Ordering::Relaxed);
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    // A caller that left has no more need of the answer.
                    let _ = answer.send(outcome);
                }
                self.checkpoints.written(written);
            }
            Err(error) => {
                self.counters.failing.store(true, Ordering::Relaxed);
                // The next group starts on a connection that knows nothing of this one.
                self.connection = None;
                if let GroupError::NotBegun(_) = error {
                    // Whoever queued while we waited for the lock would have to wait as long again.
                    let mut waiting = Vec::new();
                    self.take_waiting(&mut waiting, usize::MAX);
                    answers.extend(waiting.into_iter().map(|job| job.answer));
                }
                tracing::error!(changes = answers.len(), error = %error, "the database wrote nothing: {error}");
                for answer in answers {
                    let _ = answer.send(Err(unavailable(error.to_string()).into()));
                }
            }
        }
    }

    fn try_commit(&mut self, works: Vec<Work>) -> Result<group::Outcomes, GroupError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.connector.connect(Role::Write).map_err(GroupError::NotBegun)?),
        };
        group::commit(connection, works)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a commit may be put off is real time, whatever the clock says"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
