//! Threads that read.
//!
//! A read may wait for a lock or the disk and must not hold up the runtime's threads meanwhile;
//! tokio's own pool for that would open a connection for each of up to 512 threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use std::time::Duration;

use diesel::prelude::*;
use diesel::result::Error;
use phoneproof_domain::ports::StoreError;
use tokio::sync::{mpsc, oneshot};

use crate::connection::{Connector, Role};
use crate::errors::unavailable;
use crate::threads::ended;

/// How long a caller waits: an answer within 2 s is promised.
const PATIENCE: Duration = Duration::from_millis(1900);

/// Most reads in one transaction. Sharing one spares each the locks and the `BEGIN`; every read
/// was asked for before it began, and so sees whatever was acknowledged until then.
const LARGEST_GROUP: usize = 16;

/// Reads that may wait for one thread before another one is woken: some 2 ms of work.
const ENOUGH: usize = 64;

/// Reads and answers its caller; false if the connection is of no more use. Where there is none
/// it gets the reason instead.
type Job = Box<dyn FnOnce(Result<&mut SqliteConnection, &str>) -> bool + Send>;

/// Why a read gave nothing.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The database did not do as asked.
    Database(Error),
    /// The rows make no sense.
    Store(StoreError),
}

impl From<Error> for ReadError {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The way to some reading threads. Dropping it lets them finish.
#[derive(Debug)]
pub(crate) struct Readers {
    /// One for each thread.
    queues: Vec<mpsc::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    patience: Option<Duration>,
}

impl Readers {
    /// Starts `threads` threads (at least one), which connect when they are first needed.
    pub(crate) fn start(role: Role, threads: u32, queue: usize, connector: &Connector) -> Result<Self, std::io::Error> {
        let name = match role {
            Role::Search => "sqlite-search",
            Role::Read | Role::Write => "sqlite-reader",
        };
        let mut readers = Self {
            queues: Vec::new(),
            threads: Vec::new(),
            // A search of millions of users takes as long as it takes.
            patience: (role == Role::Read).then_some(PATIENCE),
        };
        for _ in 0..threads.max(1) {
            let (sender, mut receiver) = mpsc::channel::<Job>(queue.max(1));
            let mut slot = Slot {
                connection: None,
                connector: connector.clone(),
                role,
            };
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
                while let Some(jobs) = next(&mut receiver) {
                    slot.run(jobs);
                }
            })?;
            readers.queues.push(sender);
            readers.threads.push(thread);
        }
        Ok(readers)
    }

    /// The first thread that has not enough to do, or else the one with the least.
    ///
    /// Not in turn: a thread that is at work takes the next read with this one, without being woken.
    fn queue(&self) -> Option<&mpsc::Sender<Job>> {
        let waiting = |queue: &&mpsc::Sender<Job>| queue.max_capacity() - queue.capacity();
        self.queues
            .iter()
            .find(|queue| waiting(queue) < ENOUGH)
            .or_else(|| self.queues.iter().min_by_key(waiting))
    }

    /// Runs `read` inside a transaction: whatever it reads is of one moment.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut SqliteConnection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, outcome) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Nobody waits any more: under overload this is what empties the queue.
            if answer.is_closed() {
                return true;
            }
            let (outcome, sound) = match connection {
                Ok(connection) => attempt(connection, read),
                Err(reason) => (Err(unavailable(reason)), false),
            };
            let _ = answer.send(outcome);
            sound
        });
        self.queue()
            .ok_or_else(|| unavailable("the store is closed"))?
            .try_send(job)
            .map_err(|error| unavailable(error.to_string()))?;
        let outcome = match self.patience {
            Some(patience) => tokio::time::timeout(patience, outcome).await.map_err(unavailable)?,
            None => outcome.await,
        };
        outcome.map_err(unavailable)?
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queues.clear();
        for thread in self.threads.drain(..) {
            ended(thread, "a reading thread of the database panicked");
        }
    }
}

/// Waits for a job, and takes what else is there.
fn next(queue: &mut mpsc::Receiver<Job>) -> Option<Vec<Job>> {
    let mut jobs = vec![queue.blocking_recv()?];
    while jobs.len() < LARGEST_GROUP
        && let Ok(job) = queue.try_recv()
    {
        jobs.push(job);
    }
    Some(jobs)
}

fn refuse(jobs: impl Iterator<Item = Job>, reason: &str) {
    for job in jobs {
        job(Err(reason));
    }
}

/// The outcome of one read, and whether the connection is still of use.
fn attempt<T>(
    connection: &mut SqliteConnection,
    read: impl FnOnce(&mut SqliteConnection) -> Result<T, ReadError>,
) -> (Result<T, StoreError>, bool) {
    match catch_unwind(AssertUnwindSafe(|| read(connection))) {
        Ok(Ok(value)) => (Ok(value), true),
        Ok(Err(ReadError::Store(error))) => (Err(error), true),
        Ok(Err(ReadError::Database(error))) => (Err(unavailable(error)), false),
        Err(_) => (Err(unavailable("a read of the database panicked")), false),
    }
}

/// One thread's connection, which is opened anew after it failed.
struct Slot {
    connection: Option<SqliteConnection>,
    connector: Connector,
    role: Role,
}

impl Slot {
    fn run(&mut self, jobs: Vec<Job>) {
        let mut jobs = jobs.into_iter();
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => match self.connector.connect(self.role) {
                Ok(connection) => none.insert(connection),
                Err(error) => return refuse(jobs, &error.to_string()),
            },
        };
        let sound = connection.transaction(|connection| {
            for job in jobs.by_ref() {
                if !job(Ok(&mut *connection)) {
                    return Err(Error::RollbackTransaction);
                }
            }
            Ok(())
        });
        if sound.is_err() {
            self.connection = None;
            // They might meet the same lock, and wait for it as long again.
            refuse(jobs, "the database could not be read");
        }
    }
}
