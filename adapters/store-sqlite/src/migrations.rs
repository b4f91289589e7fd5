//! Bringing the schema up to date.

use std::path::Path;

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
    must_know_all(path, connection)?;
    let pending = connection
        .pending_migrations(MIGRATIONS)
        .map_err(|error| OpenError::of(path, error))?;
    Ok(names(&pending))
}

/// Applies those that were not applied yet, all or none, and answers their names.
pub(crate) fn apply(path: &Path, connection: &mut SqliteConnection) -> Result<Vec<String>, OpenError> {
    if pending(path, connection)?.is_empty() {
        return Ok(Vec::new());
    }
    // Several processes may start at once: whoever gets the lock first applies, and the others
    // find nothing left.
    let applied = connection.immediate_transaction(|connection| {
        let pending = connection.pending_migrations(MIGRATIONS)?;
        connection.run_migrations(&pending)?;
        Ok::<_, Failed>(names(&pending))
    });
    let applied = applied.map_err(|Failed(error)| OpenError::of(path, error))?;
    for name in &applied {
        tracing::info!(migration = name, path = %path.display(), "applied the migration {name}");
    }
    Ok(applied)
}

/// Any error of a migration.
struct Failed(BoxError);

impl<E: Into<BoxError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

fn must_know_all(path: &Path, connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let sorted = |error: BoxError| OpenError::of(path, error);
    let applied = connection.applied_migrations().map_err(sorted)?;
    let embedded = MigrationSource::<Sqlite>::migrations(&MIGRATIONS).map_err(sorted)?;
    let unknown = applied
        .iter()
        .find(|version| embedded.iter().all(|known| known.name().version() != **version));
    match unknown {
        Some(version) => Err(OpenError::NewerSchema {
            path: path.to_owned(),
            version: version.to_string(),
        }),
        None => Ok(()),
    }
}

fn names(migrations: &[Box<dyn Migration<Sqlite>>]) -> Vec<String> {
    let mut names: Vec<String> = migrations.iter().map(|migration| migration.name().to_string()).collect();
    names.sort();
    names
}
