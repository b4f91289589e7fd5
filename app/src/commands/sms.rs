//! `phoneproof sms`: the routes explained, and a text to try them.

use std::sync::Arc;
use std::time::Duration;

use phoneproof_domain::ports::{Sms, SmsGateway};
use phoneproof_domain::{E164, Languages, MessageId, NumberPlan, OtpCode, Segments};
use phoneproof_sms_console::Inbox;

use super::{CommandLine, print, waited};
use crate::config::{ConfigError, Overrides, Settings};
use crate::wiring::{self, Gateways, Shared};

/// The code in a text that tries a route: it opens nothing.
const TRIAL: &str = "000000";

fn gateways(settings: &Settings) -> Result<Gateways, ConfigError> {
    let shared = Shared {
        clock: wiring::clock(),
        inbox: Arc::new(Inbox::default()),
    };
    wiring::gateways(settings, &shared)
}

fn number(settings: &Settings, spelled: &str) -> Result<E164, ConfigError> {
    let parsed = settings.policy.parse_number(spelled);
    parsed.map_err(|error| ConfigError::line(format!("{spelled:?}: {error}")))
}

/// Says by which gateways a text to `spelled` would go.
pub(super) fn route(line: &CommandLine, spelled: &str) -> Result<(), ConfigError> {
    let settings = line.settings(Overrides::default())?;
    let number = number(&settings, spelled)?;
    let plan = NumberPlan::of(&number);
    let country = plan
        .country()
        .map_or_else(|| "no country".to_owned(), |country| country.to_string());
    let mut lines = vec![format!("{number} is {} in {country}.", plan.kind().as_str())];
    let refused = settings.policy.admit(&number).err();
    let routes = gateways(&settings)?.routed.explain(&number);
    match refused {
        Some(refused) => lines.push(format!("It is not texted: {refused}.")),
        None if routes.is_empty() => lines.push("No route leads to it: it is not texted.".to_owned()),
        None => lines.extend(routes.iter().enumerate().map(|(at, route)| {
            let sender = route.sender.as_deref().unwrap_or("the gateway's own");
            let share = route
                .weight
                .map(|weight| format!(", weight {weight}"))
                .unwrap_or_default();
            format!("{}. {} (sender: {sender}{share})", at + 1, route.gateway)
        })),
    }
    lines.push(String::new());
    print(&lines.join("\n"))
}

/// Sends a text that looks like any other, with a code that opens nothing.
pub(super) fn send(line: &CommandLine, spelled: &str, locale: Option<&str>) -> Result<(), ConfigError> {
    let settings = line.settings(Overrides::default())?;
    let number = number(&settings, spelled)?;
    settings
        .policy
        .admit(&number)
        .map_err(|refused| ConfigError::line(format!("{number} is not texted: {refused}")))?;
    let code = OtpCode::parse(TRIAL).map_err(ConfigError::line)?;
    let lifetime = Duration::from_secs(60);
    let text = settings
        .policy
        .texts
        .text(&Languages::default().after(locale), &code, lifetime);
    let segments = Segments::of(&text);
    let id = MessageId::generate(wiring::clock().now(), &*wiring::entropy());
    let sms = Sms::new(id, number, Some(code), text, lifetime);
    let routed = gateways(&settings)?.routed;
    let receipt = waited(async {
        let sent = routed.send(&sms).await;
        sent.map_err(|error| ConfigError::line(format!("not taken: {}", crate::error_chain::chain(&error))))
    })?;
    print(&format!(
        "Taken by {} as {} ({} segment(s), {}).\n",
        receipt.gateway.as_deref().unwrap_or("the gateway"),
        receipt.provider_id,
        segments.count,
        if segments.gsm { "GSM-7" } else { "UCS-2" },
    ))
}
