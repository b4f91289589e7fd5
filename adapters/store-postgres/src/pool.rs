//! Connections, handed out to whoever reads or writes.

mod shares;

use std::ops::Deref;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{QueueMode, TimeoutType, Timeouts};
use diesel_async::pooled_connection::deadpool::{Object, Pool, PoolError};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, select_ok};
use phoneproof_domain::ports::StoreError;

use crate::OpenError;
use crate::connect::{Connector, Role, SEARCH_FACTOR};
use crate::errors::{Failure, told, unavailable};
use shares::Shares;

/// How long a caller waits, of the 2 s within which an answer is promised: longer than a statement may take (1.5 s), and
/// short enough that a busy machine still answers in time.
const PATIENCE: Duration = Duration::from_millis(1700);

/// What a search may take beyond what the server itself allows it.
const GRACE: Duration = Duration::from_secs(1);

/// How long a caller waits for a free connection. Under overload this is what is said no to.
const WAIT: Duration = Duration::from_secs(1);

/// For whoever waits for none.
const AT_ONCE: Timeouts = Timeouts {
    wait: Some(Duration::ZERO),
    create: None,
    recycle: None,
};

/// Connections of one role.
#[derive(Clone)]
pub(crate) struct Connections {
    /// Everybody's.
    pool: Pool<AsyncPgConnection>,
    shares: Arc<Shares>,
    role: Role,
    patience: Option<Duration>,
    commits: Arc<AtomicU64>,
}

impl Connections {
    /// At most `most` connections, which are opened as they are needed and again after they broke; a share of them for each
    /// of so many threads beside the one in which this is called.
    pub(crate) fn new(connector: &Connector, role: Role, most: usize, threads: usize) -> Result<Self, OpenError> {
        let shares = Shares::new(connector, role, most, threads);
        Ok(Self {
            pool: pool(connector, role, most - shares.all())?,
            shares: Arc::new(shares),
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

    /// Runs `work` on a connection.
    pub(crate) async fn read<T>(
        &self,
        work: impl AsyncFnOnce(&AsyncPgConnection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        Ok(self.run(work).await?)
    }

    /// Runs `work`, which writes, to its end, whether or not the caller stays to hear of it. Only the end of the caller's
    /// thread comes before: then nothing of it is done, or all.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl for<'a> FnOnce(&'a AsyncPgConnection) -> BoxFuture<'a, Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        let this = self.clone();
        let running = tokio::spawn(async move {
            let written = this
                .run(async |connection: &AsyncPgConnection| work(connection).await)
                .await?;
            this.commits.fetch_add(1, Ordering::Relaxed);
            Ok(written)
        });
        running.await.unwrap_or_else(|error| Err(unavailable(error).into()))
    }

    async fn lease(&self) -> Result<Lease, Failure> {
        let taken = match self.shares.of_this_thread().map_err(unavailable)? {
            Some(own) => self.take(own).await,
            None => self.pool.get().await,
        };
        Ok(Lease::of(taken.map_err(|error| unavailable(error.to_string()))?))
    }

    /// One of the thread's own, or else one of everybody's; if all are in use, the first of either that comes back.
    async fn take(&self, own: Pool<AsyncPgConnection>) -> Result<Object<AsyncPgConnection>, PoolError> {
        // Where none can be opened, others may still be open.
        if let Ok(taken) = own.timeout_get(&AT_ONCE).await {
            return Ok(taken);
        }
        match self.pool.timeout_get(&AT_ONCE).await {
            Err(PoolError::Timeout(TimeoutType::Wait)) => {}
            taken => return taken,
        }
        let (first, _) = select_ok([pin!(own.get()), pin!(self.pool.get())]).await?;
        Ok(first)
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
            lease.sound = !matches!(outcome, Err(Failure::Database(_)));
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
