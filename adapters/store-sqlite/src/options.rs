//! What an operator may tune.

use std::path::PathBuf;
use std::time::Duration;

use crate::OpenError;

/// When a commit counts as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// Once the disk says so: an acknowledged change survives a power cut.
    #[default]
    Full,
    /// Once the operating system has it: a power cut may take back the last changes, though never half of one.
    Normal,
}

/// How a database is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The file. Its folder must exist and be writable, for the log stands beside it. Default: `phoneproof.db`.
    pub path: PathBuf,
    /// When a commit counts as written. Default: [`Synchronous::Full`].
    pub synchronous: Synchronous,
    /// Threads that load users, each with a connection of its own; at least 1. Default: 2.
    pub readers: u32,
    /// Changes that may wait for the writer before further ones are refused; at least 1. Default: 4096, a third of a
    /// second's work.
    pub queue: usize,
    /// How long to wait for another process that holds the lock. Default: 1.5 s, so that a caller has an answer within
    /// 2 s.
    pub busy_timeout: Duration,
    /// Whether opening applies pending migrations. Without, they are an error that says so. Default: true.
    pub migrate: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            path: PathBuf::from("phoneproof.db"),
            synchronous: Synchronous::default(),
            readers: 2,
            queue: 4096,
            busy_timeout: Duration::from_millis(1500),
            migrate: true,
        }
    }
}

impl Options {
    /// The defaults, for the file at `path`.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            ..Self::default()
        }
    }
}

/// See [`SqliteStore::parse_url`](crate::SqliteStore::parse_url).
pub(crate) fn parse_url(url: &str) -> Result<PathBuf, OpenError> {
    let path = url.strip_prefix("sqlite://").ok_or(OpenError::Url)?;
    if path.is_empty() || path.ends_with('/') || path.starts_with(':') || path.contains(['?', '#', '\0']) {
        return Err(OpenError::Url);
    }
    Ok(PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_file() {
        for (url, path) in [
            ("sqlite://phoneproof.db", "phoneproof.db"),
            ("sqlite://data/x y.db", "data/x y.db"),
            ("sqlite:///var/lib/x.db", "/var/lib/x.db"),
        ] {
            assert_eq!(parse_url(url).unwrap(), PathBuf::from(path));
        }
    }

    #[test]
    fn what_names_no_file_is_refused_without_being_repeated() {
        for url in [
            "",
            "phoneproof.db",
            "sqlite://",
            "sqlite:///var/",
            "sqlite://:memory:",
            "sqlite://x.db?mode=ro",
            "postgres://me:secret@db/x",
        ] {
            let message = parse_url(url).unwrap_err().to_string();
            assert!(message.contains("sqlite://phoneproof.db"), "{message}");
            assert!(!message.contains("secret"), "{message}");
        }
    }
}
