//! The tables of adapters: the only file that names one.
//!
//! A new provider is a crate of its own, a dependency in `app/Cargo.toml` and one line here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use phoneproof_domain::ports::{
    Archive, Clock, Entropy, EventOutbox, EventSink, IdentityProvider, InstanceDirectory, Limiter, PasswordHasher,
    Repository, SecurityNotices, SessionDirectory, SigningKeys, SmsGateway, SmsOutbox, SmsReceipts, StoreHealth,
    UnitOfWork, UserDirectory,
};
use phoneproof_domain::{Client, Country, SignInToken, User};
use phoneproof_events_webhook::Webhook;
use phoneproof_identity_jwt::JwtIdentityProvider;
use phoneproof_notice_email::EmailNotices;
use phoneproof_password_argon2::Argon2Passwords;
use phoneproof_sms_console::{ConsoleSms, Inbox};
use phoneproof_sms_email::EmailSms;
use phoneproof_sms_routes::{NamedGateway, Route, RoutedSms};
use phoneproof_sms_telnyx::TelnyxSms;
#[cfg(feature = "twilio")]
use phoneproof_sms_twilio::TwilioSms;
use phoneproof_sms_vonage::VonageSms;
use phoneproof_sms_webhook::WebhookSms;
use phoneproof_store_postgres::{Options as PostgresOptions, PostgresStore, Synchronous as PostgresSync};
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

type Opening<'a, T> = BoxFuture<'a, Result<T, String>>;

type Open<T> = for<'a> fn(&'a Settings) -> Opening<'a, T>;

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

/// What can be done with a store of one kind.
struct Kind {
    /// Opens it.
    open: Open<Store>,
    /// Applies its migrations and answers their names.
    migrate: Open<Vec<String>>,
    /// Whether the URL can be one of its own, and where development keeps the instance secret that belongs to it.
    secret_file: fn(&str) -> Result<PathBuf, String>,
    /// Copies it into a file beside a running server, where it brings no tool of its own for that.
    backup: fn(&Settings, &Path) -> Result<u64, String>,
    /// Opens it as one end of a copy, by nothing but its URL.
    archive: for<'a> fn(&'a str, End) -> Opening<'a, Arc<dyn Archive>>,
}

/// One end of a copy from store to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It must be there, and is only read.
    Source,
    /// It is made, and brought up to date, if it is new.
    Target,
}

impl End {
    /// The option of the command line that names it.
    #[must_use]
    pub const fn option(self) -> &'static str {
        match self {
            Self::Source => "--from",
            Self::Target => "--to",
        }
    }
}

const SQLITE: Kind = Kind {
    open: |settings| {
        async {
            Ok(Store::of(
                SqliteStore::open(sqlite(settings)?).map_err(|error| error.to_string())?,
            ))
        }
        .boxed()
    },
    migrate: |settings| async { SqliteStore::migrate(&sqlite(settings)?).map_err(|error| error.to_string()) }.boxed(),
    // Beside the database: without its secret no stored code can be checked.
    secret_file: |url| {
        let database = SqliteStore::parse_url(url).map_err(|error| error.to_string())?;
        Ok(PathBuf::from(format!("{}.secret", database.display())))
    },
    backup: |settings, file| SqliteStore::backup(&sqlite(settings)?, file).map_err(|error| error.to_string()),
    archive: |url, end| {
        async move {
            let opened = SqliteStore::parse_url(url).and_then(|path| match end {
                End::Source => SqliteStore::open_source(&path),
                End::Target => SqliteStore::open_target(&path),
            });
            Ok(Arc::new(opened.map_err(|error| error.to_string())?) as Arc<dyn Archive>)
        }
        .boxed()
    },
};

const POSTGRES: Kind = Kind {
    open: |settings| {
        async {
            let store = PostgresStore::open(&postgres(settings)).await;
            Ok(Store::of(store.map_err(|error| error.to_string())?))
        }
        .boxed()
    },
    migrate: |settings| {
        async {
            let migrated = PostgresStore::migrate(&postgres(settings)).await;
            migrated.map_err(|error| error.to_string())
        }
        .boxed()
    },
    // The one of the default store: whoever moves from there keeps the secret.
    secret_file: |url| {
        PostgresStore::check_url(url).map_err(|error| error.to_string())?;
        Ok(PathBuf::from("phoneproof.db.secret"))
    },
    backup: |_, _| Err("only an SQLite store is copied like this; for PostgreSQL, pg_dump makes the backup".to_owned()),
    archive: |url, end| {
        async move {
            let opened = match end {
                End::Source => PostgresStore::open_source(url).await,
                End::Target => PostgresStore::open_target(url).await,
            };
            Ok(Arc::new(opened.map_err(|error| error.to_string())?) as Arc<dyn Archive>)
        }
        .boxed()
    },
};

/// Stores by the scheme of `store.url`.
const STORES: &[(&str, Kind)] = &[("sqlite", SQLITE), ("postgres", POSTGRES), ("postgresql", POSTGRES)];

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
    /// Texts on their way.
    pub sms_outbox: Arc<dyn SmsOutbox>,
    /// All of it, to be moved.
    pub archive: Arc<dyn Archive>,
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

impl Store {
    /// One adapter that serves every port.
    fn of<S>(store: S) -> Self
    where
        S: Repository<User>
            + Repository<Client>
            + Repository<SignInToken>
            + UserDirectory
            + UnitOfWork
            + SessionDirectory
            + SigningKeys
            + Limiter
            + InstanceDirectory
            + EventOutbox
            + SmsOutbox
            + Archive
            + StoreHealth
            + StoreFigures
            + 'static,
    {
        let store = Arc::new(store);
        Self {
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
            sms_outbox: store.clone(),
            archive: store.clone(),
            health: store.clone(),
            figures: store,
        }
    }
}

impl StoreFigures for PostgresStore {
    fn commits_and_groups(&self) -> (u64, u64) {
        // The server groups them by itself.
        let commits = self.stats().commits;
        (commits, commits)
    }
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

/// Opens the configured store. Half a copy of another one is none.
///
/// # Errors
/// [`ConfigError`] saying what to do.
pub async fn store(settings: &Settings) -> Result<Store, ConfigError> {
    let problem = |problem: String| ConfigError::at("store.url", problem);
    let kind = by_scheme(STORES, "store.url", &settings.store.url)?;
    let store = (kind.open)(settings).await.map_err(problem)?;
    match store.archive.unfinished().await {
        Ok(None) => Ok(store),
        Ok(Some(mark)) => Err(problem(format!(
            "the copy from {} into this store is not finished; run the same `phoneproof store copy` again",
            mark.source
        ))),
        Err(error) => Err(problem(error.to_string())),
    }
}

/// Opens one end of a copy. Nothing but the URL is configured.
///
/// # Errors
/// [`ConfigError`] saying what to do.
pub async fn archive(url: &str, end: End) -> Result<Arc<dyn Archive>, ConfigError> {
    let kind = by_scheme(STORES, end.option(), url)?;
    let opened = (kind.archive)(url, end).await;
    opened.map_err(|problem| ConfigError::at(end.option(), problem))
}

/// A store's URL for people to read, without user, password and parameters.
#[must_use]
pub fn place(store_url: &str) -> String {
    let Some((scheme, rest)) = store_url.split_once("://").filter(|(scheme, _)| *scheme != "sqlite") else {
        return store_url.to_owned();
    };
    let rest = rest.split('?').next().unwrap_or_default();
    format!("{scheme}://{}", rest.rsplit_once('@').map_or(rest, |(_, place)| place))
}

/// Whether `store.url` names a store, without opening it.
///
/// # Errors
/// [`ConfigError`] with the known ones.
pub fn known_store(settings: &Settings) -> Result<(), ConfigError> {
    secret_file(&settings.store.url).map(drop)
}

/// Where development keeps the instance secret that belongs to the store.
///
/// # Errors
/// [`ConfigError`] if the URL names no store.
pub(crate) fn secret_file(store_url: &str) -> Result<PathBuf, ConfigError> {
    let kind = by_scheme(STORES, "store.url", store_url)?;
    (kind.secret_file)(store_url).map_err(|problem| ConfigError::at("store.url", problem))
}

/// Applies the pending migrations of the configured store and answers their names.
///
/// # Errors
/// [`ConfigError`] saying what to do.
pub async fn migrate(settings: &Settings) -> Result<Vec<String>, ConfigError> {
    let kind = by_scheme(STORES, "store.url", &settings.store.url)?;
    let migrated = (kind.migrate)(settings).await;
    migrated.map_err(|problem| ConfigError::at("store.url", problem))
}

/// Copies the configured store into a new file, beside a running server, and answers its size in bytes.
///
/// # Errors
/// [`ConfigError`] saying what to do.
pub fn backup(settings: &Settings, file: &Path) -> Result<u64, ConfigError> {
    let kind = by_scheme(STORES, "store.url", &settings.store.url)?;
    (kind.backup)(settings, file).map_err(|problem| ConfigError::at("store.url", problem))
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

fn postgres(settings: &Settings) -> PostgresOptions {
    let store = &settings.store;
    PostgresOptions {
        url: store.url.clone(),
        synchronous: match store.synchronous {
            ConfiguredSync::Full => PostgresSync::Full,
            ConfiguredSync::Normal => PostgresSync::Normal,
        },
        connections: store.connections,
        threads: settings.server.workers(),
        statement_timeout: Duration::from_millis(store.statement_timeout_ms),
        migrate: store.migrate,
    }
}

fn by_scheme<'a, T>(table: &'a [(&str, T)], option: &str, url: &str) -> Result<&'a T, ConfigError> {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    let found = table.iter().find(|(name, _)| *name == scheme).map(|(_, entry)| entry);
    found.ok_or_else(|| ConfigError::at(option, format!("{scheme:?} is no known store; known: {}", names(table))))
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

fn names<T>(table: &[(&str, T)]) -> String {
    table.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn options<T: DeserializeOwned>(options: AdapterOptions) -> Result<T, String> {
    let table = config::Value::from(options.into_iter().collect::<config::Map<_, _>>());
    table.try_deserialize().map_err(|error| error.to_string())
}
