//! The store as a whole: opening and closing.

use std::path::PathBuf;

use diesel::sqlite::SqliteConnection;

use crate::connection::{self, Connector, Role};
use crate::options::{self, Options};
use crate::readers::Readers;
use crate::writer::{Stats, Writer};
use crate::{OpenError, file, migrations};

/// Searches that may wait for the one thread that does them.
const WAITING_SEARCHES: usize = 64;

/// Users in one SQLite file.
///
/// Share it in an `Arc`. Any number of processes may have the same file open, each of them once: where one process opened it
/// twice, closing one store would drop the locks of the other (POSIX). Dropping it blocks until all queued changes are
/// written and the threads have ended.
#[derive(Debug)]
pub struct SqliteStore {
    pub(crate) path: PathBuf,
    // Fields are dropped in order: the writer is the last to close, empties the log, and then closes the file.
    pub(crate) readers: Readers,
    /// A thread of its own, so that a search of millions of users keeps nobody from signing in.
    pub(crate) searches: Readers,
    pub(crate) writer: Writer,
}

impl SqliteStore {
    /// The file that `sqlite://phoneproof.db` (beside the process) or `sqlite:///var/lib/x.db`
    /// (from the root) names. Nothing in it is unescaped, and there are no parameters.
    ///
    /// # Errors
    /// [`OpenError::Url`].
    pub fn parse_url(url: &str) -> Result<PathBuf, OpenError> {
        options::parse_url(url)
    }

    /// Opens the database, and makes it if there is none, readable by its owner alone.
    ///
    /// # Errors
    /// [`OpenError`], each a line to show to the operator.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let Some((mut connection, connector)) = prepare(&options)? else {
            return Err(pending(&options, migrations::all(&options.path)?));
        };
        if options.migrate {
            migrations::apply(&options.path, &mut connection)?;
        } else {
            let names = migrations::pending(&options.path, &mut connection)?;
            if !names.is_empty() {
                return Err(pending(&options, names));
            }
        }
        let threads = |error: std::io::Error| OpenError::of(&options.path, error);
        Ok(Self {
            readers: Readers::start(Role::Read, options.readers, options.queue, &connector).map_err(threads)?,
            searches: Readers::start(Role::Search, 1, WAITING_SEARCHES, &connector).map_err(threads)?,
            writer: Writer::start(connection, connector, options.queue).map_err(threads)?,
            path: options.path,
        })
    }

    /// Applies pending migrations, whatever [`Options::migrate`] says, and answers their names.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn migrate(options: &Options) -> Result<Vec<String>, OpenError> {
        let options = Options {
            migrate: true,
            ..options.clone()
        };
        match prepare(&options)? {
            Some((mut connection, _)) => migrations::apply(&options.path, &mut connection),
            None => migrations::all(&options.path),
        }
    }

    /// The names of the migrations that [`SqliteStore::migrate`] would apply. Makes no file.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn pending_migrations(options: &Options) -> Result<Vec<String>, OpenError> {
        let options = Options {
            migrate: false,
            ..options.clone()
        };
        match prepare(&options)? {
            Some((mut connection, _)) => migrations::pending(&options.path, &mut connection),
            None => migrations::all(&options.path),
        }
    }

    /// What was written since the store was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.writer.stats()
    }
}

/// A connection that can write; `None` if there is no file and none shall be made.
fn prepare(options: &Options) -> Result<Option<(SqliteConnection, Connector)>, OpenError> {
    let path = &options.path;
    if !file::exists(path)? {
        if !options.migrate {
            return Ok(None);
        }
        file::create(path)?;
    }
    let connector = Connector::new(options).map_err(|error| OpenError::of(path, error))?;
    let mut connection = connector
        .connect(Role::Write)
        .map_err(|error| OpenError::of(path, error))?;
    if !connection::use_write_ahead_log(&mut connection).map_err(|error| OpenError::of(path, error))? {
        return Err(OpenError::NoSharedMemory { path: path.clone() });
    }
    Ok(Some((connection, connector)))
}

pub(crate) fn pending(options: &Options, names: Vec<String>) -> OpenError {
    OpenError::MigrationsPending {
        path: options.path.clone(),
        names,
    }
}
