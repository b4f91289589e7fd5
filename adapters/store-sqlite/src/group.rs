//! One group of changes in one transaction.

use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::prelude::*;
use diesel::result::Error;
use phoneproof_domain::ports::{BoxError, CommitError};

use crate::errors::Failure;
use crate::kept::Bare;
use crate::writer::Work;

/// What became of each job, in order.
pub(crate) type Outcomes = Vec<Result<(), CommitError>>;

/// Why a whole group wrote nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GroupError {
    /// It could not begin: the database is away or locked.
    #[error("the database cannot be written: {0}")]
    NotBegun(BoxError),
    /// It could not go on or end: the disk is full or broken.
    #[error("the database could not be written: {0}")]
    NotCommitted(Error),
}

/// Why a transaction goes back.
enum Stop {
    /// A job failed.
    Job,
    /// The database failed.
    Database(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

/// Runs all `works` and commits what succeeded of them, with one wait for the disk.
///
/// A job that fails or panics goes back alone. If the database fails, everything goes back: SQLite
/// may have ended the transaction by itself, and what came after would be written outside it.
pub(crate) fn commit(connection: &mut SqliteConnection, mut works: Vec<Work>) -> Result<Outcomes, GroupError> {
    // Nearly always all succeed, and a savepoint around each would copy every page that it changes.
    let together = transaction(connection, |connection| {
        works.iter_mut().try_for_each(|work| match run(connection, work) {
            Ok(()) => Ok(()),
            Err(Failure::Database(error)) => Err(Stop::Database(error)),
            Err(_) => Err(Stop::Job),
        })
    })?;
    if together.is_some() {
        return Ok(works.iter().map(|_| Ok(())).collect());
    }
    let apart = transaction(connection, |connection| {
        let outcomes = works.iter_mut().map(|work| in_savepoint(connection, work));
        outcomes.collect::<Result<_, _>>()
    })?;
    // No job stops this one.
    apart.ok_or(GroupError::NotCommitted(Error::RollbackTransaction))
}

/// Answers what `run` answered, once it is committed; none if a job stopped it.
fn transaction<T>(
    connection: &mut SqliteConnection,
    run: impl FnOnce(&mut SqliteConnection) -> Result<T, Stop>,
) -> Result<Option<T>, GroupError> {
    let mut begun = false;
    let outcome = connection.immediate_transaction(|connection| {
        begun = true;
        run(connection)
    });
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(Stop::Job) => Ok(None),
        Err(Stop::Database(error)) if begun => Err(GroupError::NotCommitted(error)),
        Err(Stop::Database(error)) => Err(GroupError::NotBegun(Box::new(error))),
    }
}

fn run(connection: &mut SqliteConnection, work: &mut Work) -> Result<(), Failure> {
    // Whatever a panic left half done in the database goes back.
    catch_unwind(AssertUnwindSafe(|| work(connection))).unwrap_or(Err(Failure::Panicked))
}

/// Not Diesel's own transaction in a transaction, whose statements are prepared anew each time.
fn in_savepoint(connection: &mut SqliteConnection, work: &mut Work) -> Result<Result<(), CommitError>, Stop> {
    Bare("SAVEPOINT change").execute(connection)?;
    let failure = match run(connection, work) {
        Ok(()) => None,
        // The whole group goes back.
        Err(Failure::Database(error)) => return Err(Stop::Database(error)),
        Err(failure) => {
            Bare("ROLLBACK TO change").execute(connection)?;
            Some(failure)
        }
    };
    Bare("RELEASE change").execute(connection)?;
    Ok(failure.map_or(Ok(()), |failure| Err(failure.into())))
}
