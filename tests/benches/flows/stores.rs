//! The stores that are measured: an empty one for each measurement, and filled ones that stay.
//!
//! A filled store is made once and takes new people in every measurement; those few thousand are not taken out again, for
//! a copy of several gigabytes would cost more than it is worth. SQLite and its yardstick share one file a size,
//! the contestants on PostgreSQL one database a size.

mod fill;
mod postgres;
mod sqlite;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::Failure;
use crate::contestant::{Case, Contestant};
use crate::people::People;
use crate::server::Server;
use crate::settings::Settings;
pub(crate) use postgres::Postgres;

/// The database that empty ones are copies of: what our server makes at its first start.
const EMPTY: &str = "empty";

/// Where a contestant reads and writes.
pub(crate) enum Store {
    /// A file; one of a measurement's own goes with its folder.
    Sqlite { file: PathBuf, _folder: Option<TempDir> },
    /// A database, by its URL.
    Postgres { url: String },
}

impl Store {
    fn stays(file: &Path) -> Self {
        Self::Sqlite {
            file: file.to_owned(),
            _folder: None,
        }
    }

    pub(crate) fn file(&self) -> Result<&Path, Failure> {
        match self {
            Self::Sqlite { file, .. } => Ok(file),
            Self::Postgres { .. } => Err("the yardstick is one of SQLite".into()),
        }
    }

    /// As our server's configuration has it.
    pub(crate) fn url(&self) -> Result<String, Failure> {
        Ok(match self {
            Self::Sqlite { .. } => format!("sqlite://{}", self.file()?.display()),
            Self::Postgres { url } => url.clone(),
        })
    }
}

/// All stores of a run.
pub(crate) struct Stores {
    folder: PathBuf,
    /// Runs if anybody is measured on it.
    postgres: Option<Postgres>,
    /// The filled file of each size.
    files: BTreeMap<u32, PathBuf>,
    made: AtomicU32,
}

impl Stores {
    /// Makes and fills all that the measurements need; files stand in `folder`.
    pub(crate) async fn prepare(settings: &Settings, people: &mut People, folder: &Path) -> Result<Self, Failure> {
        let mut stores = Self {
            folder: folder.to_owned(),
            postgres: None,
            files: BTreeMap::new(),
            made: AtomicU32::new(0),
        };
        let sizes = settings.stored.iter().copied().filter(|size| *size > 0);
        if settings.contestants.iter().any(|who| who.on_postgres()) {
            stores.start_postgres(settings).await?;
            for size in sizes.clone() {
                stores.fill_database(settings, people, size).await?;
            }
            stores.postgres()?.settle().await?;
        }
        if settings.contestants.iter().any(|who| !who.on_postgres()) {
            for size in sizes {
                stores.fill_file(settings, people, size).await?;
            }
        }
        Ok(stores)
    }

    /// The store of one measurement.
    pub(crate) async fn get(&self, case: Case) -> Result<Store, Failure> {
        if case.who.on_postgres() {
            let postgres = self.postgres()?;
            let name = if case.stored > 0 {
                filled(case.stored)
            } else {
                // It is not dropped before the end: each `DROP DATABASE` is a checkpoint, which others would pay for.
                let name = format!("empty_{}", self.made.fetch_add(1, Ordering::Relaxed));
                postgres.copy(EMPTY, &name).await?;
                name
            };
            return Ok(Store::Postgres {
                url: postgres.url(&name),
            });
        }
        if let Some(file) = self.files.get(&case.stored) {
            return Ok(Store::stays(file));
        }
        let folder = tempfile::tempdir_in(&self.folder)?;
        Ok(Store::Sqlite {
            file: folder.path().join("phoneproof.db"),
            _folder: Some(folder),
        })
    }

    /// PostgreSQL, if it runs.
    pub(crate) fn postgres(&self) -> Result<&Postgres, Failure> {
        self.postgres.as_ref().ok_or_else(|| "PostgreSQL does not run".into())
    }

    /// PostgreSQL's version and settings, if it runs.
    pub(crate) async fn describe(&self) -> Result<Option<String>, Failure> {
        match &self.postgres {
            Some(postgres) => postgres.describe().await.map(Some),
            None => Ok(None),
        }
    }

    /// Processor time of PostgreSQL, where it is part of what is measured.
    pub(crate) fn cpu(&self, who: Contestant) -> Duration {
        let postgres = self.postgres.as_ref().filter(|_| who.on_postgres());
        postgres.map_or(Duration::ZERO, Postgres::cpu)
    }

    /// Syncs of PostgreSQL's log so far, where it is part of what is measured.
    pub(crate) async fn syncs(&self, who: Contestant) -> Result<Option<u32>, Failure> {
        match &self.postgres {
            Some(postgres) if who.on_postgres() => postgres.syncs().await.map(Some),
            _ => Ok(None),
        }
    }

    async fn start_postgres(&mut self, settings: &Settings) -> Result<(), Failure> {
        let postgres = Postgres::start(&settings.folder, Postgres::TUNED).await?;
        postgres.create(EMPTY).await?;
        let url = postgres.url(EMPTY);
        let server = Server::start(settings, Contestant::Postgres, &Store::Postgres { url }).await?;
        server.stop().await?;
        self.postgres = Some(postgres);
        Ok(())
    }

    async fn fill_database(&self, settings: &Settings, people: &mut People, size: u32) -> Result<(), Failure> {
        let (postgres, name) = (self.postgres()?, filled(size));
        postgres.copy(EMPTY, &name).await?;
        let url = postgres.url(&name);
        let pattern = fill::pattern(settings, people, Contestant::Postgres, &Store::Postgres { url }).await?;
        fill::reporting(
            "PostgreSQL",
            size,
            postgres::fill(postgres, &name, &pattern, size, settings.ids),
        )
        .await
    }

    async fn fill_file(&mut self, settings: &Settings, people: &mut People, size: u32) -> Result<(), Failure> {
        let file = self.folder.join(format!("{}.db", filled(size)));
        let pattern = fill::pattern(settings, people, Contestant::Sqlite, &Store::stays(&file)).await?;
        fill::reporting("SQLite", size, async {
            sqlite::fill(&file, &pattern, size, settings.ids)
        })
        .await?;
        self.files.insert(size, file);
        Ok(())
    }
}

fn filled(size: u32) -> String {
    format!("filled_{size}")
}
