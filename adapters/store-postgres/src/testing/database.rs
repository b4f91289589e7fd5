use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::{NoTls, SimpleQueryMessage};

use super::{Server, VARIABLE};
use crate::{Options, PostgresStore};

/// Holds whoever makes the template, among all processes of a test run.
const TEMPLATE_LOCK: i64 = 7_065_111;

/// A database of its own, with the schema in place; dropped at the end.
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// Makes a database on the server of the test run.
    #[must_use]
    pub fn create() -> Self {
        Self::create_on(server())
    }

    /// Makes a database on a server of one's own, named by its URL without a database.
    #[must_use]
    pub fn create_on(server: &str) -> Self {
        let server = server.to_owned();
        let name = unique_name();
        let (url, new) = (server.clone(), name.clone());
        apart(async move {
            let template = template(&url).await;
            execute(&url, "postgres", &format!("CREATE DATABASE {new} TEMPLATE {template}")).await;
        });
        Self { server, name }
    }

    /// Makes a database without any table.
    #[must_use]
    pub fn create_empty() -> Self {
        let (server, name) = (server().to_owned(), unique_name());
        let (url, new) = (server.clone(), name.clone());
        apart(async move {
            execute(&url, "postgres", &format!("CREATE DATABASE {new}")).await;
        });
        Self { server, name }
    }

    /// `postgres://postgres@127.0.0.1:5433/name`
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }

    /// Its name on the server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs statements and answers the last column of each row, as text.
    #[must_use]
    pub fn query(&self, statements: &str) -> Vec<String> {
        let (server, name, statements) = (self.server.clone(), self.name.clone(), statements.to_owned());
        apart(async move { execute(&server, &name, &statements).await })
    }
}

impl Database {
    /// Runs statements beside it, for what cannot be said to a database from within.
    pub fn query_beside(&self, statements: &str) {
        let (server, statements) = (self.server.clone(), statements.to_owned());
        apart(async move { execute(&server, "postgres", &statements).await });
    }

    /// Cuts every connection to it.
    pub fn cut_off(&self) {
        let name = &self.name;
        self.query_beside(&format!(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
        ));
    }

    /// All rows of every table, by its name: what whoever steals a dump can read.
    #[must_use]
    pub fn dump(&self) -> BTreeMap<String, Vec<u8>> {
        let tables = self.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
        tables
            .into_iter()
            .map(|table| {
                let rows = self.query(&format!("SELECT row_to_json(t)::text FROM \"{table}\" AS t"));
                let bytes = rows.iter().flat_map(|row| row.split("\\\\x").flat_map(unhexed));
                (table, bytes.collect())
            })
            .collect()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropping = move || {
            apart(async move {
                execute(
                    &server,
                    "postgres",
                    &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
                )
                .await
            })
        };
        // A server that the test has stopped takes its databases along.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(dropping));
    }
}

/// The text, after the bytes that its beginning writes in hexadecimal.
fn unhexed(text: &str) -> Vec<u8> {
    let digits = text.bytes().take_while(u8::is_ascii_hexdigit).count();
    let bytes = text.as_bytes()[..digits].chunks_exact(2).filter_map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    bytes.chain(text.bytes()).collect()
}

/// The server of the test run, or one for this process.
fn server() -> &'static str {
    static NAMED: OnceLock<String> = OnceLock::new();
    static STARTED: OnceLock<Server> = OnceLock::new();
    NAMED.get_or_init(|| {
        let named = std::env::vars_os().find(|(name, _)| name == VARIABLE);
        named.map_or_else(
            || STARTED.get_or_init(Server::start).url(),
            |(_, url)| url.to_string_lossy().into_owned(),
        )
    })
}

/// A database with the schema in place, made by whoever comes first.
async fn template(server: &str) -> String {
    let lock = format!("SELECT pg_advisory_lock({TEMPLATE_LOCK})");
    let (client, driver) = tokio_postgres::connect(&format!("{server}/postgres"), NoTls)
        .await
        .unwrap();
    tokio::spawn(driver);
    client.batch_execute(&lock).await.unwrap();
    let name = "phoneproof_template";
    let there = client
        .query(&format!("SELECT 1 FROM pg_database WHERE datname = '{name}'"), &[])
        .await
        .unwrap();
    if there.is_empty() {
        let making = format!("{name}_making");
        client
            .batch_execute(&format!("CREATE DATABASE {making}"))
            .await
            .unwrap();
        let _ = PostgresStore::migrate(&Options::at(format!("{server}/{making}")))
            .await
            .unwrap();
        // A template must have nobody connected to it, and whoever migrated may still be leaving.
        client
            .batch_execute(&format!(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{making}'"
            ))
            .await
            .unwrap();
        client
            .batch_execute(&format!("ALTER DATABASE {making} RENAME TO {name}"))
            .await
            .unwrap();
    }
    name.to_owned()
}

fn unique_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

async fn execute(server: &str, database: &str, statements: &str) -> Vec<String> {
    let (client, driver) = tokio_postgres::connect(&format!("{server}/{database}"), NoTls)
        .await
        .unwrap();
    tokio::spawn(driver);
    let answered = client.simple_query(statements).await.unwrap();
    let rows = answered.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row.get(row.len() - 1).unwrap_or_default().to_owned()),
        _ => None,
    });
    rows.collect()
}

/// Runs `work` to its end in a thread of its own: tests wait for it in whatever runtime they are, and in none.
fn apart<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let thread = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(work)
    });
    thread.join().unwrap()
}
