//! The store as a whole: opening it.

use futures_util::FutureExt;
use phoneproof_domain::ports::CommitError;

use crate::connect::{Connector, Role};
use crate::options::{self, Options};
use crate::pool::Connections;
use crate::transaction::{self, Step};
use crate::{OpenError, migrations};

/// Searches that run at once. They are for back ends, and keep nobody from signing in.
const SEARCHES: usize = 2;

/// What was written since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Changes that were committed, each in a transaction of its own.
    pub commits: u64,
}

/// Users in one PostgreSQL.
///
/// Share it in an `Arc`. It lives in the runtime in which it was opened.
pub struct PostgresStore {
    pub(crate) connections: Connections,
    pub(crate) searches: Connections,
    pub(crate) connector: Connector,
}

impl PostgresStore {
    /// Opens the database, and brings its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`], each a line to show to the operator.
    pub async fn open(options: &Options) -> Result<Self, OpenError> {
        let connector = connector(options)?;
        if options.migrate {
            migrations::apply(&connector).await?;
        } else {
            let names = migrations::pending(&connector).await?;
            if !names.is_empty() {
                let place = connector.place().to_owned();
                return Err(OpenError::MigrationsPending { place, names });
            }
        }
        Ok(Self {
            connections: Connections::new(&connector, Role::Serve, options.connections)?,
            searches: Connections::new(&connector, Role::Search, SEARCHES)?,
            connector,
        })
    }

    /// Whether `url` can be one of ours, without asking anybody.
    ///
    /// # Errors
    /// [`OpenError::Url`], [`OpenError::SslMode`].
    pub fn check_url(url: &str) -> Result<(), OpenError> {
        options::target(url).map(drop)
    }

    /// Applies pending migrations, whatever [`Options::migrate`] says, and answers their names.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn migrate(options: &Options) -> Result<Vec<String>, OpenError> {
        migrations::apply(&connector(options)?).await
    }

    /// The names of the migrations that [`PostgresStore::migrate`] would apply.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn pending_migrations(options: &Options) -> Result<Vec<String>, OpenError> {
        migrations::pending(&connector(options)?).await
    }

    /// What was written since the store was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            commits: self.connections.commits(),
        }
    }

    /// Writes all of `steps` or none.
    pub(crate) async fn commit_steps(&self, steps: Vec<Step>) -> Result<(), CommitError> {
        let written = self.connections.write(steps, |connection, steps| {
            transaction::commit(connection, steps).boxed()
        });
        Ok(written.await?)
    }
}

pub(crate) fn connector(options: &Options) -> Result<Connector, OpenError> {
    Connector::new(options, options::target(&options.url)?)
}
