//! Statements that are written as one.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::FutureExt;
use futures_util::future::{join, maybe_done};

use crate::errors::Failure;
use crate::fragments::{Commit, Rollback};

/// One statement of a change. It may be run twice.
pub(crate) struct Step {
    statement: Box<dyn QueryFragment<Pg> + Send + Sync>,
    /// Whether it must touch a row, or the change came too late and all of it goes back.
    must_find: bool,
    /// Whether what follows it relies on its being done.
    in_order: bool,
}

impl Step {
    /// A statement that writes.
    pub(crate) fn new(statement: impl QueryFragment<Pg> + Send + Sync + 'static) -> Self {
        Self {
            statement: Box::new(statement),
            must_find: false,
            in_order: false,
        }
    }

    /// It finds its row, or its change came too late.
    pub(crate) fn must_find(self) -> Self {
        Self {
            must_find: true,
            ..self
        }
    }

    /// What follows it relies on its being done: it takes away what the next one may put there anew.
    pub(crate) fn in_order(self) -> Self {
        Self { in_order: true, ..self }
    }
}

/// Writes all of `steps`, if every one that must find its row finds it; or none.
///
/// They are one statement, and so one message, one answer and one transaction. Steps with an order are sent together, with a
/// `BEGIN` before them and the `COMMIT` behind. Either is one round trip, however many they are, and no lock is held while
/// a message is on its way.
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
async fn try_commit(mut connection: &AsyncPgConnection, steps: &[Step]) -> Result<(), Failure> {
    if steps.is_empty() {
        return Ok(());
    }
    if !steps.iter().any(|step| step.in_order) {
        AtOnce(steps).execute(&mut connection).await?;
        return Ok(());
    }
    let (begun, ended) = join(begin(connection), finish(connection, steps)).await;
    begun?;
    ended
}

/// Runs the steps one after the other in the transaction that was begun, and ends it. What fails makes the `COMMIT` a
/// `ROLLBACK`.
async fn finish(connection: &AsyncPgConnection, steps: &[Step]) -> Result<(), Failure> {
    let one = |step| async move { AtOnce(std::slice::from_ref(step)).execute(&mut &*connection).await };
    let (outcomes, committed) = join(polled_in_order(steps.iter().map(one)), end(connection)).await;
    for outcome in outcomes {
        outcome?;
    }
    committed?;
    Ok(())
}

/// All of them, each polled after the one before it. `join_all` promises no order, and keeps none of more than 30.
async fn polled_in_order<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(|future| maybe_done(Box::pin(future))).collect();
    poll_fn(|context| {
        let polls = futures.iter_mut().map(|future| future.poll_unpin(context));
        // No `all`, which would not poll those behind the first that waits.
        if polls.filter(Poll::is_pending).count() == 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    futures
        .iter_mut()
        .filter_map(|future| Pin::new(future).take_output())
        .collect()
}

/// Steps as one statement: `WITH s0 AS (UPDATE … RETURNING 1), s1 AS (INSERT …) SELECT must_find((SELECT count(*) FROM s0))`.
///
/// None of them sees what the others write, and they run in no known order; which is as good as their own for rows that are
/// different ones, and keys that none of them takes away. Foreign keys are looked at after all of them. A row that
/// another change holds is waited for by the step that finds the revision, and is then another one.
struct AtOnce<'a>(&'a [Step]);

impl QueryFragment<Pg> for AtOnce<'_> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if let [step] = self.0
            && !step.must_find
        {
            return step.statement.walk_ast(pass);
        }
        for (nth, step) in self.0.iter().enumerate() {
            pass.push_sql(if nth == 0 { "WITH s" } else { ", s" });
            pass.push_sql(&nth.to_string());
            pass.push_sql(" AS (");
            step.statement.walk_ast(pass.reborrow())?;
            pass.push_sql(if step.must_find { " RETURNING 1)" } else { ")" });
        }
        pass.push_sql(" SELECT 1");
        for (nth, _) in self.0.iter().enumerate().filter(|(_, step)| step.must_find) {
            pass.push_sql(", must_find((SELECT count(*) FROM s");
            pass.push_sql(&nth.to_string());
            pass.push_sql("))");
        }
        Ok(())
    }
}

/// Prepared once for each text.
impl QueryId for AtOnce<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

/// What a transaction answers once it has read, and the steps that it then ends with.
pub(crate) type Decided<T> = Result<(T, Vec<Step>), Failure>;

/// Runs `read` in a transaction, and then the steps that it decided on. The `BEGIN` goes out with the first statement, the
/// `COMMIT` with the steps: two round trips, if all that it reads is sent at once.
pub(crate) async fn within<T>(
    connection: &AsyncPgConnection,
    read: impl Future<Output = Decided<T>>,
) -> Result<T, Failure> {
    let (begun, decided) = join(begin(connection), read).await;
    let (answer, steps) = match begun.map_err(Failure::from).and(decided) {
        Ok(decided) => decided,
        Err(error) => {
            Rollback.execute(&mut &*connection).await?;
            return Err(error);
        }
    };
    finish(connection, &steps).await?;
    Ok(answer)
}

/// Sent at once, before whatever is polled after it.
async fn begin(mut connection: &AsyncPgConnection) -> QueryResult<()> {
    connection.batch_execute("BEGIN").await
}

async fn end(mut connection: &AsyncPgConnection) -> QueryResult<usize> {
    Commit.execute(&mut connection).await
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures_util::FutureExt;

    use super::*;

    /// Also where some are woken at once: else the `COMMIT` would be sent before the last of them.
    #[test]
    fn however_many_there_are_the_first_poll_reaches_all_in_order() {
        let polled = RefCell::new(Vec::new());
        let one = |at: usize| {
            let polled = &polled;
            async move {
                polled.borrow_mut().push(at);
                tokio::task::yield_now().await;
                at
            }
        };
        let expected: Vec<usize> = (0..100).collect();
        let mut all = Box::pin(polled_in_order((0..100).map(one)));
        assert_eq!(all.as_mut().now_or_never(), None);
        assert_eq!(*polled.borrow(), expected);
        assert_eq!(all.now_or_never(), Some(expected));
    }
}
