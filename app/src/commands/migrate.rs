use super::{CommandLine, print, waited};
use crate::config::{ConfigError, Overrides};
use crate::wiring;

pub(super) fn run(line: &CommandLine) -> Result<(), ConfigError> {
    let settings = line.settings(Overrides::default())?;
    let applied = waited(wiring::migrate(&settings.store))?;
    if applied.is_empty() {
        return print("The store is up to date.\n");
    }
    print(&format!("applied {}\n", applied.join("\napplied ")))
}
