use super::{CommandLine, print};
use crate::config::{ConfigError, Overrides};
use crate::wiring;

pub(super) fn run(line: &CommandLine) -> Result<(), ConfigError> {
    let applied = wiring::migrate(&line.settings(Overrides::default())?)?;
    if applied.is_empty() {
        return print("The store is up to date.\n");
    }
    print(&format!("applied {}\n", applied.join("\napplied ")))
}
