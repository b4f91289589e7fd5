use std::time::Duration;

use super::{CommandLine, print};
use crate::config::{ConfigError, Overrides};
use crate::dev_issuer::DevIssuer;
use crate::wiring;

pub(super) fn run(line: &CommandLine, user: &str, lifetime: u64) -> Result<(), ConfigError> {
    let settings = line.settings(Overrides::default())?;
    if !settings.is_development() {
        return Err(ConfigError::line(
            "dev token: this configuration is for production, which takes no development tokens",
        ));
    }
    let user = user.parse().map_err(|error| ConfigError::at("--user", error))?;
    let token = DevIssuer::new(&settings.secret).token(&user, wiring::clock().now(), Duration::from_secs(lifetime));
    print(&format!("{token}\n"))
}
