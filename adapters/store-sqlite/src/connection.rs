//! Connections: how each kind is set up.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use diesel::connection::{CacheSize, SimpleConnection};
use diesel::prelude::*;
use diesel::sql_types::Text;
use phoneproof_domain::ports::BoxError;

use crate::options::{Options, Synchronous};
use crate::{file, folded};

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The only one that writes.
    Write,
    /// Reads single users.
    Read,
    /// Lists and counts users.
    Search,
}

/// Opens connections to one database.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    path: PathBuf,
    uri: String,
    busy_timeout: Duration,
    synchronous: Synchronous,
}

impl Connector {
    /// For the file that `options` name, which exists.
    pub(crate) fn new(options: &Options) -> Result<Self, BoxError> {
        Ok(Self {
            path: options.path.clone(),
            uri: file::uri(&options.path).ok_or("the path is not UTF-8")?,
            busy_timeout: options.busy_timeout,
            synchronous: options.synchronous,
        })
    }

    /// The database file, past SQLite. Close it after the last connection: POSIX then drops every lock that this process
    /// holds on it.
    pub(crate) fn file(&self) -> std::io::Result<File> {
        File::open(&self.path)
    }

    /// Opens a connection.
    pub(crate) fn connect(&self, role: Role) -> Result<SqliteConnection, BoxError> {
        let mut connection = SqliteConnection::establish(&self.uri)?;
        connection.batch_execute(&self.settings(role))?;
        if role == Role::Search {
            // The texts of searches vary without end, and each would be kept for ever.
            connection.set_prepared_statement_cache_size(CacheSize::Disabled);
            folded::register(&mut connection)?;
        }
        Ok(connection)
    }

    /// The time-out comes first, for the others may meet a lock.
    fn settings(&self, role: Role) -> String {
        let synchronous = match self.synchronous {
            Synchronous::Full => "FULL",
            Synchronous::Normal => "NORMAL",
        };
        let busy_timeout = self.busy_timeout.as_millis();
        let (cache_kib, query_only) = match role {
            Role::Write => (4096, "OFF"),
            Role::Read | Role::Search => (2048, "ON"),
        };
        // The log begins anew at 4000 pages (16 MB), unless a long read or a slow disk holds it up; what
        // it grew to then is cut back to 64 MB. At SQLite's 1000 pages, changes take 4 % longer. Without
        // memory mapping the caches are all there is.
        format!(
            "PRAGMA busy_timeout = {busy_timeout};
             PRAGMA foreign_keys = ON;
             PRAGMA synchronous = {synchronous};
             PRAGMA cache_size = -{cache_kib};
             PRAGMA mmap_size = 0;
             PRAGMA wal_autocheckpoint = 4000;
             PRAGMA journal_size_limit = 67108864;
             PRAGMA query_only = {query_only};"
        )
    }
}

/// How often, and how long apart, the write-ahead log is tried to be turned on: 2 s in all.
const LOG_TRIES: u32 = 100;
const LOG_PAUSE: Duration = Duration::from_millis(20);

/// Turns on the write-ahead log, which the file remembers. False where its file system cannot.
pub(crate) fn use_write_ahead_log(connection: &mut SqliteConnection) -> QueryResult<bool> {
    // Several processes may start on a new file at once. All but one find it locked, and here
    // SQLite does not wait by itself.
    for _ in 1..LOG_TRIES {
        match try_write_ahead_log(connection) {
            Err(error) if error.to_string().contains("locked") => std::thread::sleep(LOG_PAUSE),
            outcome => return outcome,
        }
    }
    try_write_ahead_log(connection)
}

fn try_write_ahead_log(connection: &mut SqliteConnection) -> QueryResult<bool> {
    let mode: String = diesel::dsl::sql::<Text>("PRAGMA journal_mode = WAL").get_result(connection)?;
    Ok(mode.eq_ignore_ascii_case("wal"))
}

/// Whether the file is still where it was; SQLite would go on writing into one that was deleted.
pub(crate) fn must_exist(path: &Path) -> Result<(), BoxError> {
    std::fs::metadata(path)
        .map(drop)
        .map_err(|error| format!("the database file is gone: {error}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(QueryableByName)]
    struct CompileOption {
        #[diesel(sql_type = Text)]
        compile_options: String,
    }

    /// Whether `fdatasync` is called cannot be asked; it is a flag in the same line.
    #[test]
    fn sqlite_is_compiled_as_cargo_config_says() {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();
        let options: Vec<CompileOption> = diesel::sql_query("PRAGMA compile_options")
            .load(&mut connection)
            .unwrap();
        let options: Vec<String> = options.into_iter().map(|option| option.compile_options).collect();
        assert!(
            options.iter().any(|option| option == "DEFAULT_MEMSTATUS=0"),
            "{options:?}"
        );
        assert!(
            options.iter().all(|option| option != "ENABLE_MEMORY_MANAGEMENT"),
            "{options:?}"
        );
    }
}
