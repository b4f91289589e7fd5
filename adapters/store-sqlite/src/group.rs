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

/// Runs all `works` and commits what succeeded of them, with one wait for the disk.
///
/// A job that fails or panics goes back alone. If the database fails, everything goes back: SQLite
/// may have ended the transaction by itself, and what came after would be written outside it.
pub(crate) fn commit(connection: &mut SqliteConnection, works: Vec<Work>) -> Result<Outcomes, GroupError> {
    let mut begun = false;
    let outcomes = connection.immediate_transaction(|connection| {
        begun = true;
        works.into_iter().map(|work| in_savepoint(connection, work)).collect()
    });
    outcomes.map_err(|error: Error| {
        if begun {
            GroupError::NotCommitted(error)
        } else {
            GroupError::NotBegun(Box::new(error))
        }
    })
}

/// Not Diesel's own transaction in a transaction, whose statements are prepared anew each time.
fn in_savepoint(connection: &mut SqliteConnection, work: Work) -> Result<Result<(), CommitError>, Error> {
    run(connection, "SAVEPOINT change")?;
    // Whatever a panic left half done in the database goes back with the savepoint.
    let outcome = catch_unwind(AssertUnwindSafe(|| work(connection))).unwrap_or(Err(Failure::Panicked));
    let failure = match outcome {
        Ok(()) => None,
        // The whole group goes back.
        Err(Failure::Database(error)) => return Err(error),
        Err(failure) => {
            run(connection, "ROLLBACK TO change")?;
            Some(failure)
        }
    };
    run(connection, "RELEASE change")?;
    Ok(failure.map_or(Ok(()), |failure| Err(failure.into())))
}

fn run(connection: &mut SqliteConnection, statement: &'static str) -> Result<(), Error> {
    Bare(statement).execute(connection).map(drop)
}
