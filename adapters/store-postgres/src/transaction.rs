//! Statements that are written as one.

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{QueryFragment, QueryId};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::future::{BoxFuture, join, join_all, join3};

use crate::errors::Failure;
use crate::fragments::{Commit, MustFind, Rollback};

type Statement = dyn for<'a> Fn(&'a AsyncPgConnection) -> BoxFuture<'a, QueryResult<usize>> + Send + Sync;

/// One statement of a change. It may be run twice.
pub(crate) struct Step(Box<Statement>);

impl Step {
    /// A statement.
    pub(crate) fn new(
        statement: impl for<'a> Fn(&'a AsyncPgConnection) -> BoxFuture<'a, QueryResult<usize>> + Send + Sync + 'static,
    ) -> Self {
        Self(Box::new(statement))
    }
}

/// Runs a statement that finds its row, or its change came too late and all of it goes back.
pub(crate) fn must_find<Q>(mut connection: &AsyncPgConnection, statement: Q) -> BoxFuture<'_, QueryResult<usize>>
where
    Q: QueryFragment<Pg> + QueryId + Send,
{
    MustFind::of((statement,)).execute(&mut connection)
}

/// Writes all of `steps`, in order, if every one that must find its row finds it; or none.
///
/// They are sent together, with the `BEGIN` before them and the `COMMIT` behind: one round trip, however many they are, and
/// no lock is held while a message is on its way. What fails makes the `COMMIT` a `ROLLBACK`.
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

/// PostgreSQL runs what is sent one after the other. Diesel sends in the order in which futures are first polled, also
/// where it has to prepare some of them, for each holds the connection's statements until its own is sent: so all that is
/// sent here after the `BEGIN`, `COMMIT` too, is a prepared statement.
async fn try_commit(connection: &AsyncPgConnection, steps: &[Step]) -> Result<(), Failure> {
    let all = join_all(steps.iter().map(|step| step.0(connection)));
    let (begun, outcomes, committed) = join3(begin(connection), all, end(connection)).await;
    begun?;
    for outcome in outcomes {
        outcome?;
    }
    committed?;
    Ok(())
}

/// Runs `work` in a transaction, whose `BEGIN` goes out with the first statement of it.
pub(crate) async fn within<T>(
    connection: &AsyncPgConnection,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let (begun, outcome) = join(begin(connection), work).await;
    let outcome = begun.map_err(Failure::from).and(outcome);
    if outcome.is_ok() {
        end(connection).await?;
    } else {
        Rollback.execute(&mut &*connection).await?;
    }
    outcome
}

/// Sent at once, before whatever is polled after it.
async fn begin(mut connection: &AsyncPgConnection) -> QueryResult<()> {
    connection.batch_execute("BEGIN").await
}

async fn end(mut connection: &AsyncPgConnection) -> QueryResult<usize> {
    Commit.execute(&mut connection).await
}
