//! Statements that are written as one.

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::errors::Failure;

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
/// If their order does not matter they are one statement, and so one round trip and one transaction; no lock is held while a
/// message is on its way. Otherwise they are run one after the other in a transaction.
pub(crate) async fn commit(mut connection: &AsyncPgConnection, steps: &[Step]) -> Result<(), Failure> {
    if steps.is_empty() {
        return Ok(());
    }
    if steps.iter().any(|step| step.in_order) {
        return transaction(connection, BEGIN, run(connection, steps)).await;
    }
    AtOnce(steps).execute(&mut connection).await?;
    Ok(())
}

/// Runs `steps` one after the other, in the transaction of the caller.
pub(crate) async fn run(mut connection: &AsyncPgConnection, steps: &[Step]) -> Result<(), Failure> {
    for step in steps {
        AtOnce(std::slice::from_ref(step)).execute(&mut connection).await?;
    }
    Ok(())
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

/// Runs `read` in a transaction, and then the steps that it decided on.
pub(crate) async fn within<T>(
    connection: &AsyncPgConnection,
    read: impl Future<Output = Decided<T>>,
) -> Result<T, Failure> {
    let work = async {
        let (answer, steps) = read.await?;
        run(connection, &steps).await?;
        Ok(answer)
    };
    transaction(connection, BEGIN, work).await
}

/// Runs `read` in a read-only transaction in which all statements see the snapshot that the first one takes.
pub(crate) async fn snapshot<T>(
    connection: &AsyncPgConnection,
    read: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    transaction(connection, BEGIN_SNAPSHOT, read).await
}

const BEGIN: &str = "BEGIN";
const BEGIN_SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// Commits what `work` did, or rolls it back if it failed.
async fn transaction<T>(
    mut connection: &AsyncPgConnection,
    begin: &str,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    connection.batch_execute(begin).await?;
    let outcome = work.await;
    let end = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
    connection.batch_execute(end).await?;
    outcome
}
