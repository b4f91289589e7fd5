//! Connections, handed out to whoever reads or writes.

use std::hash::{BuildHasher, RandomState};
use std::ops::{Deref, RangeInclusive};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::QueueMode;
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use phoneproof_domain::ports::StoreError;

use crate::OpenError;
use crate::connect::{Connector, Role, SEARCH_FACTOR};
use crate::errors::{Failure, told, unavailable};
use crate::transaction::snapshot;

/// How long a caller waits, of the 2 s within which an answer is promised: longer than a statement may take (1.5 s), and
/// short enough that a busy machine still answers in time.
const PATIENCE: Duration = Duration::from_millis(1700);

/// What a search may take beyond what the server itself allows it.
const GRACE: Duration = Duration::from_secs(1);

/// How long a caller waits for a free connection. Under overload this is what is said no to.
const WAIT: Duration = Duration::from_secs(1);

/// How often a transaction is tried that PostgreSQL rolls back because of a concurrent one. [`PATIENCE`] may end it earlier.
const TRIES: u32 = 5;

/// The pause before such a transaction is retried, in milliseconds. It is random, so that two transactions that collided
/// do not collide again, and long enough for the other one to take the locks that it waited for.
const PAUSE_MS: RangeInclusive<u64> = 5..=25;

/// Connections of one role.
#[derive(Clone)]
pub(crate) struct Connections {
    pool: Pool<AsyncPgConnection>,
    role: Role,
    patience: Option<Duration>,
    commits: Arc<AtomicU64>,
}

impl Connections {
    /// At most `most` connections, which are opened as they are needed and again after they broke.
    pub(crate) fn new(connector: &Connector, role: Role, most: usize) -> Result<Self, OpenError> {
        Ok(Self {
            pool: pool(connector, role, most)?,
            role,
            patience: match role {
                Role::Serve => Some(PATIENCE),
                Role::Search if connector.statement_timeout().is_zero() => None,
                Role::Search => Some(WAIT + connector.statement_timeout() * SEARCH_FACTOR + GRACE),
                Role::Maintain => None,
            },
            commits: Arc::default(),
        })
    }

    /// How often [`write`](Self::write) was done.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Runs `work`, which reads with one statement, on a connection.
    pub(crate) async fn read<T>(
        &self,
        work: impl AsyncFnOnce(&AsyncPgConnection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        Ok(self.run(work).await?)
    }

    /// Runs `work`, which reads with several statements, on a connection. All of them see the same snapshot.
    pub(crate) async fn read_snapshot<T>(
        &self,
        work: impl AsyncFnOnce(&AsyncPgConnection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.read(async move |connection: &AsyncPgConnection| snapshot(connection, work(connection)).await)
            .await
    }

    /// Runs `work`, which writes what `input` says, to its end, whether or not the caller stays to hear of it. Only the
    /// end of the caller's thread comes before: then nothing of it is done, or all. If PostgreSQL rolls
    /// `work` back because of a concurrent transaction, it is run again.
    pub(crate) async fn write<I: Send + Sync + 'static, T: Send + 'static>(
        &self,
        input: I,
        work: impl for<'a> Fn(&'a AsyncPgConnection, &'a I) -> BoxFuture<'a, Result<T, Failure>> + Send + Sync + 'static,
    ) -> Result<T, Failure> {
        let this = self.clone();
        let running = tokio::spawn(async move {
            let written = this
                .run(async move |connection: &AsyncPgConnection| retry_rolled_back(|| work(connection, &input)).await)
                .await?;
            this.commits.fetch_add(1, Ordering::Relaxed);
            Ok(written)
        });
        running.await.unwrap_or_else(|error| Err(unavailable(error).into()))
    }

    async fn lease(&self) -> Result<Lease, Failure> {
        let taken = self.pool.get().await;
        Ok(Lease::of(taken.map_err(|error| unavailable(error.to_string()))?))
    }

    /// One whose server answers. Only a search asks: it is the one that would wait long for nothing.
    async fn lease_alive(&self) -> Result<Lease, Failure> {
        let lease = self.lease().await?;
        let mut connection: &AsyncPgConnection = &lease;
        connection.batch_execute("").await?;
        Ok(lease)
    }

    async fn run<T>(&self, work: impl AsyncFnOnce(&AsyncPgConnection) -> Result<T, Failure>) -> Result<T, Failure> {
        let attempt = async {
            let mut lease = match self.role {
                Role::Search => tokio::time::timeout(PATIENCE, self.lease_alive())
                    .await
                    .map_err(unavailable)??,
                Role::Serve | Role::Maintain => self.lease().await?,
            };
            let outcome = work(&lease).await;
            // After an error of the database nobody knows what state the connection is in.
            lease.sound = !matches!(outcome, Err(Failure::Database(_) | Failure::RolledBack(_)));
            outcome
        };
        match self.patience {
            Some(patience) => tokio::time::timeout(patience, attempt)
                .await
                .unwrap_or_else(|late| Err(unavailable(late).into())),
            None => attempt.await,
        }
    }
}

/// Runs `work` until PostgreSQL does not roll it back because of a concurrent transaction, at most [`TRIES`] times.
async fn retry_rolled_back<'a, T>(work: impl Fn() -> BoxFuture<'a, Result<T, Failure>>) -> Result<T, Failure> {
    for _ in 1..TRIES {
        match work().await {
            Err(Failure::RolledBack(_)) => tokio::time::sleep(pause()).await,
            outcome => return outcome,
        }
    }
    work().await
}

/// A random pause. The standard library's hash keys are random enough for it: nothing about it is secret.
fn pause() -> Duration {
    let (least, most) = (*PAUSE_MS.start(), *PAUSE_MS.end());
    Duration::from_millis(least + RandomState::new().hash_one(()) % (most - least + 1))
}

/// At most `most` connections, each driven by the connector's runtime.
fn pool(connector: &Connector, role: Role, most: usize) -> Result<Pool<AsyncPgConnection>, OpenError> {
    let opening = connector.clone();
    let mut config = ManagerConfig::default();
    // Asking each time whether the connection still lives would double the round trips; one that is known to have
    // ended is not handed out.
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(move |_| {
        let opening = opening.clone();
        async move {
            let opened = opening.connect(role).await;
            opened.map_err(|error| diesel::ConnectionError::BadConnection(told(error).to_string()))
        }
        .boxed()
    });
    let manager = AsyncDieselConnectionManager::new_with_config("", config);
    Pool::builder(manager)
        .max_size(most.max(1))
        .wait_timeout(Some(WAIT))
        // The one that was used last has its plans and pages at hand, and a quiet hour leaves few open in use.
        .queue_mode(QueueMode::Lifo)
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| OpenError::of(connector.place(), error))
}

/// A connection that goes back to the pool only if it is known to be at rest. Whatever is dropped in the middle (a caller
/// that leaves, a time-out) is closed. PostgreSQL undoes what was not committed; a `COMMIT` that it has may still be done.
struct Lease {
    connection: Option<Object<AsyncPgConnection>>,
    sound: bool,
}

impl Lease {
    fn of(connection: Object<AsyncPgConnection>) -> Self {
        Self {
            connection: Some(connection),
            sound: false,
        }
    }
}

impl Deref for Lease {
    type Target = AsyncPgConnection;

    #[expect(clippy::expect_used, reason = "it is taken out by `drop` alone")]
    fn deref(&self) -> &AsyncPgConnection {
        self.connection.as_deref().expect("a connection")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.sound
            && let Some(connection) = self.connection.take()
        {
            drop(Object::take(connection));
        }
    }
}
