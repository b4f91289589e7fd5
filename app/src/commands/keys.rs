use std::time::Duration;

use phoneproof_domain::Timestamp;

use super::{CommandLine, print};
use crate::config::{ConfigError, Overrides};
use crate::session_tokens::{PUBLISHED_AFTER, PUBLISHED_BEFORE, SessionTokens};
use crate::wiring;

/// Makes a new signing key: published at once, signing a while later, so that back ends that cached
/// the keys know it by then. With `now` it signs within seconds, for the day a key has leaked.
pub(super) fn rotate(line: &CommandLine, now: bool) -> Result<(), ConfigError> {
    let settings = line.settings(Overrides::default())?;
    let store = wiring::store(&settings)?;
    let clock = wiring::clock();
    let host = settings.publishable_key_at(settings.listen).host().to_owned();
    let tokens = SessionTokens::new(
        store.signing_keys,
        clock.clone(),
        wiring::entropy(),
        &settings.secret,
        &host,
    );
    let wait = if now { Duration::ZERO } else { PUBLISHED_BEFORE };
    let signs_from: Timestamp = clock.now().plus(wait);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| ConfigError::line(format!("cannot start: {error}")))?;
    let id = runtime.block_on(tokens.rotate(signs_from)).map_err(ConfigError::line)?;
    print(&format!(
        "{id} is published now and signs in {} minutes; the keys before it stay published for {} hours after that.\n",
        wait.as_secs() / 60,
        PUBLISHED_AFTER.as_secs() / 3600,
    ))
}
