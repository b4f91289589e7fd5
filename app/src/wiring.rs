//! The tables of adapters. Only this file and `stores.rs` name one.
//!
//! A new provider is a crate of its own, a dependency in `app/Cargo.toml` and one line here.

mod stores;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use phoneproof_domain::Country;
use phoneproof_domain::ports::{
    Clock, Entropy, EventSink, IdentityProvider, PasswordHasher, SecurityNotices, SmsGateway, SmsReceipts,
};
use phoneproof_events_webhook::Webhook;
use phoneproof_identity_jwt::JwtIdentityProvider;
use phoneproof_notice_email::EmailNotices;
use phoneproof_password_argon2::Argon2Passwords;
use phoneproof_sdk_npm::Registry;
use phoneproof_sms_console::{ConsoleSms, Inbox};
use phoneproof_sms_email::EmailSms;
use phoneproof_sms_routes::{NamedGateway, Route, RoutedSms};
use phoneproof_sms_telnyx::TelnyxSms;
#[cfg(feature = "twilio")]
use phoneproof_sms_twilio::TwilioSms;
use phoneproof_sms_vonage::VonageSms;
use phoneproof_sms_webhook::WebhookSms;
use phoneproof_system::{SystemClock, SystemEntropy};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;

use crate::config::{AdapterOptions, ConfigError, SdkSettings, Settings};
use crate::dev_issuer::{AUDIENCE, DevIssuer, ISSUER};
use crate::error_chain::chain;
use crate::wiring::stores::names;

pub(crate) use stores::secret_file;
pub use stores::{End, Store, StoreFigures, archive, backup, known_store, migrate, place, store};

/// What several adapters may need to be built.
pub struct Shared {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where the console gateway keeps what it prints.
    pub inbox: Arc<Inbox>,
}

type Build<P> = fn(AdapterOptions, &Shared) -> Result<Arc<P>, String>;

type BuildGateway = fn(AdapterOptions, &Shared, Option<String>) -> Result<Gateway, String>;

/// A gateway, and what reads its provider's receipts if there is anything to read.
pub struct Gateway {
    sms: Arc<dyn SmsGateway>,
    receipts: Option<Arc<dyn SmsReceipts>>,
}

/// Gateways by the name that `provider` takes in `[sms.gateways.*]`. They are told where their provider shall say
/// what became of a text.
const SMS: &[(&str, BuildGateway)] = &[
    ("console", |o, shared, _| {
        let phoneproof_sms_console::Options {} = options(o)?;
        let sms = ConsoleSms::new(shared.inbox.clone(), shared.clock.clone()).map_err(|error| error.to_string())?;
        Ok(silent(sms))
    }),
    ("email", |o, _, _| {
        EmailSms::new(options(o)?)
            .map(silent)
            .map_err(|error| error.to_string())
    }),
    ("telnyx", |o, _, callback| {
        TelnyxSms::new(options(o)?, callback)
            .map(with_receipts)
            .map_err(|error| error.to_string())
    }),
    #[cfg(feature = "twilio")]
    ("twilio", |o, _, callback| {
        TwilioSms::new(options(o)?, callback)
            .map(with_receipts)
            .map_err(|error| error.to_string())
    }),
    ("vonage", |o, _, callback| {
        VonageSms::new(options(o)?, callback)
            .map(with_receipts)
            .map_err(|error| error.to_string())
    }),
    ("webhook", |o, shared, _| {
        WebhookSms::new(&options(o)?, shared.clock.clone())
            .map(silent)
            .map_err(|error| error.to_string())
    }),
];

fn silent(sms: impl SmsGateway + 'static) -> Gateway {
    Gateway {
        sms: Arc::new(sms),
        receipts: None,
    }
}

fn with_receipts(sms: impl SmsGateway + SmsReceipts + 'static) -> Gateway {
    let sms = Arc::new(sms);
    Gateway {
        receipts: Some(sms.clone()),
        sms,
    }
}

/// Identity providers by the name that `provider` takes in `[identity]`.
const IDENTITY: &[(&str, Build<dyn IdentityProvider>)] = &[("jwt", |o, shared| {
    let provider = JwtIdentityProvider::new(options(o)?, shared.clock.clone());
    Ok(Arc::new(provider.map_err(|error| error.to_string())?))
})];

/// The clock of the operating system.
#[must_use]
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// The random source of the operating system.
#[must_use]
pub fn entropy() -> Arc<dyn Entropy> {
    Arc::new(SystemEntropy)
}

/// What hashes passwords.
#[must_use]
pub fn passwords(entropy: Arc<dyn Entropy>) -> Arc<dyn PasswordHasher> {
    Arc::new(Argon2Passwords::new(entropy))
}

/// Where the SDKs' packages are fetched from.
///
/// # Errors
/// [`ConfigError`] if there can be no HTTP client.
pub fn sdk_registry(settings: &SdkSettings) -> Result<Registry, ConfigError> {
    Registry::new(&settings.registry).map_err(|error| ConfigError::at("sdk.registry", chain(&error)))
}

/// Whom events are told, if anybody.
///
/// # Errors
/// [`ConfigError`] if the endpoint or its secret cannot be used.
pub fn event_sink(settings: &Settings) -> Result<Option<Arc<dyn EventSink>>, ConfigError> {
    let Some((url, secret)) = &settings.webhook else {
        return Ok(None);
    };
    match Webhook::new(url, secret.expose_secret()) {
        Ok(webhook) => Ok(Some(Arc::new(webhook))),
        Err(error) => Err(ConfigError::at("webhooks", error)),
    }
}

/// What tells users of changes by e-mail, if it is configured.
///
/// # Errors
/// [`ConfigError`] if the mail server cannot be used.
pub fn notices(settings: &Settings) -> Result<Option<Arc<dyn SecurityNotices>>, ConfigError> {
    let Some(configured) = &settings.notices else {
        return Ok(None);
    };
    let problem = |error: String| ConfigError::at("notices", error);
    let notices = EmailNotices::new(options(configured.clone()).map_err(problem)?);
    Ok(Some(Arc::new(notices.map_err(|error| problem(error.to_string()))?)))
}

/// The configured gateways, joined by their routes.
pub struct Gateways {
    /// All of them as one.
    pub routed: Arc<RoutedSms>,
    /// What reads the receipts of each, by its name, with the address that its provider calls.
    pub receipts: BTreeMap<String, (String, Arc<dyn SmsReceipts>)>,
}

/// How many texts one gateway is given at once, if its `at_once` does not say.
const AT_ONCE: i64 = 50;

/// Builds the configured gateways; in development the console where none is configured.
///
/// # Errors
/// [`ConfigError`] naming the unknown provider or option.
pub fn gateways(settings: &Settings, shared: &Shared) -> Result<Gateways, ConfigError> {
    let console = BTreeMap::from([("console".to_owned(), [("provider".to_owned(), "console".into())].into())]);
    let configured = if settings.gateways.is_empty() {
        &console
    } else {
        &settings.gateways
    };
    let (mut named, mut receipts) = (BTreeMap::new(), BTreeMap::new());
    for (name, options) in configured {
        let place = format!("sms.gateways.{name}");
        let mut options = options.clone();
        let at_once = options.remove("at_once").map_or(Ok(AT_ONCE), config::Value::into_int);
        let at_once = at_once
            .ok()
            .and_then(|count| usize::try_from(count).ok())
            .filter(|count| *count > 0);
        let at_once = at_once.ok_or_else(|| ConfigError::at(&format!("{place}.at_once"), "not a number from 1"))?;
        let callback = settings.public_url.as_ref();
        let callback = callback.and_then(|url| url.join(&format!("/v1/sms_callbacks/{name}")).ok());
        let (build, options) = chosen(SMS, &place, &options)?;
        let gateway = build(options, shared, callback.as_ref().map(ToString::to_string));
        let gateway = gateway.map_err(|problem| ConfigError::at(&place, problem))?;
        if let (Some(reader), Some(url)) = (gateway.receipts, callback) {
            receipts.insert(name.clone(), (url.to_string(), reader));
        }
        named.insert(name.clone(), NamedGateway::new(name, gateway.sms, at_once));
    }
    let routes = if settings.routes.is_empty() {
        named.values().map(|gateway| Ok(everywhere(gateway))).collect()
    } else {
        settings
            .routes
            .iter()
            .map(|route| configured_route(route, &named))
            .collect::<Result<Vec<_>, _>>()
    };
    Ok(Gateways {
        routed: Arc::new(RoutedSms::new(routes?, shared.clock.clone())),
        receipts,
    })
}

fn everywhere(gateway: &Arc<NamedGateway>) -> Route {
    Route {
        gateway: gateway.clone(),
        countries: BTreeSet::new(),
        prefixes: Vec::new(),
        sender: None,
        weight: None,
        timeout: Duration::from_secs(10),
    }
}

fn configured_route(
    route: &crate::config::Route,
    named: &BTreeMap<String, Arc<NamedGateway>>,
) -> Result<Route, ConfigError> {
    let gateway = named.get(&route.gateway);
    let gateway = gateway.ok_or_else(|| ConfigError::at("sms.routes.gateway", &route.gateway))?;
    let countries = route.countries.0.iter().map(|code| {
        let country: Result<Country, _> = code.parse();
        country.map_err(|error| ConfigError::at("sms.routes.countries", format!("{code:?}: {error}")))
    });
    let is_prefix = |prefix: &&String| {
        let digits = prefix.strip_prefix('+').unwrap_or_default();
        !(1..=15).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    if let Some(prefix) = route.prefixes.0.iter().find(is_prefix) {
        let problem = format!("{prefix:?} is not the beginning of a number, such as +1415");
        return Err(ConfigError::at("sms.routes.prefixes", problem));
    }
    if !(100..=30_000).contains(&route.timeout_ms) {
        let problem = format!("{} is not from 100 to 30000 (30 seconds)", route.timeout_ms);
        return Err(ConfigError::at("sms.routes.timeout_ms", problem));
    }
    Ok(Route {
        countries: countries.collect::<Result<_, _>>()?,
        prefixes: route.prefixes.0.clone(),
        sender: route.sender.clone(),
        weight: route.weight,
        timeout: Duration::from_millis(route.timeout_ms),
        gateway: gateway.clone(),
    })
}

/// Builds the identity providers: the configured one, and in development our own.
///
/// # Errors
/// [`ConfigError`] naming the unknown provider or option.
pub fn identity_providers(
    settings: &Settings,
    shared: &Shared,
    dev: Option<&DevIssuer>,
) -> Result<Vec<Arc<dyn IdentityProvider>>, ConfigError> {
    let mut providers = Vec::new();
    if let Some(options) = &settings.identity {
        providers.push(build(IDENTITY, "identity", options, shared)?);
    }
    if let Some(issuer) = dev {
        let provider = JwtIdentityProvider::with_jwks(ISSUER, AUDIENCE, &issuer.jwks(), shared.clock.clone());
        let provider: Arc<dyn IdentityProvider> =
            Arc::new(provider.map_err(|error| ConfigError::line(error.to_string()))?);
        providers.push(provider);
    }
    Ok(providers)
}

fn build<P: ?Sized>(
    table: &[(&str, Build<P>)],
    place: &str,
    options: &AdapterOptions,
    shared: &Shared,
) -> Result<Arc<P>, ConfigError> {
    let (build, options) = chosen(table, place, options)?;
    build(options, shared).map_err(|problem| ConfigError::at(place, problem))
}

/// The entry that `provider` names, and the other options.
fn chosen<'a, T>(
    table: &'a [(&str, T)],
    place: &str,
    options: &AdapterOptions,
) -> Result<(&'a T, AdapterOptions), ConfigError> {
    let mut options = options.clone();
    let complaint = |what: &str| {
        let problem = format!("{what}; known: {}", names(table));
        ConfigError::at(&format!("{place}.provider"), problem)
    };
    let named = options.remove("provider").and_then(|name| name.into_string().ok());
    let name = named.ok_or_else(|| complaint("missing"))?;
    let found = table.iter().find(|(known, _)| *known == name).map(|(_, entry)| entry);
    let entry = found.ok_or_else(|| complaint(&format!("{name:?} is unknown")))?;
    Ok((entry, options))
}

fn options<T: DeserializeOwned>(options: AdapterOptions) -> Result<T, String> {
    let table = config::Value::from(options.into_iter().collect::<config::Map<_, _>>());
    table.try_deserialize().map_err(|error| error.to_string())
}
