mod copy;

use std::path::Path;
use std::time::Duration;

use phoneproof_store_postgres::testing::Server;
use tokio_postgres::{Client, NoTls};

use crate::Failure;
use crate::processes::cpu_of_family;
pub(super) use copy::fill;

/// A throw-away PostgreSQL, gone at the end.
pub(crate) struct Postgres {
    server: Server,
    client: Client,
}

impl Postgres {
    /// For a machine of 2 cores and 24 GB that serves nothing else. As safe as the defaults: each commit waits for the disk.
    pub(crate) const TUNED: &str = "-c shared_buffers=2GB -c effective_cache_size=16GB -c maintenance_work_mem=1GB \
        -c max_wal_size=8GB -c checkpoint_timeout=15min -c wal_compression=on -c fsync=on -c full_page_writes=on \
        -c synchronous_commit=on -c random_page_cost=1.1";

    /// Starts it with its data below `folder`.
    pub(crate) async fn start(folder: &Path, settings: &str) -> Result<Self, Failure> {
        let server = Server::start_with(settings, folder);
        let client = connect(&format!("{}/postgres", server.url())).await?;
        Ok(Self { server, client })
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.server.url())
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        self.server.log()
    }

    pub(crate) async fn create(&self, database: &str) -> Result<(), Failure> {
        Ok(self
            .client
            .batch_execute(&format!("CREATE DATABASE {database}"))
            .await?)
    }

    /// Makes a database like `template`.
    pub(super) async fn copy(&self, template: &str, database: &str) -> Result<(), Failure> {
        // Nobody may be connected to a template, and whoever was may still be leaving.
        let leave =
            format!("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{template}'");
        self.client.batch_execute(&leave).await?;
        let create = format!("CREATE DATABASE {database} TEMPLATE {template}");
        Ok(self.client.batch_execute(&create).await?)
    }

    /// Brings what was written to its place, so that the first measurement does not.
    pub(super) async fn settle(&self) -> Result<(), Failure> {
        Ok(self.client.batch_execute("CHECKPOINT").await?)
    }

    /// How many connections by this name have begun to do something.
    pub(crate) async fn busy_connections(&self, application: &str) -> Result<i64, Failure> {
        let query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND query <> ''";
        Ok(self.client.query_one(query, &[&application]).await?.get(0))
    }

    /// Processor time so far, of all its processes.
    pub(super) fn cpu(&self) -> Duration {
        cpu_of_family(self.server.id())
    }

    /// Syncs of its log so far, as far as its processes have told: they do at their end.
    pub(super) async fn syncs(&self) -> Result<u32, Failure> {
        let syncs: i64 = self
            .client
            .query_one("SELECT wal_sync FROM pg_stat_wal", &[])
            .await?
            .get(0);
        Ok(u32::try_from(syncs)?)
    }

    /// Its version and how it is set, in its own words.
    pub(crate) async fn describe(&self) -> Result<String, Failure> {
        let query = "SELECT 'PostgreSQL ' || current_setting('server_version') || ': ' \
            || string_agg(name || '=' || current_setting(name), ', ' ORDER BY name) FROM pg_settings \
            WHERE source = 'command line' AND name NOT IN ('listen_addresses', 'port', 'unix_socket_directories')";
        Ok(self.client.query_one(query, &[]).await?.get(0))
    }
}

async fn connect(url: &str) -> Result<Client, Failure> {
    let (client, driver) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(driver);
    Ok(client)
}
