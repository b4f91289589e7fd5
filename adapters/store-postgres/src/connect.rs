//! Opening one connection.

use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use phoneproof_domain::ports::BoxError;
use tokio::runtime::Handle;
use tokio_postgres::NoTls;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::options::{Options, Synchronous, Target, Tls};
use crate::{OpenError, tls};

/// How long each address of a server may take to answer at all.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(700);

/// How long opening a connection may take, with encryption and password: an answer within 2 s is promised to callers. Whoever
/// opened it may have left by then; it must not go on for ever.
const OPEN_TIMEOUT: Duration = Duration::from_millis(1500);

/// The same, for what nobody waits for at a browser.
const PATIENT_OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// A server that vanished without a word is found out after 30 s of silence and three unanswered questions, or once what
/// was sent is not received for 10 s: by itself the system would believe in it for two hours. The URL may say otherwise.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;
const USER_TIMEOUT: Duration = Duration::from_secs(10);

/// What the library takes where the URL says nothing.
const DEFAULT_KEEPALIVE_IDLE: Duration = Duration::from_secs(2 * 60 * 60);

/// How many times as long as others a search may take.
pub(crate) const SEARCH_FACTOR: u32 = 30;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Loads and commits.
    Serve,
    /// Lists and counts, which may take its time.
    Search,
    /// Migrates.
    Maintain,
}

/// Opens connections to one database.
#[derive(Clone)]
pub(crate) struct Connector {
    target: Target,
    tls: Option<MakeRustlsConnect>,
    synchronous: Synchronous,
    statement_timeout: Duration,
    /// Where connections live, and with which they end.
    runtime: Handle,
}

impl Connector {
    /// For the database that `options` name. Call it in the runtime that shall drive the connections.
    pub(crate) fn new(options: &Options, mut target: Target) -> Result<Self, OpenError> {
        let config = &mut target.config;
        config.connect_timeout(CONNECT_TIMEOUT);
        if config.get_keepalives_idle() == DEFAULT_KEEPALIVE_IDLE {
            config.keepalives_idle(KEEPALIVE_IDLE);
            config.keepalives_interval(KEEPALIVE_INTERVAL);
            config.keepalives_retries(KEEPALIVE_RETRIES);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(USER_TIMEOUT);
        }
        if target.config.get_application_name().is_none() {
            target.config.application_name("phoneproof");
        }
        let tls = match &target.tls {
            Tls::Off => None,
            Tls::Verified { authorities } => {
                let connector = tls::connector(authorities.as_deref());
                Some(connector.map_err(|source| OpenError::Authorities {
                    file: authorities.clone().unwrap_or_default(),
                    source,
                })?)
            }
        };
        Ok(Self {
            target,
            tls,
            synchronous: options.synchronous,
            statement_timeout: options.statement_timeout,
            runtime: Handle::current(),
        })
    }

    pub(crate) fn place(&self) -> &str {
        &self.target.place
    }

    pub(crate) fn statement_timeout(&self) -> Duration {
        self.statement_timeout
    }

    /// Opens a connection, in the runtime in which it will live.
    pub(crate) async fn connect(&self, role: Role) -> Result<AsyncPgConnection, BoxError> {
        let most = match role {
            Role::Serve | Role::Search => OPEN_TIMEOUT,
            Role::Maintain => PATIENT_OPEN_TIMEOUT,
        };
        let this = self.clone();
        let opening = async move {
            let late = |_| BoxError::from(format!("the server has not let us in within {} ms", most.as_millis()));
            tokio::time::timeout(most, this.open(role)).await.map_err(late)?
        };
        self.runtime.spawn(opening).await?
    }

    async fn open(&self, role: Role) -> Result<AsyncPgConnection, BoxError> {
        let config = &self.target.config;
        let mut connection = if let Some(tls) = &self.tls {
            debug_assert_eq!(config.get_ssl_mode(), SslMode::Require);
            let (client, driver) = config.connect(tls.clone()).await?;
            AsyncPgConnection::try_from_client_and_connection(client, driver).await?
        } else {
            let (client, driver) = config.connect(NoTls).await?;
            AsyncPgConnection::try_from_client_and_connection(client, driver).await?
        };
        connection.batch_execute(&self.settings(role)).await?;
        Ok(connection)
    }

    fn settings(&self, role: Role) -> String {
        let own = self.statement_timeout.as_millis();
        // A search may take long, but not because somebody is in its way.
        let (timeout, lock_timeout) = match role {
            Role::Serve => (own, own),
            Role::Search => (own * u128::from(SEARCH_FACTOR), own / 2),
            Role::Maintain => (0, 0),
        };
        // A process that stops between two statements must not hold its locks for ever.
        let idle = if role == Role::Maintain { 0 } else { 5000 };
        let synchronous = match self.synchronous {
            // Whatever else the server's own setting waits for (a standby) it shall wait for.
            Synchronous::Full => {
                "SELECT set_config('synchronous_commit', 'on', false) \
                 WHERE current_setting('synchronous_commit') IN ('off', 'local');"
            }
            Synchronous::Normal => "SET synchronous_commit = off;",
        };
        format!(
            "SET statement_timeout = {timeout};
             SET lock_timeout = {lock_timeout};
             SET idle_in_transaction_session_timeout = {idle};
             SET default_transaction_isolation = 'read committed';
             SET jit = off;
             {synchronous}"
        )
    }
}
