//! Bringing the schema up to date.

use diesel::connection::Connection as _;
use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Integer, Text};
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use phoneproof_domain::ports::BoxError;

use crate::OpenError;
use crate::connect::{Connector, Role};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// Names the advisory lock of migrations among all that share the database: `phonprof` in ASCII.
const LOCK: i64 = 0x7068_6f6e_7072_6f66;

/// PostgreSQL 14, as `server_version_num` has it.
const OLDEST: i32 = 140_000;

type Connection = AsyncConnectionWrapper<AsyncPgConnection>;

/// The names of all migrations, for a database that has none of them.
pub(crate) fn all(connector: &Connector) -> Result<Vec<String>, OpenError> {
    let embedded = MigrationSource::<Pg>::migrations(&MIGRATIONS);
    Ok(names(
        &embedded.map_err(|error| OpenError::of(connector.place(), error))?,
    ))
}

/// The names of those that were not applied yet.
pub(crate) async fn pending(connector: &Connector) -> Result<Vec<String>, OpenError> {
    with_pending(connector, |_, pending| Ok(names(pending))).await
}

/// Applies those that were not applied yet, all or none, and answers their names.
pub(crate) async fn apply(connector: &Connector) -> Result<Vec<String>, OpenError> {
    let applied = with_pending(connector, |connection, pending| {
        connection.run_migrations(pending)?;
        Ok(names(pending))
    })
    .await?;
    for name in &applied {
        tracing::info!(
            migration = name,
            store = connector.place(),
            "applied the migration {name}"
        );
    }
    Ok(applied)
}

/// Finds what is pending and does something about it, under a lock: of several processes that start at once one applies,
/// and the others find nothing left. The lock ends with the transaction, also where its process dies.
async fn with_pending<T: Send + 'static>(
    connector: &Connector,
    act: impl FnOnce(&mut Connection, &[Box<dyn Migration<Pg>>]) -> Result<T, BoxError> + Send + 'static,
) -> Result<T, OpenError> {
    let place = connector.place().to_owned();
    let opened = connector.connect(Role::Maintain).await;
    let connection = opened.map_err(|error| OpenError::connecting(&place, error))?;
    // Diesel migrates synchronously.
    let migrating = tokio::task::spawn_blocking(move || {
        let mut connection = Connection::from(connection);
        let outcome = connection.transaction(|connection| {
            must_fit(&place, connection)?;
            diesel::sql_query(format!("SELECT pg_advisory_xact_lock({LOCK})")).execute(connection)?;
            must_know_all(&place, connection)?;
            let pending = connection.pending_migrations(MIGRATIONS)?;
            Ok(act(connection, &pending)?)
        });
        outcome.map_err(|failed| match failed {
            Failed::Open(error) => error,
            Failed::Other(error) => OpenError::of(&place, error),
        })
    });
    match migrating.await {
        Ok(outcome) => outcome,
        Err(error) => Err(OpenError::of(connector.place(), error)),
    }
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

#[derive(QueryableByName)]
struct Server {
    #[diesel(sql_type = Integer)]
    number: i32,
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = Bool)]
    read_only: bool,
}

fn must_fit(place: &str, connection: &mut Connection) -> Result<(), Failed> {
    let server: Server = diesel::sql_query(
        "SELECT current_setting('server_version_num')::integer AS number, current_setting('server_version') AS version, \
         current_setting('transaction_read_only')::boolean AS read_only",
    )
    .get_result(connection)?;
    let place = place.to_owned();
    if server.number < OLDEST {
        let version = server.version;
        return Err(OpenError::TooOld { place, version }.into());
    }
    if server.read_only {
        return Err(OpenError::ReadOnly { place }.into());
    }
    Ok(())
}

fn must_know_all(place: &str, connection: &mut Connection) -> Result<(), Failed> {
    let applied = connection.applied_migrations()?;
    let embedded = MigrationSource::<Pg>::migrations(&MIGRATIONS)?;
    let unknown = applied
        .iter()
        .find(|version| embedded.iter().all(|known| known.name().version() != **version));
    match unknown {
        Some(version) => Err(Failed::Open(OpenError::NewerSchema {
            place: place.to_owned(),
            version: version.to_string(),
        })),
        None => Ok(()),
    }
}

fn names(migrations: &[Box<dyn Migration<Pg>>]) -> Vec<String> {
    let mut names: Vec<String> = migrations
        .iter()
        .map(|migration| migration.name().to_string())
        .collect();
    names.sort();
    names
}
