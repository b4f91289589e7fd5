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
    wiring::gateways(&settings, &shared)?;
    wiring::event_sink(&settings)?;
    wiring::notices(&settings)?;
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
    // Whoever has the first factor of an account and guesses for a year: the ledger lets 50 through in 30 days.
    let bound = match settings.policy.lockout.attempts {
        Some(_) => format!(
            "whoever guesses at one account for a year hits in {:.3} %",
            50.0 * 365.25 / 30.0 / 10_000.0
        ),
        None => "limits are off: nothing bounds who guesses on and on".to_owned(),
    };
    let hit = f64::from(*max_attempts) / 1_000_000.0 * 100.0;
    format!(
        "The configuration is fine.\n\
         \x20 environment   {:?}\n\
         \x20 listen        {}\n\
         \x20 store         {}\n\
         \x20 SMS           {} to {countries}\n\
         \x20 test numbers  {}\n\
         \x20 codes         valid {} s, {max_attempts} tries: a guesser hits one code in {:.0} ({hit:.4} %)\n\
         \x20 guessing      {bound}\n\
         \x20 webhooks      {}\n\
         \x20 sessions      {} s{}{}\n",
        settings.environment,
        settings.listen,
        crate::wiring::place(&settings.store.url),
        if settings.gateways.is_empty() {
            "console".to_owned()
        } else {
            settings.gateways.keys().cloned().collect::<Vec<_>>().join(", ")
        },
        if *test_mode { "on" } else { "off" },
        code_lifetime.as_secs(),
        100.0 / hit,
        if settings.webhook.is_some() {
            "told"
        } else {
            "nobody is told"
        },
        settings.policy.session_lifetime.as_secs(),
        if settings.policy.single_session {
            ", one at a time"
        } else {
            ""
        },
        if settings.policy.second_factor_required {
            ", second factor required"
        } else {
            ""
        },
    )
}
