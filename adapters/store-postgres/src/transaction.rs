//! Statements that are written as one.

use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_util::future::{BoxFuture, join, join_all};

use crate::errors::Failure;

/// One statement; answers how many rows it touched. It may be run twice.
type Statement = Box<dyn for<'a> Fn(&'a AsyncPgConnection) -> BoxFuture<'a, QueryResult<usize>> + Send + Sync>;

/// A statement, and whether it must touch a row.
pub(crate) struct Step {
    statement: Statement,
    guard: bool,
}

impl Step {
    /// A statement that may touch any number of rows.
    pub(crate) fn any(
        statement: impl for<'a> Fn(&'a AsyncPgConnection) -> BoxFuture<'a, QueryResult<usize>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            statement: Box::new(statement),
            guard: false,
        }
    }

    /// A statement that finds its row, or came too late.
    pub(crate) fn guard(
        statement: impl for<'a> Fn(&'a AsyncPgConnection) -> BoxFuture<'a, QueryResult<usize>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            statement: Box::new(statement),
            guard: true,
        }
    }
}

/// Writes all of `steps`, in order, if every guard among them finds its row; or none.
///
/// They are sent together with the `BEGIN`, and PostgreSQL runs them one after the other: two round trips, however many
/// they are. Diesel sends them in the order in which they are first polled, also where it has to prepare some of them.
pub(crate) async fn commit(connection: &AsyncPgConnection, steps: &[Step]) -> Result<(), Failure> {
    match try_commit(connection, steps).await {
        // Of two changes that wait for each other PostgreSQL undoes one, which then meets what the other one wrote. Its
        // code for that does not come through Diesel; whatever else it was happens again.
        Err(Failure::Database(diesel::result::Error::DatabaseError(diesel::result::DatabaseErrorKind::Unknown, _))) => {
            try_commit(connection, steps).await
        }
        outcome => outcome,
    }
}

async fn try_commit(connection: &AsyncPgConnection, steps: &[Step]) -> Result<(), Failure> {
    within(connection, async {
        let outcomes = join_all(steps.iter().map(|step| (step.statement)(connection))).await;
        for (step, outcome) in steps.iter().zip(outcomes) {
            if outcome? == 0 && step.guard {
                return Err(Failure::Stale);
            }
        }
        Ok(())
    })
    .await
}

/// Runs `work` in a transaction, whose `BEGIN` goes out with the first statement of it.
pub(crate) async fn within<T>(
    connection: &AsyncPgConnection,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let (begun, outcome) = join(execute(connection, "BEGIN"), work).await;
    let outcome = begun.map_err(Failure::from).and(outcome);
    match outcome {
        Ok(value) => {
            execute(connection, "COMMIT").await?;
            Ok(value)
        }
        Err(failure) => {
            execute(connection, "ROLLBACK").await?;
            Err(failure)
        }
    }
}

async fn execute(mut connection: &AsyncPgConnection, statement: &str) -> QueryResult<()> {
    connection.batch_execute(statement).await
}
