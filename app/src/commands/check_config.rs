use std::sync::Arc;

use phoneproof_domain::{Allowlist, Policy};
use phoneproof_sms_console::Inbox;

use super::{CommandLine, print};
use crate::config::{ConfigError, Overrides, Settings};
use crate::logging;
use crate::wiring::{self, Shared};

pub(super) fn run(line: &CommandLine) -> Result<(), ConfigError> {
    let settings = line.settings(Overrides::default())?;
    // Adapters check their own options when they are built. The store is not opened: whether it can
    // be is a question of the machine, not of the configuration.
    let shared = Shared {
        clock: wiring::clock(),
        inbox: Arc::new(Inbox::default()),
    };
    wiring::gateway(&settings, &shared)?;
    wiring::identity_providers(&settings, &shared, None)?;
    wiring::known_store(&settings)?;
    logging::filter(&settings)?;
    print(&summary(&settings))
}

fn summary(settings: &Settings) -> String {
    let Policy {
        live: _,
        allowlist,
        test_mode,
        code_lifetime,
        max_attempts,
        ..
    } = &settings.policy;
    let countries = match allowlist {
        Allowlist::AllCountries => "all countries".to_owned(),
        Allowlist::Countries(countries) => countries.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    // A guess hits one of a million codes; of so many guesses at one code, so many hit.
    let hit = f64::from(*max_attempts) / 1_000_000.0 * 100.0;
    format!(
        "The configuration is fine.\n\
         \x20 environment   {:?}\n\
         \x20 listen        {}\n\
         \x20 store         {}\n\
         \x20 SMS           {} to {countries}\n\
         \x20 test numbers  {}\n\
         \x20 codes         valid {} s, {max_attempts} tries: a guesser hits one code in {:.0} ({hit:.4} %)\n",
        settings.environment,
        settings.listen,
        settings.store.url,
        settings.gateway.as_ref().map_or("console", |(name, _)| name),
        if *test_mode { "on" } else { "off" },
        code_lifetime.as_secs(),
        100.0 / hit,
    )
}
