mod process;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crate::Failure;
use crate::client::{Connection, Credential};
use crate::codes::Codes;
use crate::contestant::Contestant;
use crate::people::{INSTANCE_SECRET, SECRET_KEY};
use crate::processes::{cpu_of, memory};
use crate::settings::Settings;
use crate::stores::Store;
use process::Process;

/// A contestant that runs: one process or several on one store.
pub(crate) struct Server {
    contestant: Contestant,
    processes: Vec<Process>,
    /// Of all processes, for any of them may send a text that another one queued.
    pub(crate) codes: Arc<Codes>,
}

impl Server {
    /// Starts a server on `store`, whose tables are made if they are missing.
    pub(crate) async fn start(settings: &Settings, contestant: Contestant, store: &Store) -> Result<Self, Failure> {
        Self::spawn(contestant, store, || Command::new(settings.binary(contestant))).await
    }

    /// The same, with each of its syncs written to `trace` as a line.
    pub(crate) async fn start_traced(
        settings: &Settings,
        contestant: Contestant,
        store: &Store,
        trace: &Path,
    ) -> Result<Self, Failure> {
        Self::spawn(contestant, store, || {
            let mut command = Command::new("strace");
            // As a grandchild (-D), so that the child is the server itself; by seccomp, so that only syncs stop it.
            command.args([
                "-D",
                "-f",
                "--seccomp-bpf",
                "-qq",
                "-y",
                "-e",
                "trace=fsync,fdatasync",
                "-o",
            ]);
            command.arg(trace).arg("--").arg(settings.binary(contestant));
            command
        })
        .await
    }

    async fn spawn(contestant: Contestant, store: &Store, program: impl Fn() -> Command) -> Result<Self, Failure> {
        let codes = Arc::new(Codes::default());
        let mut processes = Vec::new();
        for _ in 0..contestant.processes() {
            let mut command = program();
            if contestant.is_ours() {
                configure(&mut command, store)?;
            } else {
                command.arg("0").arg(store.file()?);
            }
            processes.push(Process::start(command, Arc::clone(&codes)).await?);
        }
        Ok(Self {
            contestant,
            processes,
            codes,
        })
    }

    /// Where the `client`th client goes.
    pub(crate) fn port(&self, client: usize) -> u16 {
        self.processes[client % self.processes.len()].port
    }

    /// The groups of commits that were written so far, each of which is one sync; none where the database counts them.
    pub(crate) async fn groups(&self) -> Result<Option<u32>, Failure> {
        let counter = match self.contestant {
            Contestant::SqliteInSession | Contestant::Sqlite => "phoneproof_store_groups_total ",
            Contestant::Yardstick => "yardstick_store_groups_total ",
            Contestant::PostgresInSession | Contestant::Postgres | Contestant::PostgresTwice | Contestant::Pgbench => {
                return Ok(None);
            }
        };
        let mut connection = Connection::open(self.port(0)).await?;
        let answer = connection.get("/metrics", &mut Credential::Nobody).await?;
        let groups = answer.lines().find_map(|line| line.strip_prefix(counter));
        let groups = groups.ok_or_else(|| format!("/metrics has no {counter}"))?;
        Ok(Some(groups.trim().parse()?))
    }

    /// Processor time so far, user and system.
    pub(crate) fn cpu(&self) -> Duration {
        self.processes
            .iter()
            .map(|process| cpu_of(&process.id().to_string()))
            .sum()
    }

    /// Bytes of all processes together, by a line of `/proc/PID/status`.
    pub(crate) fn memory(&self, line: &str) -> u64 {
        self.processes.iter().map(|process| memory(process.id(), line)).sum()
    }

    /// Ends the server in good order.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        for process in self.processes {
            process.stop().await?;
        }
        Ok(())
    }
}

/// Our server's configuration: all defaults but these.
fn configure(command: &mut Command, store: &Store) -> Result<(), Failure> {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PHONEPROOF_") {
            command.env_remove(name);
        }
    }
    command
        .env("PHONEPROOF__SERVER__LISTEN", "127.0.0.1:0")
        .env("PHONEPROOF__STORE__URL", store.url()?)
        .env("PHONEPROOF__STORE__SYNCHRONOUS", "full")
        .env("PHONEPROOF__INSTANCE__SECRET", INSTANCE_SECRET)
        .env("PHONEPROOF__KEYS__SECRET_KEY", SECRET_KEY)
        .env("PHONEPROOF__LIMITS__ENABLED", "false");
    Ok(())
}
