use std::time::Duration;

use phoneproof_domain::Timestamp;

use super::{CommandLine, print, waited};
use crate::config::{ConfigError, Overrides};
use crate::session_tokens::{PUBLISHED_AFTER, PUBLISHED_BEFORE, SessionTokens};
use crate::wiring;

/// Makes a new signing key: published at once, signing a while later, so that back ends that cached
/// the keys know it by then. With `now` it signs within seconds, for the day a key has leaked.
pub(super) fn rotate(line: &CommandLine, now: bool) -> Result<(), ConfigError> {
    let settings = line.settings(Overrides::default())?;
    let wait = if now { Duration::ZERO } else { PUBLISHED_BEFORE };
    let id = waited(async {
        let store = wiring::store(&settings.store).await?;
        let clock = wiring::clock();
        let host = settings.publishable_key_at(settings.listen).host().to_owned();
        let signs_from: Timestamp = clock.now().plus(wait);
        let tokens = SessionTokens::new(store.signing_keys, clock, wiring::entropy(), &settings.secret, &host);
        tokens.rotate(signs_from).await.map_err(ConfigError::line)
    })?;
    print(&format!(
        "{id} is published now and signs in {} minutes; the keys before it stay published for {} hours after that.\n",
        wait.as_secs() / 60,
        PUBLISHED_AFTER.as_secs() / 3600,
    ))
}
