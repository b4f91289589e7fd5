//! Bringing the schema up to date.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use phoneproof_domain::ports::BoxError;

use crate::OpenError;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// The names of all migrations, for a database that does not exist yet.
pub(crate) fn all(path: &Path) -> Result<Vec<String>, OpenError> {
    let embedded = MigrationSource::<Sqlite>::migrations(&MIGRATIONS).map_err(|error| OpenError::of(path, error))?;
    Ok(names(&embedded))
}

/// The names of those that were not applied yet.
pub(crate) fn pending(path: &Path, connection: &mut SqliteConnection) -> Result<Vec<String>, OpenError> {
    with_pending(path, connection, |_, pending| Ok(names(pending)))
}

/// Applies those that were not applied yet, all or none, and answers their names.
pub(crate) fn apply(path: &Path, connection: &mut SqliteConnection) -> Result<Vec<String>, OpenError> {
    let applied = with_pending(path, connection, |connection, pending| {
        connection.run_migrations(pending)?;
        Ok(names(pending))
    })?;
    for name in &applied {
        tracing::info!(migration = name, path = %path.display(), "applied the migration {name}");
    }
    Ok(applied)
}

/// Finds what is pending and does something about it, with the lock for writing held: of several
/// processes that start at once one applies, and the others find nothing left.
fn with_pending<T>(
    path: &Path,
    connection: &mut SqliteConnection,
    act: impl FnOnce(&mut SqliteConnection, &[Box<dyn Migration<Sqlite>>]) -> Result<T, BoxError>,
) -> Result<T, OpenError> {
    let outcome = connection.immediate_transaction(|connection| {
        must_know_all(path, connection)?;
        must_be_writable(connection)?;
        let pending = connection.pending_migrations(MIGRATIONS)?;
        Ok(act(connection, &pending)?)
    });
    outcome.map_err(|failed| match failed {
        Failed::Open(error) => error,
        Failed::Other(error) => OpenError::of(path, error),
    })
}

enum Failed {
    Open(OpenError),
    Other(BoxError),
}

impl From<OpenError> for Failed {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl From<BoxError> for Failed {
    fn from(error: BoxError) -> Self {
        Self::Other(error)
    }
}

impl From<diesel::result::Error> for Failed {
    fn from(error: diesel::result::Error) -> Self {
        Self::Other(Box::new(error))
    }
}

/// Fails on a read-only file, where even a lock for writing can be had.
fn must_be_writable(connection: &mut SqliteConnection) -> Result<(), diesel::result::Error> {
    connection.batch_execute("DELETE FROM __diesel_schema_migrations WHERE FALSE")
}

fn must_know_all(path: &Path, connection: &mut SqliteConnection) -> Result<(), Failed> {
    let applied = connection.applied_migrations()?;
    let embedded = MigrationSource::<Sqlite>::migrations(&MIGRATIONS)?;
    let unknown = applied
        .iter()
        .find(|version| embedded.iter().all(|known| known.name().version() != **version));
    match unknown {
        Some(version) => Err(Failed::Open(OpenError::NewerSchema {
            path: path.to_owned(),
            version: version.to_string(),
        })),
        None => Ok(()),
    }
}

fn names(migrations: &[Box<dyn Migration<Sqlite>>]) -> Vec<String> {
    let mut names: Vec<String> = migrations
        .iter()
        .map(|migration| migration.name().to_string())
        .collect();
    names.sort();
    names
}
