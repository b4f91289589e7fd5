//! What can go wrong, sorted into the words of the ports.

use std::path::PathBuf;

use diesel::result::{DatabaseErrorKind, Error};
use phoneproof_domain::ports::{BoxError, CommitError, StoreError, Unique};
pub(crate) use phoneproof_store_rows::{corrupt, unavailable};

/// Why a database could not be opened. Each message is one line that names the file and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no file. It is not repeated, for it may be another database's and hold a password.
    #[error(
        "the database URL names no SQLite file: write sqlite://phoneproof.db or sqlite:///var/lib/phoneproof/phoneproof.db"
    )]
    Url,
    /// The folder of the file does not exist.
    #[error("cannot open the database {}: the folder {} does not exist; create it", path.display(), folder.display())]
    FolderMissing {
        /// The file.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
    },
    /// There is no file where one is asked for.
    #[error("cannot open the database {}: there is no such file", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refuses the file or its folder.
    #[error("cannot open the database {}: no permission; this user must own the file and its folder", path.display())]
    NoPermission {
        /// The file.
        path: PathBuf,
    },
    /// The file, its folder or its file system cannot be written.
    #[error(
        "cannot open the database {}: it is read-only; make the file and its folder writable", path.display()
    )]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// There is something else at the path.
    #[error("cannot open the database {}: this is not an SQLite database; name another file", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// Another process holds the lock.
    #[error("cannot open the database {}: another process keeps it locked; stop that one", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The file system has no shared memory, as with most network file systems.
    #[error(
        "cannot open the database {}: its file system cannot share memory (WAL); put it on a local disk", path.display()
    )]
    NoSharedMemory {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of this program has written to it.
    #[error(
        "cannot open the database {}: its schema ({version}) is newer than this program; run the newer version",
        path.display()
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The migration that this program does not know.
        version: String,
    },
    /// Migrations are pending, and opening shall not apply them.
    #[error(
        "cannot open the database {}: {} pending; run `phoneproof migrate`", path.display(), names.join(", ")
    )]
    MigrationsPending {
        /// The file.
        path: PathBuf,
        /// The names of the migrations.
        names: Vec<String>,
    },
    /// Anything else.
    #[error("cannot open the database {}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What happened.
        #[source]
        source: BoxError,
    },
}

impl OpenError {
    /// Sorts what SQLite says. Diesel hands on its words and not its codes.
    pub(crate) fn of(path: &std::path::Path, error: impl Into<BoxError>) -> Self {
        let (path, source) = (path.to_owned(), error.into());
        let said = format!(
            "{source} {}",
            source.source().map(ToString::to_string).unwrap_or_default()
        );
        let says = |words: &str| said.contains(words);
        if says("locked") {
            Self::Locked { path }
        } else if says("readonly") {
            Self::ReadOnly { path }
        } else if says("not a database") {
            Self::NotADatabase { path }
        } else if says("nable to open") {
            Self::NoPermission { path }
        } else {
            Self::Other { path, source }
        }
    }
}

/// Why a job of the writer wrote nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The revision no longer stands.
    Stale,
    /// Another user has what must be unique.
    Taken(Unique),
    /// The rows contradict what is being written, or themselves.
    Corrupt {
        /// Table and key.
        place: String,
        /// What is wrong.
        source: BoxError,
    },
    /// The job panicked.
    Panicked,
    /// The database did not do as asked; the whole group goes back.
    Database(Error),
}

impl From<StoreError> for Failure {
    /// What reading rows finds wrong with them.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt { place, source } => Self::Corrupt { place, source },
            StoreError::Unavailable(source) => Self::Corrupt {
                place: String::new(),
                source,
            },
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let Error::DatabaseError(kind, information) = &error else {
            return Self::Database(error);
        };
        match (kind, information.message()) {
            (DatabaseErrorKind::UniqueViolation, "UNIQUE constraint failed: phone_numbers.number") => {
                Self::Taken(Unique::PhoneNumber)
            }
            (DatabaseErrorKind::UniqueViolation, "UNIQUE constraint failed: users.username") => {
                Self::Taken(Unique::Username)
            }
            (DatabaseErrorKind::UniqueViolation, "UNIQUE constraint failed: users.external_id") => {
                Self::Taken(Unique::ExternalId)
            }
            (
                DatabaseErrorKind::UniqueViolation,
                "UNIQUE constraint failed: users.id"
                | "UNIQUE constraint failed: clients.id"
                | "UNIQUE constraint failed: sign_in_tokens.id",
            ) => Self::Stale,
            // The rules keep every aggregate within the other constraints, and the revision says
            // that the rows are the ones it was decided on: so the rows are not.
            (
                DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::NotNullViolation
                | DatabaseErrorKind::CheckViolation,
                message,
            ) => Self::Corrupt {
                place: message.to_owned(),
                source: Box::new(error),
            },
            _ => Self::Database(error),
        }
    }
}

impl From<Failure> for CommitError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Stale => Self::Stale,
            Failure::Taken(what) => Self::Taken(what),
            Failure::Corrupt { place, source } => Self::Store(StoreError::Corrupt { place, source }),
            Failure::Panicked => Self::Store(unavailable("a job of the writer panicked")),
            Failure::Database(error) => Self::Store(unavailable(error)),
        }
    }
}
