//! A copy of the database beside a running server.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use diesel::prelude::*;
use diesel::sql_types::Text;
use phoneproof_domain::ports::BoxError;

use crate::connection::{Connector, Role};
use crate::{OpenError, Options, SqliteStore, file};

/// Why there is no backup. Each message is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no database.
    #[error("there is no database {} to back up", .0.display())]
    NoDatabase(PathBuf),
    /// An older backup stays what it is.
    #[error("{} exists and is not overwritten; name another file", .0.display())]
    Exists(PathBuf),
    /// Another backup to the same file runs, or was killed.
    #[error("{} exists: another backup is running, or one was killed; then delete the file", .0.display())]
    Partial(PathBuf),
    /// The copy could not be written: no folder, no permission, no space.
    #[error("cannot write the backup {}: {source}", path.display())]
    Write {
        /// Where it was to be.
        path: PathBuf,
        /// What happened.
        source: BoxError,
    },
}

impl SqliteStore {
    /// Copies the database that `options` name to the new file `to`, and answers its size in bytes.
    ///
    /// The copy is of one moment: whatever was acknowledged before this was called is in it, and of what came later
    /// each change is in it as a whole or not at all. Any number of servers may read and write meanwhile. It is one
    /// file for its owner alone (mode 0600), without gaps, and on the disk once this returns. Until then it is called
    /// `….partial`, which is deleted again if anything fails.
    ///
    /// The log of the database cannot begin anew while this reads, and grows by what is written meanwhile.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn backup(options: &Options, to: &Path) -> Result<u64, BackupError> {
        if !file::exists(&options.path)? {
            return Err(BackupError::NoDatabase(options.path.clone()));
        }
        // Asked before the work is done, and decided after it.
        if fs::symlink_metadata(to).is_ok() {
            return Err(BackupError::Exists(to.to_owned()));
        }
        let partial = Partial::beside(to)?;
        copy(options, &partial)?;
        partial.publish(to)
    }
}

/// Not the pages one by one (SQLite's backup API): that begins anew whenever a server writes, and under load never ends.
fn copy(options: &Options, partial: &Partial) -> Result<(), BackupError> {
    let open = |error: BoxError| OpenError::of(&options.path, error);
    // The role that may write: the copy counts as a change where only questions are allowed.
    let mut connection = Connector::new(options)
        .and_then(|connector| connector.connect(Role::Write))
        .map_err(open)?;
    let target = file::uri(&partial.0).ok_or_else(|| partial.failed("the path is not UTF-8"))?;
    diesel::sql_query("VACUUM INTO ?")
        .bind::<Text, _>(target)
        .execute(&mut connection)
        .map_err(|error| partial.failed(error))?;
    Ok(())
}

/// The copy while it is being written. Dropping it deletes it.
struct Partial(PathBuf);

impl Partial {
    fn beside(to: &Path) -> Result<Self, BackupError> {
        let mut name = OsString::from(to);
        name.push(".partial");
        let path = PathBuf::from(name);
        match file::create_new(&path) {
            Ok(()) => Ok(Self(path)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(BackupError::Partial(path)),
            Err(error) => Err(BackupError::Write {
                path: to.to_owned(),
                source: error.into(),
            }),
        }
    }

    /// Puts the copy on the disk, and then under its name.
    fn publish(self, to: &Path) -> Result<u64, BackupError> {
        let failed = |error: std::io::Error| match error.kind() {
            ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
            _ => self.failed(error),
        };
        // SQLite leaves this to the operating system, as a copy can be made again.
        let copy = File::open(&self.0).map_err(failed)?;
        copy.sync_all().map_err(failed)?;
        let size = copy.metadata().map_err(failed)?.len();
        // Not `rename`, which would replace what somebody put there meanwhile.
        fs::hard_link(&self.0, to).map_err(failed)?;
        let folder = file::folder_of(to);
        drop(self);
        let synced = File::open(&folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| BackupError::Write {
            path: to.to_owned(),
            source: error.into(),
        })?;
        Ok(size)
    }

    fn failed(&self, cause: impl Into<BoxError>) -> BackupError {
        BackupError::Write {
            path: self.0.clone(),
            source: cause.into(),
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::warn!(path = %self.0.display(), "cannot delete {}: {error}", self.0.display());
        }
    }
}
