//! Opening the two ends of a copy, by nothing but their URL.

use std::time::Duration;

use crate::options::{Options, Synchronous};
use crate::{OpenError, PostgresStore, migrations, store};

impl PostgresStore {
    /// Opens a database to copy it. It must have this program's schema; nothing is written to it then.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open_source(url: &str) -> Result<Self, OpenError> {
        Self::open(&Options {
            migrate: false,
            ..options(url)
        })
        .await
    }

    /// Opens a database to copy another store into it. One with an older schema is left as it is: it cannot be new.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open_target(url: &str) -> Result<Self, OpenError> {
        let options = options(url);
        let connector = store::connector(&options)?;
        let names = migrations::pending(&connector).await?;
        if !names.is_empty() && names != migrations::all(&connector)? {
            let place = connector.place().to_owned();
            return Err(OpenError::MigrationsPending { place, names });
        }
        Self::open(&options).await
    }
}

/// No statement is too long; and a crash of the server may take back the last pages of a copy with the mark that says so,
/// never half of one: no page need wait for the disk. The end of a copy does.
fn options(url: &str) -> Options {
    Options {
        synchronous: Synchronous::Normal,
        statement_timeout: Duration::ZERO,
        ..Options::at(url)
    }
}
