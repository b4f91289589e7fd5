//! Threads that read.
//!
//! A read may wait for a lock or the disk and must not hold up the runtime's threads meanwhile;
//! tokio's own pool for that would open a connection for each of up to 512 threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use diesel::prelude::*;
use diesel::result::Error;
use phoneproof_domain::ports::StoreError;
use tokio::sync::{mpsc, oneshot};

use crate::connection::{Connector, Role};
use crate::errors::unavailable;

/// How long a caller waits: an answer within 2 s is promised.
const PATIENCE: Duration = Duration::from_millis(1900);

/// Does its work on the connection; false if that connection is of no more use.
type Job = Box<dyn FnOnce(&mut Slot) + Send>;

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
    queue: Option<mpsc::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    patience: Option<Duration>,
}

impl Readers {
    /// Starts `threads` threads (at least one), which connect when they are first needed.
    pub(crate) fn start(
        role: Role,
        threads: u32,
        queue: usize,
        connector: &Connector,
    ) -> Result<Self, std::io::Error> {
        let (sender, receiver) = mpsc::channel::<Job>(queue.max(1));
        let receiver = Arc::new(Mutex::new(receiver));
        let name = match role {
            Role::Search => "sqlite-search",
            Role::Read | Role::Write => "sqlite-reader",
        };
        let spawn = |_| {
            let (receiver, connector) = (Arc::clone(&receiver), connector.clone());
            let mut slot = Slot { connection: None, connector, role };
            std::thread::Builder::new().name(name.to_owned()).spawn(move || {
                while let Some(job) = next(&receiver) {
                    job(&mut slot);
                }
            })
        };
        Ok(Self {
            threads: (0..threads.max(1)).map(spawn).collect::<Result<_, _>>()?,
            queue: Some(sender),
            // A search of millions of users takes as long as it takes.
            patience: (role == Role::Read).then_some(PATIENCE),
        })
    }

    /// Runs `read` in one transaction: whatever it reads is of one moment.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut SqliteConnection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, outcome) = oneshot::channel();
        let job: Job = Box::new(move |slot| {
            // Nobody waits any more: under overload this is what empties the queue.
            if !answer.is_closed() {
                let _ = answer.send(slot.read(read));
            }
        });
        let queue = self.queue.as_ref().ok_or_else(|| unavailable("the store is closed"))?;
        queue.try_send(job).map_err(|error| unavailable(error.to_string()))?;
        let outcome = match self.patience {
            Some(patience) => tokio::time::timeout(patience, outcome).await.map_err(unavailable)?,
            None => outcome.await,
        };
        outcome.map_err(unavailable)?
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        drop(self.queue.take());
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a reading thread of the database panicked");
            }
        }
    }
}

fn next(queue: &Mutex<mpsc::Receiver<Job>>) -> Option<Job> {
    // One thread waits for the queue and the others for it; nothing panics while it is held.
    queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
}

/// One thread's connection, which is opened anew after it failed.
struct Slot {
    connection: Option<SqliteConnection>,
    connector: Connector,
    role: Role,
}

impl Slot {
    fn read<T>(&mut self, read: impl FnOnce(&mut SqliteConnection) -> Result<T, ReadError>) -> Result<T, StoreError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.connector.connect(self.role).map_err(unavailable)?),
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| connection.transaction(read)));
        match outcome {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(ReadError::Store(error))) => Err(error),
            Ok(Err(ReadError::Database(error))) => {
                self.connection = None;
                Err(unavailable(error))
            }
            Err(_) => {
                self.connection = None;
                Err(unavailable("a read of the database panicked"))
            }
        }
    }
}
