use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use phoneproof_domain::{Allowlist, Country, InstanceSecret, Policy};
use secrecy::{ExposeSecret, SecretString};
use url::{Origin, Url};

use super::file::{AdapterOptions, Environment, Log, Store};
use super::keys::{KeyKind, PublishableKey, SecretKey};
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
    /// Origins that may call the user's API, as browsers spell them.
    pub allowed_origins: Vec<String>,
    /// The numbers of the HTTP server.
    pub server: super::file::Server,
    /// The store.
    pub store: Store,
    /// The publishable key; none in development where none is set.
    pub publishable_key: Option<PublishableKey>,
    /// The secret key.
    pub secret_key: SecretKey,
    /// The instance secret.
    pub secret: InstanceSecret,
    /// The SMS gateway; none in development where none is set.
    pub gateway: Option<(String, AdapterOptions)>,
    /// The outside identity provider.
    pub identity: Option<AdapterOptions>,
    /// Who may read the metrics.
    pub metrics_token: Option<SecretString>,
    /// The rules.
    pub policy: Policy,
    /// Logging.
    pub log: Log,
}

impl Settings {
    /// Checks a configuration and fills in what development makes up by itself.
    ///
    /// # Errors
    /// [`ConfigError`] naming the option that is missing or cannot be.
    pub fn new(config: Config, overrides: Overrides) -> Result<Self, ConfigError> {
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
        let mut gateways = config.sms.gateways.unwrap_or_default().into_iter();
        let gateway = gateways.next();
        if let Some((name, _)) = gateways.next() {
            return Err(ConfigError::at(
                &format!("sms.gateways.{name}"),
                "one gateway is enough; there are no routes between several yet",
            ));
        }
        if gateway.is_none() && !development {
            return Err(ConfigError::at(
                "sms.gateways",
                "production must name its gateway: [sms.gateways.main] with a provider",
            ));
        }
        Ok(Self {
            environment,
            listen: config.server.listen.parse().map_err(|_| {
                ConfigError::at(
                    "server.listen",
                    format!(
                        "{:?} is not an address and port, such as 127.0.0.1:8080",
                        config.server.listen
                    ),
                )
            })?,
            public_url: config
                .server
                .public_url
                .as_deref()
                .map(|url| web_url("server.public_url", url))
                .transpose()?,
            allowed_origins: config
                .server
                .allowed_origins
                .0
                .iter()
                .map(|origin| web_origin(origin))
                .collect::<Result<_, _>>()?,
            server: checked(config.server)?,
            store: config.store,
            publishable_key,
            secret_key,
            secret,
            gateway,
            identity: config.identity,
            metrics_token: config.metrics.token,
            policy,
            log: config.log,
        })
    }

    /// Whether this is a developer's instance.
    #[must_use]
    pub fn is_development(&self) -> bool {
        self.environment == Environment::Development
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
    let name = config.application.name.trim();
    if name.is_empty() || name.chars().count() > 60 || name.chars().any(char::is_control) {
        return Err(ConfigError::at("application.name", "not a name of 1 to 60 characters"));
    }
    let resend_after = if config.limits.enabled {
        codes.resend_after_seconds
    } else {
        0
    };
    Ok(Policy {
        application: name.to_owned(),
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
        lockout: Duration::from_secs(config.lockout.duration_seconds),
    })
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

fn web_url(option: &str, text: &str) -> Result<Url, ConfigError> {
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| ConfigError::at(option, format!("{text:?} is not an http:// or https:// address")))
}

fn web_origin(text: &str) -> Result<String, ConfigError> {
    match web_url("server.allowed_origins", text)?.origin() {
        origin @ Origin::Tuple(..) if origin.ascii_serialization() == text.trim_end_matches('/') => {
            Ok(origin.ascii_serialization())
        }
        _ => Err(ConfigError::at(
            "server.allowed_origins",
            format!("{text:?} is not an origin, such as https://app.example.com"),
        )),
    }
}
