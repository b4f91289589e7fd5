use std::sync::Arc;

use phoneproof_domain::{Allowlist, Policy};
use phoneproof_sms_console::Inbox;

use super::{CommandLine, print};
use crate::config::{ConfigError, Overrides, Settings};
use crate::logging;
use crate::sdk::Scripts;
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
    wiring::known_store(&settings.store.url)?;
    logging::filter(&settings)?;
    let scripts = Scripts::open(&settings.sdk)?;
    print(&summary(&settings, &scripts))
}

fn summary(settings: &Settings, scripts: &Scripts) -> String {
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
    let guessing = guessing(settings);
    let hit = f64::from(*max_attempts) / 1_000_000.0 * 100.0;
    format!(
        "The configuration is fine.\n\
         \x20 environment   {:?}\n\
         \x20 listen        {}\n\
         \x20 store         {}\n\
         \x20 SMS           {} to {countries}\n\
         \x20 test numbers  {}\n\
         \x20 codes         valid {} s, {max_attempts} tries: a guesser hits one code in {:.0} ({hit:.4} %)\n\
         \x20 guessing      {guessing}\n\
         \x20 webhooks      {}\n\
         \x20 scripts       {}\n\
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
        served(scripts),
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

/// Which scripts of the SDKs browsers get, and from where.
fn served(scripts: &Scripts) -> String {
    let here = scripts
        .packages()
        .map(|(package, version)| format!("{package} {version}"));
    let elsewhere = scripts.cdn().map(|cdn| format!("others from {cdn}"));
    let all: Vec<String> = here.chain(elsewhere).collect();
    if all.is_empty() {
        "none: pages bundle the SDK, or set sdk.folder or sdk.cdn".to_owned()
    } else {
        all.join(", ")
    }
}

/// How likely whoever guesses at one account for a year is to hit: a guess hits one of a million codes.
fn guessing(settings: &Settings) -> String {
    if settings.policy.lockout.attempts.is_none() {
        return "limits are off: nothing bounds who guesses on and on".to_owned();
    }
    let a_year = |tries: f64, days: f64| format!("{:.3} % a year", tries * 365.25 / days / 10_000.0);
    // After wrong codes the code closes for longer than it lives, so a text more is needed for each guess.
    let texts = settings.limits.codes_per_number.iter();
    let texts_a_day = texts.map(|window| f64::from(window.limit) * 86_400.0 / window.span.as_secs_f64());
    let at_first = texts_a_day.reduce(f64::min).map_or_else(
        || "without bound: codes to one number are not limited".to_owned(),
        |texts| a_year(texts, 1.0),
    );
    // The ledger lets 50 tries through in 30 days.
    let at_second = a_year(50.0, 30.0);
    format!("hits the code to one number {at_first}, a second factor at sign-in {at_second}")
}
