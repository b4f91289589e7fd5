use std::time::Duration;

use super::{CommandLine, print, waited};
use crate::config::{ConfigError, Overrides};
use crate::wiring;

/// Makes events due again; the running server tells them within a second.
pub(super) fn replay(line: &CommandLine, hours: u64, all: bool) -> Result<(), ConfigError> {
    let settings = line.settings(Overrides::default())?;
    if settings.webhook.is_none() {
        return Err(ConfigError::at("webhooks.url", "not set: there is nobody to tell"));
    }
    let now = wiring::clock().now();
    let since = now.minus(Duration::from_secs(hours.saturating_mul(3600)));
    let count = waited(async {
        let store = wiring::store(&settings.store).await?;
        store.outbox.replay(since, all, now).await.map_err(ConfigError::line)
    })?;
    print(&format!("{count} events of the last {hours} hours are told again.\n"))
}
