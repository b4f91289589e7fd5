//! The database file: whether it is there, and who may read it.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::OpenError;

/// Read and write for the owner, nothing for anybody else: the file holds phone numbers.
const MODE: u32 = 0o600;

/// Whether there is a file at `path`, empty or not.
///
/// It is never opened here: closing it again would drop every lock that this process holds on it
/// (POSIX), under the feet of another store on the same file.
pub(crate) fn exists(path: &Path) -> Result<bool, OpenError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {
            if metadata.permissions().mode() & 0o077 != 0 {
                tracing::warn!(path = %path.display(), "other users of this machine can read the database; chmod 600 it");
            }
            Ok(true)
        }
        Ok(_) => Err(OpenError::NotADatabase { path: path.to_owned() }),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let folder = folder_of(path);
            if folder.is_dir() {
                Ok(false)
            } else {
                Err(OpenError::FolderMissing {
                    path: path.to_owned(),
                    folder,
                })
            }
        }
        Err(error) => Err(failed(path, error)),
    }
}

/// Makes an empty file at `path`, readable by its owner alone. The log and the shared memory
/// that SQLite puts beside it take over its mode.
///
/// SQLite itself would make it 0644, less the umask.
pub(crate) fn create(path: &Path) -> Result<(), OpenError> {
    match create_new(path) {
        Ok(()) => Ok(()),
        // Another process was faster; it made it alike.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(path, error)),
    }
}

/// The same, but a file that is there already is an error.
pub(crate) fn create_new(path: &Path) -> std::io::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
    // The umask may have taken away even the owner's bits.
    file.set_permissions(fs::Permissions::from_mode(MODE))
}

/// The way to say `path` to SQLite so that it opens that very file and never makes one.
///
/// `None` if the path is no UTF-8.
pub(crate) fn uri(path: &Path) -> Option<String> {
    let path = std::path::absolute(path).ok()?;
    let escaped = path
        .to_str()?
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    Some(format!("file://{escaped}?mode=rw"))
}

/// The folder that `path` is in.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        Some(_) | None => PathBuf::from("."),
    }
}

fn failed(path: &Path, error: std::io::Error) -> OpenError {
    let path = path.to_owned();
    match error.kind() {
        ErrorKind::PermissionDenied => OpenError::NoPermission { path },
        ErrorKind::ReadOnlyFilesystem => OpenError::ReadOnly { path },
        _ => OpenError::Other {
            path,
            source: Box::new(error),
        },
    }
}
