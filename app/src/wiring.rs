//! The tables of adapters: the only file that names one.
//!
//! A new provider is a crate of its own, a dependency in `app/Cargo.toml` and one line here.

use std::sync::Arc;
use std::time::Duration;

use phoneproof_domain::ports::{
    Clock, Entropy, EventOutbox, EventSink, IdentityProvider, InstanceDirectory, Limiter, PasswordHasher, Repository,
    SessionDirectory, SigningKeys, SmsGateway, StoreHealth, UnitOfWork, UserDirectory,
};
use phoneproof_domain::{Client, SignInToken, User};
use phoneproof_events_webhook::Webhook;
use phoneproof_identity_jwt::JwtIdentityProvider;
use phoneproof_password_argon2::Argon2Passwords;
use phoneproof_sms_console::{ConsoleSms, Inbox};
use phoneproof_store_sqlite::{SqliteStore, Synchronous};
use phoneproof_system::{SystemClock, SystemEntropy};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;

use crate::config::{AdapterOptions, ConfigError, Settings, Synchronous as ConfiguredSync};
use crate::dev_issuer::{AUDIENCE, DevIssuer, ISSUER};

/// What several adapters may need to be built.
pub struct Shared {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where the console gateway keeps what it prints.
    pub inbox: Arc<Inbox>,
}

type Build<P> = fn(AdapterOptions, &Shared) -> Result<Arc<P>, String>;

type Open<T> = fn(&Settings) -> Result<T, String>;

/// Gateways by the name that `provider` takes in `[sms.gateways.*]`.
const SMS: &[(&str, Build<dyn SmsGateway>)] = &[("console", |o, shared| {
    let phoneproof_sms_console::Options {} = options(o)?;
    Ok(Arc::new(
        ConsoleSms::new(shared.inbox.clone(), shared.clock.clone()).map_err(|error| error.to_string())?,
    ))
})];

/// Identity providers by the name that `provider` takes in `[identity]`.
const IDENTITY: &[(&str, Build<dyn IdentityProvider>)] = &[("jwt", |o, shared| {
    let provider = JwtIdentityProvider::new(options(o)?, shared.clock.clone());
    Ok(Arc::new(provider.map_err(|error| error.to_string())?))
})];

/// Stores by the scheme of `store.url`.
const STORES: &[(&str, Open<Store>)] = &[("sqlite", |settings| {
    let store = Arc::new(SqliteStore::open(sqlite(settings)?).map_err(|error| error.to_string())?);
    Ok(Store {
        repository: store.clone(),
        directory: store.clone(),
        clients: store.clone(),
        tickets: store.clone(),
        unit_of_work: store.clone(),
        sessions: store.clone(),
        signing_keys: store.clone(),
        limiter: store.clone(),
        instance: store.clone(),
        outbox: store.clone(),
        health: store.clone(),
        figures: store,
    })
})];

/// What applies the migrations of a store, by the scheme of `store.url`.
const MIGRATIONS: &[(&str, Open<Vec<String>>)] = &[("sqlite", |settings| {
    SqliteStore::migrate(&sqlite(settings)?).map_err(|error| error.to_string())
})];

/// One store, as each port that it serves.
#[derive(Clone)]
pub struct Store {
    /// Loads and commits users.
    pub repository: Arc<dyn Repository<User>>,
    /// Questions across users.
    pub directory: Arc<dyn UserDirectory>,
    /// Loads clients.
    pub clients: Arc<dyn Repository<Client>>,
    /// Loads and commits tickets.
    pub tickets: Arc<dyn Repository<SignInToken>>,
    /// Commits several of these at once.
    pub unit_of_work: Arc<dyn UnitOfWork>,
    /// Questions across clients.
    pub sessions: Arc<dyn SessionDirectory>,
    /// The keys that sign session tokens.
    pub signing_keys: Arc<dyn SigningKeys>,
    /// Counts across users.
    pub limiter: Arc<dyn Limiter>,
    /// Settings and blocklist that a back end changes.
    pub instance: Arc<dyn InstanceDirectory>,
    /// Events that wait to be told.
    pub outbox: Arc<dyn EventOutbox>,
    /// Whether it can serve.
    pub health: Arc<dyn StoreHealth>,
    /// Its figures.
    pub figures: Arc<dyn StoreFigures>,
}

/// What a store tells of its work.
pub trait StoreFigures: Send + Sync {
    /// How many changes it committed, and in how many groups (each is one sync to disk).
    fn commits_and_groups(&self) -> (u64, u64);
}

impl StoreFigures for SqliteStore {
    fn commits_and_groups(&self) -> (u64, u64) {
        let stats = self.stats();
        (stats.commits, stats.groups)
    }
}

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

/// Opens the configured store.
///
/// # Errors
/// [`ConfigError`] saying what to do.
pub fn store(settings: &Settings) -> Result<Store, ConfigError> {
    let open = by_scheme(STORES, &settings.store.url)?;
    open(settings).map_err(|problem| ConfigError::at("store.url", problem))
}

/// Whether the scheme of `store.url` names a store, without opening it.
///
/// # Errors
/// [`ConfigError`] with the known ones.
pub fn known_store(settings: &Settings) -> Result<(), ConfigError> {
    by_scheme(STORES, &settings.store.url).map(|_| ())
}

/// Applies the pending migrations of the configured store and answers their names.
///
/// # Errors
/// [`ConfigError`] saying what to do.
pub fn migrate(settings: &Settings) -> Result<Vec<String>, ConfigError> {
    let migrate = by_scheme(MIGRATIONS, &settings.store.url)?;
    migrate(settings).map_err(|problem| ConfigError::at("store.url", problem))
}

/// Builds the configured gateway; in development the console where none is configured.
///
/// # Errors
/// [`ConfigError`] naming the unknown provider or option.
pub fn gateway(settings: &Settings, shared: &Shared) -> Result<Arc<dyn SmsGateway>, ConfigError> {
    match &settings.gateway {
        Some((name, options)) => build(SMS, &format!("sms.gateways.{name}"), options, shared),
        None => build(
            SMS,
            "sms.gateways",
            &[("provider".to_owned(), "console".into())].into(),
            shared,
        ),
    }
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

fn sqlite(settings: &Settings) -> Result<phoneproof_store_sqlite::Options, String> {
    let store = &settings.store;
    Ok(phoneproof_store_sqlite::Options {
        path: SqliteStore::parse_url(&store.url).map_err(|error| error.to_string())?,
        synchronous: match store.synchronous {
            ConfiguredSync::Full => Synchronous::Full,
            ConfiguredSync::Normal => Synchronous::Normal,
        },
        readers: store.readers,
        queue: store.queue,
        migrate: store.migrate,
        busy_timeout: Duration::from_millis(1_500),
    })
}

fn by_scheme<'a, T>(table: &'a [(&str, T)], url: &str) -> Result<&'a T, ConfigError> {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    let found = table.iter().find(|(name, _)| *name == scheme).map(|(_, entry)| entry);
    found.ok_or_else(|| {
        ConfigError::at(
            "store.url",
            format!("{scheme:?} is no known store; known: {}", names(table)),
        )
    })
}

fn build<P: ?Sized>(
    table: &[(&str, Build<P>)],
    place: &str,
    options: &AdapterOptions,
    shared: &Shared,
) -> Result<Arc<P>, ConfigError> {
    let mut options = options.clone();
    let named = options.remove("provider").and_then(|name| name.into_string().ok());
    let name = named.ok_or_else(|| {
        ConfigError::at(
            &format!("{place}.provider"),
            format!("missing; known: {}", names(table)),
        )
    })?;
    let found = table.iter().find(|(known, _)| *known == name).map(|(_, build)| build);
    let unknown = || {
        ConfigError::at(
            &format!("{place}.provider"),
            format!("{name:?} is unknown; known: {}", names(table)),
        )
    };
    found.ok_or_else(unknown)?(options, shared).map_err(|problem| ConfigError::at(place, problem))
}

fn names<T>(table: &[(&str, T)]) -> String {
    table.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn options<T: DeserializeOwned>(options: AdapterOptions) -> Result<T, String> {
    let table = config::Value::from(options.into_iter().collect::<config::Map<_, _>>());
    table.try_deserialize().map_err(|error| error.to_string())
}
