use std::path::Path;

use super::{CommandLine, print};
use crate::config::{ConfigError, Overrides};
use crate::wiring;

/// Copies the store into `file`, and says how large the copy is and how long it took.
pub(super) fn backup(line: &CommandLine, file: &Path) -> Result<(), ConfigError> {
    let settings = line.settings(Overrides::default())?;
    let clock = wiring::clock();
    let begun = clock.now();
    let bytes = wiring::backup(&settings.store, file)?;
    let took_ms = clock.now().as_millis().saturating_sub(begun.as_millis()).max(0);
    print(&format!(
        "{}: {bytes} bytes in {}.{:03} s\n",
        file.display(),
        took_ms / 1000,
        took_ms % 1000
    ))
}
