use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use phoneproof_domain::ports::Window;
use phoneproof_domain::use_cases::Limits as DomainLimits;
use phoneproof_domain::{Allowlist, Country, InstanceSecret, LiveSettings, Lockout, Policy};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::file::{AdapterOptions, Environment, Log, Route, Store};
use super::keys::{KeyKind, PublishableKey, SecretKey};
use super::list::List;
use super::network::Network;
use super::origin::{page_origin, web_address};
use super::sdk::SdkSettings;
use super::{Config, ConfigError};
use crate::instance_secret;

/// What the command line says over the configuration.
#[derive(Debug, Clone, Copy, Default)]
pub struct Overrides {
    /// `--dev`: development, whatever the keys.
    pub development: bool,
}

/// The configuration, checked: what cannot work is not in here.
#[derive(Debug)]
pub struct Settings {
    /// Development or production.
    pub environment: Environment,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where browsers reach the server, if elsewhere.
    pub public_url: Option<Url>,
    /// The application's page for signing in.
    pub sign_in_url: Option<Url>,
    /// Origins that may call the user's API, as browsers spell them.
    pub allowed_origins: Vec<String>,
    /// The numbers of the HTTP server.
    pub server: super::file::Server,
    /// How long to serve on after SIGTERM.
    pub drain: Duration,
    /// The store.
    pub store: Store,
    /// The publishable key; none in development where none is set.
    pub publishable_key: Option<PublishableKey>,
    /// The secret key.
    pub secret_key: SecretKey,
    /// The instance secret.
    pub secret: InstanceSecret,
    /// The SMS gateways by their names; none in development where none is set.
    pub gateways: BTreeMap<String, AdapterOptions>,
    /// The routes between them, in order; none if there is but one.
    pub routes: Vec<Route>,
    /// The outside identity provider.
    pub identity: Option<AdapterOptions>,
    /// The mail server that tells users of changes.
    pub notices: Option<AdapterOptions>,
    /// Who may read the metrics.
    pub metrics_token: Option<SecretString>,
    /// The rules.
    pub policy: Policy,
    /// The limits across users.
    pub limits: DomainLimits,
    /// Whose word about a visitor's address is taken.
    pub trusted_proxies: Vec<Network>,
    /// How long a request waits for its text to be taken.
    pub send_wait: Duration,
    /// The endpoint that is told of events, and the secret that they are signed with.
    pub webhook: Option<(String, SecretString)>,
    /// Whether apps may carry their token in a header.
    pub native: bool,
    /// The SDKs' script files.
    pub sdk: SdkSettings,
    /// Logging.
    pub log: Log,
}

impl Settings {
    /// Checks a configuration and fills in what development makes up by itself.
    ///
    /// # Errors
    /// [`ConfigError`] naming the option that is missing or cannot be.
    pub fn new(mut config: Config, overrides: Overrides) -> Result<Self, ConfigError> {
        if let Some(url) = secret("store.url", None, config.store.url_file.as_deref())? {
            url.expose_secret().clone_into(&mut config.store.url);
        }
        let publishable_key = parsed("keys.publishable_key", config.keys.publishable_key.as_deref())?;
        let secret_key_text = secret(
            "keys.secret_key",
            config.keys.secret_key.as_ref(),
            config.keys.secret_key_file.as_deref(),
        )?;
        let secret_key: Option<SecretKey> = parsed(
            "keys.secret_key",
            secret_key_text.as_ref().map(ExposeSecret::expose_secret),
        )?;
        let environment = environment(&config, overrides, publishable_key.as_ref(), secret_key.as_ref())?;
        let development = environment == Environment::Development;
        let policy = policy(&config, development)?;
        let limits = limits(&config.limits)?;

        let given = secret(
            "instance.secret",
            config.instance.secret.as_ref(),
            config.instance.secret_file.as_deref(),
        )?;
        let secret = match given {
            Some(text) => {
                InstanceSecret::new(text.expose_secret()).map_err(|error| ConfigError::at("instance.secret", error))?
            }
            None if development => instance_secret::beside_store(&config.store.url)?,
            None => {
                return Err(ConfigError::at(
                    "instance.secret",
                    "production needs one; `openssl rand -hex 32` makes it",
                ));
            }
        };
        let secret_key = match secret_key {
            Some(key) => key,
            None if development => instance_secret::development_key(&secret)?,
            None => {
                return Err(ConfigError::at(
                    "keys.secret_key",
                    "production needs one; \"sk_live_\" and `openssl rand -hex 24`",
                ));
            }
        };
        if publishable_key.is_none() && !development {
            return Err(ConfigError::at(
                "keys.publishable_key",
                "production needs one: \"pk_live_\" and base64 of \"<host>$\"",
            ));
        }
        if !config.limits.enabled && !development && !config.limits.disabled_in_production {
            let problem = "production keeps its limits; if you mean it, set limits.disabled_in_production = true too";
            return Err(ConfigError::at("limits.enabled", problem));
        }
        let routes = config.sms.routes.unwrap_or_default();
        let gateways = gateways(config.sms.gateways, &routes, development)?;
        Ok(Self {
            environment,
            listen: listen(&config.server.listen)?,
            public_url: web_url("server.public_url", config.server.public_url.as_deref())?,
            sign_in_url: web_url("application.sign_in_url", config.application.sign_in_url.as_deref())?,
            allowed_origins: allowed_origins(&config.server.allowed_origins)?,
            trusted_proxies: trusted_proxies(&config.server.trusted_proxies)?,
            webhook: webhook(&config.webhooks)?,
            native: config.native.enabled,
            send_wait: send_wait(config.delivery.wait_ms)?,
            limits,
            drain: Duration::from_secs(config.server.drain_seconds.unwrap_or(if development { 0 } else { 5 })),
            server: checked(config.server)?,
            store: checked_store(config.store)?,
            publishable_key,
            secret_key,
            secret,
            gateways,
            routes,
            identity: config.identity,
            notices: notice_options(config.notices),
            metrics_token: config.metrics.token,
            policy,
            sdk: SdkSettings::new(&config.sdk, development)?.with_folder()?,
            log: config.log,
        })
    }

    /// The publishable key: the one configured, or in development one that names `address`.
    #[must_use]
    pub fn publishable_key_at(&self, address: SocketAddr) -> PublishableKey {
        let host = match address.ip() {
            IpAddr::V4(Ipv4Addr::UNSPECIFIED) => format!("127.0.0.1:{}", address.port()),
            _ => address.to_string(),
        };
        self.publishable_key
            .clone()
            .unwrap_or_else(|| PublishableKey::for_development(&host))
    }

    /// Whether this is a developer's instance.
    #[must_use]
    pub fn is_development(&self) -> bool {
        self.environment == Environment::Development
    }
}

fn webhook(webhooks: &super::file::Webhooks) -> Result<Option<(String, SecretString)>, ConfigError> {
    let given = secret(
        "webhooks.secret",
        webhooks.secret.as_ref(),
        webhooks.secret_file.as_deref(),
    )?;
    match (&webhooks.url, given) {
        (None, None) => Ok(None),
        (Some(url), Some(secret)) => Ok(Some((url.clone(), secret))),
        (Some(_), None) => Err(ConfigError::at(
            "webhooks.secret",
            "missing; `echo whsec_$(openssl rand -base64 24)` makes one",
        )),
        (None, Some(_)) => Err(ConfigError::at("webhooks.url", "missing: a secret alone tells nobody")),
    }
}

fn allowed_origins(texts: &List) -> Result<Vec<String>, ConfigError> {
    let read = texts.0.iter().map(|text| {
        let problem =
            || format!("{text:?} is not an origin, such as https://app.example.com or chrome-extension://<id>");
        page_origin(text).ok_or_else(|| ConfigError::at("server.allowed_origins", problem()))
    });
    read.collect()
}

fn trusted_proxies(texts: &List) -> Result<Vec<Network>, ConfigError> {
    let read = texts.0.iter().map(|network| {
        network
            .parse()
            .map_err(|problem: &str| ConfigError::at("server.trusted_proxies", format!("{network:?} is {problem}")))
    });
    read.collect()
}

/// The gateways that are configured; each must be led to.
fn gateways(
    gateways: Option<BTreeMap<String, AdapterOptions>>,
    routes: &[Route],
    development: bool,
) -> Result<BTreeMap<String, AdapterOptions>, ConfigError> {
    let gateways = gateways.unwrap_or_default();
    if gateways.is_empty() && !development {
        return Err(ConfigError::at(
            "sms.gateways",
            "production must name its gateway: [sms.gateways.main] with a provider",
        ));
    }
    if let Some(route) = routes.iter().find(|route| !gateways.contains_key(&route.gateway)) {
        let problem = format!("{:?} is no gateway of [sms.gateways]", route.gateway);
        return Err(ConfigError::at("sms.routes.gateway", problem));
    }
    let led_to = |name: &String| routes.iter().any(|route| route.gateway == *name);
    match gateways.keys().find(|name| !led_to(name)) {
        Some(name) if gateways.len() > 1 || !routes.is_empty() => Err(ConfigError::at(
            &format!("sms.gateways.{name}"),
            "no [[sms.routes]] leads to it; several gateways need routes",
        )),
        _ => Ok(gateways),
    }
}

fn environment(
    config: &Config,
    overrides: Overrides,
    publishable: Option<&PublishableKey>,
    secret: Option<&SecretKey>,
) -> Result<Environment, ConfigError> {
    let kinds = (publishable.map(PublishableKey::kind), secret.map(SecretKey::kind));
    if let (Some(publishable), Some(secret)) = kinds
        && publishable != secret
    {
        return Err(ConfigError::at(
            "keys",
            "one key is a test key and the other a live one",
        ));
    }
    if overrides.development {
        return Ok(Environment::Development);
    }
    let live = kinds.0 == Some(KeyKind::Live) || kinds.1 == Some(KeyKind::Live);
    Ok(config.environment.unwrap_or(if live {
        Environment::Production
    } else {
        Environment::Development
    }))
}

fn policy(config: &Config, development: bool) -> Result<Policy, ConfigError> {
    let codes = &config.codes;
    if !(30..=600).contains(&codes.lifetime_seconds) {
        return Err(ConfigError::at(
            "codes.lifetime_seconds",
            format!("{} is not from 30 to 600", codes.lifetime_seconds),
        ));
    }
    if !(1..=10).contains(&codes.max_attempts) {
        return Err(ConfigError::at(
            "codes.max_attempts",
            format!("{} is not from 1 to 10", codes.max_attempts),
        ));
    }
    let resend_after = if config.limits.enabled {
        codes.resend_after_seconds
    } else {
        0
    };
    Ok(Policy {
        live: LiveSettings::default(),
        texts: Arc::new(super::texts::texts(&config.application, &config.sms)?),
        allowlist: allowlist(&config.sms.allowed_countries.0)?,
        test_mode: config.test_mode.unwrap_or(development),
        code_lifetime: Duration::from_secs(codes.lifetime_seconds),
        max_attempts: codes.max_attempts,
        resend_after: Duration::from_secs(resend_after),
        max_unverified: Some(config.phone_numbers.max_unverified).filter(|max| *max > 0),
        used_for_first_factor: config
            .phone_numbers
            .used_for_first_factor
            .unwrap_or(config.identity.is_none()),
        backup_codes: config.second_factor.backup_codes,
        second_factor_required: config.second_factor.required,
        lockout: Lockout {
            attempts: Some(config.lockout.attempts.max(1)).filter(|_| config.limits.enabled),
            duration: Duration::from_secs(config.lockout.duration_seconds),
        },
        passwords: config.passwords.enabled,
        session_lifetime: session_lifetime(config.sessions.lifetime_seconds)?,
        single_session: config.sessions.single,
        reverify_after: config
            .sessions
            .reverification
            .then(|| Duration::from_secs(config.sessions.reverify_after_seconds)),
        notice_texts: notice_texts(config)?,
        sign_up_open: config.sign_up.open,
        enumeration_protection: config.enumeration_protection.enabled,
    })
}

/// Whether users are told of changes by text: `texts` among the options of notices, which are those of the e-mail adapter.
fn notice_texts(config: &Config) -> Result<bool, ConfigError> {
    let texts = config.notices.as_ref().and_then(|options| options.get("texts"));
    let texts = texts.map(|value| value.clone().into_bool());
    texts
        .transpose()
        .map(|texts| texts.unwrap_or(true))
        .map_err(|_| ConfigError::at("notices.texts", "not true or false"))
}

/// The options of the e-mail adapter, if there are any.
fn notice_options(options: Option<AdapterOptions>) -> Option<AdapterOptions> {
    let mut options = options?;
    options.remove("texts");
    (!options.is_empty()).then_some(options)
}

fn listen(text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_| {
        let problem = format!("{text:?} is not an address and port, such as 127.0.0.1:8080");
        ConfigError::at("server.listen", problem)
    })
}

fn send_wait(millis: u64) -> Result<Duration, ConfigError> {
    // Longer than any browser waits is no wait.
    if (100..=20_000).contains(&millis) {
        Ok(Duration::from_millis(millis))
    } else {
        let problem = format!("{millis} is not from 100 to 20000 (20 seconds)");
        Err(ConfigError::at("delivery.wait_ms", problem))
    }
}

fn session_lifetime(seconds: u64) -> Result<Duration, ConfigError> {
    // Shorter than a token would be absurd; longer than a browser keeps a cookie, too.
    if (60..=34_560_000).contains(&seconds) {
        Ok(Duration::from_secs(seconds))
    } else {
        let problem = format!("{seconds} is not from 60 (a minute) to 34560000 (400 days)");
        Err(ConfigError::at("sessions.lifetime_seconds", problem))
    }
}

fn limits(config: &super::file::Limits) -> Result<DomainLimits, ConfigError> {
    if !config.enabled {
        return Ok(DomainLimits::default());
    }
    let waits = config.code_waits_seconds.0.iter().map(|text| {
        text.parse().map(Duration::from_secs).map_err(|_| {
            ConfigError::at(
                "limits.code_waits_seconds",
                format!("{text:?} is no whole number of seconds"),
            )
        })
    });
    Ok(DomainLimits {
        codes_per_number: windows("codes_per_number", &config.codes_per_number)?,
        code_waits: waits.collect::<Result<_, _>>()?,
        codes_per_range: windows("codes_per_range", &config.codes_per_range)?,
        codes_per_user: windows("codes_per_user", &config.codes_per_user)?,
        codes_per_address: windows("codes_per_address", &config.codes_per_address)?,
        codes_per_network: windows("codes_per_network", &config.codes_per_network)?,
        codes_in_all: windows("codes_in_all", &config.codes_in_all)?,
        new_numbers_per_user: windows("new_numbers_per_user", &config.new_numbers_per_user)?,
        sign_ins_per_address: windows("sign_ins_per_address", &config.sign_ins_per_address)?,
        attempts_per_address: windows("attempts_per_address", &config.attempts_per_address)?,
        attempts_per_number: windows("attempts_per_number", &config.attempts_per_number)?,
        notices_per_user: windows("notices_per_user", &config.notices_per_user)?,
        back_end_requests: windows("back_end_requests", &config.back_end_requests)?,
    })
}

/// Reads `5/1h`.
fn windows(option: &str, texts: &List) -> Result<Vec<Window>, ConfigError> {
    let window = |text: &String| {
        let (limit, span) = text.split_once('/')?;
        let span = span.trim();
        let (count, unit) = span.split_at(span.len().checked_sub(1)?);
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 24 * 3600,
            _ => return None,
        };
        let seconds = count
            .parse::<u64>()
            .ok()
            .filter(|count| (1..=1_000_000).contains(count))?
            * unit;
        let limit = limit.trim().parse().ok().filter(|limit| *limit > 0)?;
        Some(Window {
            limit,
            span: Duration::from_secs(seconds),
        })
    };
    let read = texts.0.iter().map(|text| {
        window(text).ok_or_else(|| {
            let problem = format!("{text:?} is not how many/how long, such as 5/1h (s, m, h or d)");
            ConfigError::at(&format!("limits.{option}"), problem)
        })
    });
    read.collect()
}

fn allowlist(words: &[String]) -> Result<Allowlist, ConfigError> {
    if words == ["*"] {
        return Ok(Allowlist::AllCountries);
    }
    let country = |word: &String| {
        word.parse::<Country>()
            .map_err(|error| ConfigError::at("sms.allowed_countries", format!("{word:?} is {error}")))
    };
    let countries: BTreeSet<Country> = words.iter().map(country).collect::<Result<_, _>>()?;
    if countries.is_empty() {
        return Err(ConfigError::at(
            "sms.allowed_countries",
            "no country left; * stands for all",
        ));
    }
    Ok(Allowlist::Countries(countries))
}

fn checked(server: super::file::Server) -> Result<super::file::Server, ConfigError> {
    for (option, value) in [
        (
            "server.max_connections",
            u64::try_from(server.max_connections).unwrap_or(u64::MAX),
        ),
        ("server.keep_alive_seconds", server.keep_alive_seconds),
        ("server.header_timeout_ms", server.header_timeout_ms),
        ("server.body_timeout_ms", server.body_timeout_ms),
    ] {
        if value == 0 {
            return Err(ConfigError::at(option, "0 would let nothing through"));
        }
    }
    Ok(server)
}

fn checked_store(store: Store) -> Result<Store, ConfigError> {
    if !(1..=1000).contains(&store.connections) {
        let problem = format!("{} is not from 1 to 1000", store.connections);
        return Err(ConfigError::at("store.connections", problem));
    }
    // An answer within 2 s is promised, and callers wait for 1.7 s.
    if !(10..=1700).contains(&store.statement_timeout_ms) {
        let problem = format!("{} is not from 10 to 1700", store.statement_timeout_ms);
        return Err(ConfigError::at("store.statement_timeout_ms", problem));
    }
    Ok(store)
}

/// A secret from the option itself or from the file that `…_file` names.
fn secret(option: &str, text: Option<&SecretString>, file: Option<&Path>) -> Result<Option<SecretString>, ConfigError> {
    match (text, file) {
        (Some(_), Some(_)) => Err(ConfigError::at(
            option,
            format!("given twice, here and as {option}_file"),
        )),
        (Some(text), None) => Ok(Some(text.clone())),
        (None, Some(file)) => match std::fs::read_to_string(file) {
            Ok(text) => Ok(Some(SecretString::from(text.trim()))),
            Err(error) => Err(ConfigError::at(
                &format!("{option}_file"),
                format!("cannot read {}: {error}", file.display()),
            )),
        },
        (None, None) => Ok(None),
    }
}

fn parsed<T: std::str::FromStr<Err = &'static str>>(
    option: &str,
    text: Option<&str>,
) -> Result<Option<T>, ConfigError> {
    text.map(|text| text.parse().map_err(|problem: &str| ConfigError::at(option, problem)))
        .transpose()
}

/// An address that may be left out.
fn web_url(option: &str, text: Option<&str>) -> Result<Option<Url>, ConfigError> {
    let problem = |text: &str| ConfigError::at(option, format!("{text:?} is not an http:// or https:// address"));
    text.map(|text| web_address(text).ok_or_else(|| problem(text)))
        .transpose()
}
