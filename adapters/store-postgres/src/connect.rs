//! Opening one connection.

use std::time::Duration;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use phoneproof_domain::ports::BoxError;
use tokio::runtime::Handle;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::options::{Options, Synchronous, Target, Tls};
use crate::{OpenError, tls};

/// How long a server may take to answer to a new connection: an answer within 2 s is promised to callers.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Loads and commits.
    Serve,
    /// Lists and counts, which may take its time.
    Search,
    /// Migrates, or moves a whole instance.
    Maintain,
}

/// Opens connections to one database.
#[derive(Clone)]
pub(crate) struct Connector {
    target: Target,
    tls: Option<MakeRustlsConnect>,
    synchronous: Synchronous,
    statement_timeout: Duration,
    /// Where connections live: one that were driven by the thread of a request would end with that thread.
    runtime: Handle,
}

impl Connector {
    /// For the database that `options` name. Call it in the runtime that shall drive the connections.
    pub(crate) fn new(options: &Options, mut target: Target) -> Result<Self, OpenError> {
        target.config.connect_timeout(CONNECT_TIMEOUT);
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

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self, role: Role) -> Result<AsyncPgConnection, BoxError> {
        let this = self.clone();
        self.runtime.spawn(async move { this.open(role).await }).await?
    }

    /// Opens a connection past Diesel.
    pub(crate) async fn client(&self, role: Role) -> Result<Client, BoxError> {
        let this = self.clone();
        let opening = async move {
            let config = &this.target.config;
            let client = if let Some(tls) = &this.tls {
                let (client, driver) = config.connect(tls.clone()).await?;
                this.runtime.spawn(driver);
                client
            } else {
                let (client, driver) = config.connect(NoTls).await?;
                this.runtime.spawn(driver);
                client
            };
            client.batch_execute(&this.settings(role)).await?;
            Ok(client)
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
        let timeout = self.statement_timeout.as_millis();
        let timeout = match role {
            Role::Serve => timeout,
            Role::Search => timeout * 30,
            Role::Maintain => 0,
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
             SET lock_timeout = {timeout};
             SET idle_in_transaction_session_timeout = {idle};
             SET default_transaction_isolation = 'read committed';
             SET jit = off;
             {synchronous}"
        )
    }
}
