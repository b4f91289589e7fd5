//! Reading and writing on a connection of the pool, in time.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_util::future::BoxFuture;
use phoneproof_domain::ports::StoreError;

use crate::connect::{Connector, Role, SEARCH_FACTOR};
use crate::errors::{Failure, unavailable};
use crate::pool::{Lease, Pool, WAIT};

/// How long a caller waits, of the 2 s within which an answer is promised: longer than a statement may take (1.5 s), and
/// short enough that a busy machine still answers in time.
const PATIENCE: Duration = Duration::from_millis(1700);

/// What a search may take beyond what the server itself allows it.
const GRACE: Duration = Duration::from_secs(1);

/// What a store asks of the connections of one role.
#[derive(Clone)]
pub(crate) struct Connections {
    pool: Arc<Pool>,
    role: Role,
    patience: Option<Duration>,
}

impl Connections {
    /// At most `most` connections.
    pub(crate) fn new(connector: &Connector, role: Role, most: usize) -> Self {
        Self {
            pool: Arc::new(Pool::new(connector, role, most)),
            role,
            patience: match role {
                Role::Serve => Some(PATIENCE),
                Role::Search if connector.statement_timeout().is_zero() => None,
                Role::Search => Some(WAIT + connector.statement_timeout() * SEARCH_FACTOR + GRACE),
                Role::Maintain => None,
            },
        }
    }

    /// Runs `work` on a connection.
    pub(crate) async fn read<T>(
        &self,
        work: impl AsyncFnOnce(&AsyncPgConnection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        Ok(self.run(work).await?)
    }

    /// Runs `work`, which writes, to its end, whether or not the caller stays to hear of it.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl for<'a> FnOnce(&'a AsyncPgConnection) -> BoxFuture<'a, Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        let this = self.clone();
        let running = tokio::spawn(async move {
            this.run(async |connection: &AsyncPgConnection| work(connection).await)
                .await
        });
        running.await.unwrap_or_else(|error| Err(unavailable(error).into()))
    }

    /// One whose server answers. Only a search asks: it is the one that would wait long for nothing.
    async fn lease_alive(&self) -> Result<Lease, Failure> {
        let lease = self.pool.lend().await?;
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
                Role::Serve | Role::Maintain => self.pool.lend().await?,
            };
            let outcome = work(&lease).await;
            // After an error of the database nobody knows what state the connection is in.
            lease.set_at_rest(!matches!(outcome, Err(Failure::Database(_))));
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
