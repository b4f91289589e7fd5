//! What can go wrong, sorted into the words of the ports.

use std::path::PathBuf;

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};
use phoneproof_domain::ports::{BoxError, CommitError, StoreError, Unique};
pub(crate) use phoneproof_store_rows::unavailable;
use tokio_postgres::error::SqlState;

/// Why a database could not be opened. Each message is one line that says what to do; none holds the password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no database. It is not repeated, for it may hold a password.
    #[error("the database URL is not understood: write postgres://user:password@host:5432/database")]
    Url,
    /// A mode of TLS that would verify nobody.
    #[error(
        "the database URL asks for a TLS that verifies nobody: sslmode is verify-full (what is assumed), or disable for a \
         line that nobody else can read"
    )]
    SslMode,
    /// The authorities of TLS cannot be used.
    #[error("the authorities of the database's TLS cannot be used (sslrootcert={}): {source}", file.display())]
    Authorities {
        /// The file; empty for the operating system's.
        file: PathBuf,
        /// What is wrong.
        source: BoxError,
    },
    /// Nobody answers there.
    #[error(
        "cannot open the database {place}: no PostgreSQL answers there ({source}); is it running, and reachable from here?"
    )]
    Unreachable {
        /// Where.
        place: String,
        /// What happened.
        source: BoxError,
    },
    /// The server does not let us in.
    #[error(
        "cannot open the database {place}: the server refuses ({source}); check user, password and database in its URL"
    )]
    Refused {
        /// Where.
        place: String,
        /// What the server says.
        source: BoxError,
    },
    /// The server is older than what we need.
    #[error("cannot open the database {place}: PostgreSQL {version} is too old; 14 or later is needed")]
    TooOld {
        /// Where.
        place: String,
        /// What it says it is.
        version: String,
    },
    /// The server takes no changes.
    #[error("cannot open the database {place}: it is read-only (a standby?); name the primary server")]
    ReadOnly {
        /// Where.
        place: String,
    },
    /// A newer version of this program has written to it.
    #[error(
        "cannot open the database {place}: its schema ({version}) is newer than this program; run the newer version"
    )]
    NewerSchema {
        /// Where.
        place: String,
        /// The migration that this program does not know.
        version: String,
    },
    /// Migrations are pending, and opening shall not apply them.
    #[error("cannot open the database {place}: {} pending; run `phoneproof migrate`", names.join(", "))]
    MigrationsPending {
        /// Where.
        place: String,
        /// The names of the migrations.
        names: Vec<String>,
    },
    /// Anything else.
    #[error("cannot open the database {place}: {source}")]
    Other {
        /// Where.
        place: String,
        /// What happened.
        source: BoxError,
    },
}

impl OpenError {
    /// Sorts what connecting says.
    pub(crate) fn connecting(place: &str, source: BoxError) -> Self {
        let place = place.to_owned();
        let code = postgres(&*source).and_then(tokio_postgres::Error::code).cloned();
        let source = told(source);
        match code {
            Some(
                SqlState::INVALID_PASSWORD
                | SqlState::INVALID_AUTHORIZATION_SPECIFICATION
                | SqlState::INVALID_CATALOG_NAME
                | SqlState::INSUFFICIENT_PRIVILEGE,
            ) => Self::Refused { place, source },
            Some(_) => Self::Other { place, source },
            None => Self::Unreachable { place, source },
        }
    }

    pub(crate) fn of(place: &str, source: impl Into<BoxError>) -> Self {
        Self::Other {
            place: place.to_owned(),
            source: told(source.into()),
        }
    }
}

/// The library's own error among the causes.
fn postgres<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a tokio_postgres::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

/// An error with its causes in one line: the library's own words are "db error" and no more.
pub(crate) fn told(error: BoxError) -> BoxError {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text.into()
}

/// Why nothing was written, or read.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The revision no longer stands.
    Stale,
    /// Another user has what must be unique.
    Taken(Unique),
    /// The rows contradict what is being written, or themselves; or the store cannot be had.
    Store(StoreError),
    /// PostgreSQL rolled the transaction back because of a concurrent one: a deadlock (SQLSTATE 40P01) or a serialization
    /// failure (40001). Nothing was written, and the same transaction may succeed when it is retried.
    RolledBack(Error),
    /// The database did not do as asked.
    Database(Error),
}

/// Whether the error is a deadlock (SQLSTATE 40P01).
///
/// diesel-async 0.9 does not pass the SQLSTATE on: it maps some codes to kinds, 40P01 to `Unknown`, and hides
/// tokio-postgres's error behind a trait that has no code. The message is no substitute, for it is in the server's
/// language (`lc_messages`), which only a superuser may set. The shape of the error is the same in every language: a
/// deadlock has a detail (which process waits for which) and a hint (see the server log), and names no position, table or
/// constraint. If another error has this shape it is retried in vain, but no harm is done: it wrote nothing either.
fn is_deadlock(kind: DatabaseErrorKind, said: &dyn DatabaseErrorInformation) -> bool {
    matches!(kind, DatabaseErrorKind::Unknown)
        && said.details().is_some()
        && said.hint().is_some()
        && said.statement_position().is_none()
        && said.table_name().is_none()
        && said.constraint_name().is_none()
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let Error::DatabaseError(kind, information) = &error else {
            return Self::Database(error);
        };
        if matches!(kind, DatabaseErrorKind::SerializationFailure) || is_deadlock(*kind, &**information) {
            return Self::RolledBack(error);
        }
        match (kind, information.constraint_name()) {
            (DatabaseErrorKind::UniqueViolation, Some("phone_numbers_owned")) => Self::Taken(Unique::PhoneNumber),
            (DatabaseErrorKind::UniqueViolation, Some("users_username")) => Self::Taken(Unique::Username),
            (DatabaseErrorKind::UniqueViolation, Some("users_external_id")) => Self::Taken(Unique::ExternalId),
            (
                DatabaseErrorKind::UniqueViolation,
                Some("revision" | "users_pkey" | "clients_pkey" | "sign_in_tokens_pkey"),
            ) => Self::Stale,
            // The rules keep every aggregate within the other constraints, and the revision says that the rows are the
            // ones it was decided on: so the rows are not.
            (
                DatabaseErrorKind::UniqueViolation
                | DatabaseErrorKind::ForeignKeyViolation
                | DatabaseErrorKind::NotNullViolation
                | DatabaseErrorKind::CheckViolation,
                constraint,
            ) => Self::Store(StoreError::Corrupt {
                place: constraint.unwrap_or_default().to_owned(),
                // Its details quote the row.
                source: information.message().into(),
            }),
            _ => Self::Database(error),
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) => error,
            Failure::RolledBack(error) | Failure::Database(error) => unavailable(error),
            Failure::Stale => unavailable("another change came first, again and again"),
            Failure::Taken(what) => unavailable(format!("another user has this {what:?}")),
        }
    }
}

impl From<Failure> for CommitError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Stale => Self::Stale,
            Failure::Taken(what) => Self::Taken(what),
            other => Self::Store(other.into()),
        }
    }
}
