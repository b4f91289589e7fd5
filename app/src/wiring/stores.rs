//! The table of stores, and what can be done with the one that is configured.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use phoneproof_domain::ports::{
    Archive, Commit, EventOutbox, InstanceDirectory, Limiter, Repository, SessionDirectory, SigningKeys, SmsOutbox,
    StoreHealth, UserDirectory,
};
use phoneproof_domain::{Client, SignInToken, User};
use phoneproof_store_postgres::{Options as PostgresOptions, PostgresStore, Synchronous as PostgresSync};
use phoneproof_store_sqlite::{Options as SqliteOptions, SqliteStore, Synchronous as SqliteSync};

use crate::config::{ConfigError, StoreOptions, Synchronous};

type Opening<'a, T> = BoxFuture<'a, Result<T, String>>;

type Open<T> = for<'a> fn(&'a StoreOptions) -> Opening<'a, T>;

/// What can be done with a store of one kind.
struct Kind {
    /// Opens it.
    open: Open<Store>,
    /// Applies its migrations and answers their names.
    migrate: Open<Vec<String>>,
    /// Whether the URL can be one of its own, and where development keeps the instance secret that belongs to it.
    secret_file: fn(&str) -> Result<PathBuf, String>,
    /// Copies it into a file beside a running server, where it brings no tool of its own for that.
    backup: fn(&StoreOptions, &Path) -> Result<u64, String>,
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
    open: |options| {
        async {
            Ok(Store::of(
                SqliteStore::open(sqlite(options)?).map_err(|error| error.to_string())?,
            ))
        }
        .boxed()
    },
    migrate: |options| async { SqliteStore::migrate(&sqlite(options)?).map_err(|error| error.to_string()) }.boxed(),
    // Beside the database: without its secret no stored code can be checked.
    secret_file: |url| {
        let database = SqliteStore::parse_url(url).map_err(|error| error.to_string())?;
        Ok(PathBuf::from(format!("{}.secret", database.display())))
    },
    backup: |options, file| SqliteStore::backup(&sqlite(options)?, file).map_err(|error| error.to_string()),
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
    open: |options| {
        async {
            let store = PostgresStore::open(&postgres(options)).await;
            Ok(Store::of(store.map_err(|error| error.to_string())?))
        }
        .boxed()
    },
    migrate: |options| {
        async {
            let migrated = PostgresStore::migrate(&postgres(options)).await;
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
    /// Loads users.
    pub repository: Arc<dyn Repository<User>>,
    /// Questions across users.
    pub directory: Arc<dyn UserDirectory>,
    /// Loads clients.
    pub clients: Arc<dyn Repository<Client>>,
    /// Loads tickets.
    pub tickets: Arc<dyn Repository<SignInToken>>,
    /// Commits changes of all of these.
    pub commits: Arc<dyn Commit>,
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
            + Commit
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
            commits: store.clone(),
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

/// Opens the configured store. Half a copy of another one is none.
///
/// # Errors
/// [`ConfigError`] saying what to do.
pub async fn store(options: &StoreOptions) -> Result<Store, ConfigError> {
    let problem = |problem: String| ConfigError::at("store.url", problem);
    let kind = by_scheme(STORES, "store.url", &options.url)?;
    let store = (kind.open)(options).await.map_err(problem)?;
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
pub fn known_store(store_url: &str) -> Result<(), ConfigError> {
    secret_file(store_url).map(drop)
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
pub async fn migrate(options: &StoreOptions) -> Result<Vec<String>, ConfigError> {
    let kind = by_scheme(STORES, "store.url", &options.url)?;
    let migrated = (kind.migrate)(options).await;
    migrated.map_err(|problem| ConfigError::at("store.url", problem))
}

/// Copies the configured store into a new file, beside a running server, and answers its size in bytes.
///
/// # Errors
/// [`ConfigError`] saying what to do.
pub fn backup(options: &StoreOptions, file: &Path) -> Result<u64, ConfigError> {
    let kind = by_scheme(STORES, "store.url", &options.url)?;
    (kind.backup)(options, file).map_err(|problem| ConfigError::at("store.url", problem))
}

fn sqlite(options: &StoreOptions) -> Result<SqliteOptions, String> {
    Ok(SqliteOptions {
        path: SqliteStore::parse_url(&options.url).map_err(|error| error.to_string())?,
        synchronous: match options.synchronous {
            Synchronous::Full => SqliteSync::Full,
            Synchronous::Normal => SqliteSync::Normal,
        },
        readers: options.readers,
        queue: options.queue,
        migrate: options.migrate,
        busy_timeout: Duration::from_millis(1_500),
    })
}

fn postgres(options: &StoreOptions) -> PostgresOptions {
    PostgresOptions {
        url: options.url.clone(),
        synchronous: match options.synchronous {
            Synchronous::Full => PostgresSync::Full,
            Synchronous::Normal => PostgresSync::Normal,
        },
        connections: options.connections,
        statement_timeout: Duration::from_millis(options.statement_timeout_ms),
        migrate: options.migrate,
    }
}

fn by_scheme<'a, T>(table: &'a [(&str, T)], option: &str, url: &str) -> Result<&'a T, ConfigError> {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    let found = table.iter().find(|(name, _)| *name == scheme).map(|(_, entry)| entry);
    found.ok_or_else(|| ConfigError::at(option, format!("{scheme:?} is no known store; known: {}", names(table))))
}

/// The names in a table, for a complaint that another one is unknown.
pub(super) fn names<T>(table: &[(&str, T)]) -> String {
    table.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}
