use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use phoneproof_store_postgres::testing::Database;
use tempfile::TempDir;

/// Which store the tests run on: `sqlite`, which is assumed, or `postgres`. `make test` runs them on each.
const VARIABLE: &str = "TEST_STORE";

/// A store of its own for a test, gone at the end: a file, or a database of a throw-away PostgreSQL.
pub struct TestStore {
    folder: TempDir,
    postgres: Option<Database>,
}

impl TestStore {
    /// Makes one of the kind that this run of the tests is about.
    pub fn create() -> Self {
        if Self::is_postgres() {
            Self::postgres()
        } else {
            Self::sqlite()
        }
    }

    /// Makes one of the kind that this run of the tests is not about.
    pub fn other() -> Self {
        if Self::is_postgres() {
            Self::sqlite()
        } else {
            Self::postgres()
        }
    }

    /// A file, whatever this run is about.
    #[expect(clippy::unwrap_used, reason = "a test without a folder has failed")]
    pub fn sqlite() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            postgres: None,
        }
    }

    /// A database of PostgreSQL, whatever this run is about.
    pub fn postgres() -> Self {
        Self {
            postgres: Some(Database::create()),
            ..Self::sqlite()
        }
    }

    /// A database on a server of the test's own, named by its URL without a database.
    pub fn on(server: &str) -> Self {
        Self {
            postgres: Some(Database::create_on(server)),
            ..Self::sqlite()
        }
    }

    /// Whether this run of the tests is about PostgreSQL.
    pub fn is_postgres() -> bool {
        let named = std::env::vars_os().find(|(name, _)| name == VARIABLE);
        match named.as_ref().and_then(|(_, kind)| kind.to_str()) {
            None | Some("" | "sqlite") => false,
            Some("postgres") => true,
            Some(other) => panic!("{VARIABLE}={other}: it is sqlite or postgres"),
        }
    }

    /// What `store.url` takes.
    pub fn url(&self) -> String {
        match &self.postgres {
            Some(database) => database.url(),
            None => format!("sqlite://{}", self.file().display()),
        }
    }

    /// Its URL as an option of the program, and the secret that development would keep beside a file.
    pub fn options(&self) -> BTreeMap<String, String> {
        let secret = (
            "PHONEPROOF__INSTANCE__SECRET",
            "an instance secret of tests, long enough".to_owned(),
        );
        [("PHONEPROOF__STORE__URL", self.url()), secret]
            .map(|(name, value)| (name.to_owned(), value))
            .into()
    }

    /// A folder that goes with it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs statements past the server, and answers the last column of each row as text.
    #[expect(clippy::unwrap_used, reason = "a statement that is none has failed the test")]
    pub fn query(&self, statement: &str) -> Vec<String> {
        if let Some(database) = &self.postgres {
            return database.query(statement);
        }
        let connection = rusqlite::Connection::open(self.file()).unwrap();
        let mut statement = connection.prepare(statement).unwrap();
        let last = statement.column_count().saturating_sub(1);
        let text = |row: &rusqlite::Row<'_>| {
            Ok(match row.get_ref(last)? {
                rusqlite::types::ValueRef::Null => String::new(),
                rusqlite::types::ValueRef::Integer(value) => value.to_string(),
                rusqlite::types::ValueRef::Real(value) => value.to_string(),
                rusqlite::types::ValueRef::Text(text) | rusqlite::types::ValueRef::Blob(text) => {
                    String::from_utf8_lossy(text).into_owned()
                }
            })
        };
        statement
            .query_map([], text)
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    }

    /// Takes it away from whoever uses it.
    #[expect(clippy::unwrap_used, reason = "a file that cannot be moved has failed the test")]
    pub fn take_away(&self) {
        match &self.postgres {
            Some(database) => {
                let name = database.name();
                database.query_beside(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
                database.cut_off();
            }
            None => std::fs::rename(self.file(), self.aside()).unwrap(),
        }
    }

    /// Gives it back.
    #[expect(clippy::unwrap_used, reason = "a file that cannot be moved has failed the test")]
    pub fn bring_back(&self) {
        match &self.postgres {
            Some(database) => {
                let name = database.name();
                database.query_beside(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"));
            }
            None => std::fs::rename(self.aside(), self.file()).unwrap(),
        }
    }

    /// The database of PostgreSQL, if it is one.
    pub fn database(&self) -> Option<&Database> {
        self.postgres.as_ref()
    }

    /// Every byte that it keeps, by the name of the file or table.
    #[expect(clippy::unwrap_used, reason = "a file that cannot be read has failed the test")]
    pub fn bytes(&self) -> BTreeMap<String, Vec<u8>> {
        if let Some(database) = &self.postgres {
            return database.dump();
        }
        let files = std::fs::read_dir(self.folder()).unwrap();
        files
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, std::fs::read(path).unwrap())
            })
            .collect()
    }

    fn file(&self) -> PathBuf {
        self.folder().join("phoneproof.db")
    }

    fn aside(&self) -> PathBuf {
        self.folder().join("phoneproof.aside")
    }
}
