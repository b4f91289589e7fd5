//! Opening the two ends of a copy, by nothing but where they are.

use std::path::Path;

use crate::options::{Options, Synchronous};
use crate::{OpenError, SqliteStore, file, migrations, store};

impl SqliteStore {
    /// Opens a database to copy it. It must be there, with this program's schema; nothing is written to it.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_source(path: &Path) -> Result<Self, OpenError> {
        if !file::exists(path)? {
            return Err(OpenError::Missing { path: path.to_owned() });
        }
        Self::open(Options {
            migrate: false,
            ..options(path)
        })
    }

    /// Opens a database to copy another store into it, and makes it if there is none. One with an older schema is left as
    /// it is: it cannot be new.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_target(path: &Path) -> Result<Self, OpenError> {
        let options = options(path);
        let pending = Self::pending_migrations(&options)?;
        if !pending.is_empty() && pending != migrations::all(path)? {
            return Err(store::pending(&options, pending));
        }
        Self::open(options)
    }
}

/// A power cut may take back the last pages of a copy with the mark that says so, never half of one: no page need wait
/// for the disk. Closing the store does, and empties the log.
fn options(path: &Path) -> Options {
    Options {
        synchronous: Synchronous::Normal,
        ..Options::at(path)
    }
}
