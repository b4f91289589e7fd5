//! What development makes up by itself, so that the first start needs nothing.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use phoneproof_domain::InstanceSecret;
use phoneproof_domain::ports::Entropy;
use phoneproof_system::SystemEntropy;

use crate::config::{ConfigError, SecretKey};
use crate::wiring::secret_file;

/// The instance secret of development: in a file that belongs to the database, made if it is missing.
///
/// # Errors
/// [`ConfigError`] if the file cannot be read or made.
pub(crate) fn beside_store(store_url: &str) -> Result<InstanceSecret, ConfigError> {
    let path = secret_file(store_url)?;
    let text = read_or_make(&path).map_err(|error| {
        let folder = "is the folder of store.url there and writable?";
        ConfigError::at(
            "instance.secret",
            format!(
                "cannot keep a development secret in {}: {error}; {folder}",
                path.display()
            ),
        )
    })?;
    InstanceSecret::new(&text)
        .map_err(|error| ConfigError::at("instance.secret", format!("{}: {error}", path.display())))
}

fn read_or_make(path: &Path) -> std::io::Result<String> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        other => return other,
    }
    // Written aside, then linked into place: of two first starts at once one wins, and nobody
    // ever reads half a secret.
    let mut random = [0u8; 40];
    SystemEntropy.fill(&mut random);
    let (name, secret) = random.split_at(8);
    let aside = path.with_extension(format!("secret-{}", hex(name)));
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)?;
    file.write_all(format!("{}\n", hex(secret)).as_bytes())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&aside, path);
    std::fs::remove_file(&aside)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => std::fs::read_to_string(path),
    }
}

/// The secret key of development: always the same for one instance.
///
/// # Errors
/// Never in fact: what is derived is well-formed.
pub(crate) fn development_key(secret: &InstanceSecret) -> Result<SecretKey, ConfigError> {
    let key = format!("sk_test_{}", &hex(&secret.derive("development-secret-key"))[..40]);
    key.parse()
        .map_err(|problem| ConfigError::at("keys.secret_key", problem))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}
