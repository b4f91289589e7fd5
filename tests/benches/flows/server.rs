use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::Failure;
use crate::client::Connection;
use crate::codes::Codes;
use crate::people::INSTANCE_SECRET;
use crate::settings::Settings;

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contestant {
    Ours,
    Yardstick,
}

impl Contestant {
    pub(crate) const BOTH: [Self; 2] = [Self::Ours, Self::Yardstick];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Yardstick => "yardstick",
        }
    }

    pub(crate) fn named(name: &str) -> Result<Self, Failure> {
        let found = Self::BOTH.into_iter().find(|contestant| contestant.name() == name);
        found.ok_or_else(|| format!("--only takes ours or yardstick, not {name:?}").into())
    }

    /// The counter of groups of commits in the answer of `/metrics`; each group is one sync.
    const fn groups_counter(self) -> &'static str {
        match self {
            Self::Ours => "phoneproof_store_groups_total ",
            Self::Yardstick => "yardstick_store_groups_total ",
        }
    }
}

/// One server as a process of its own.
pub(crate) struct Server {
    contestant: Contestant,
    child: Child,
    reader: JoinHandle<()>,
    pub(crate) port: u16,
    pub(crate) codes: Arc<Codes>,
}

/// How long a start or a stop may take.
const PATIENCE: Duration = Duration::from_secs(25);

impl Server {
    /// Starts a server on the database in `folder`, which is made if it is missing.
    pub(crate) async fn start(settings: &Settings, contestant: Contestant, folder: &Path) -> Result<Self, Failure> {
        Self::spawn(contestant, folder, Command::new(settings.binary(contestant))).await
    }

    /// The same, with each of its syncs written to `trace` as a line.
    pub(crate) async fn start_traced(
        settings: &Settings,
        contestant: Contestant,
        folder: &Path,
        trace: &Path,
    ) -> Result<Self, Failure> {
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
        Self::spawn(contestant, folder, command).await
    }

    async fn spawn(contestant: Contestant, folder: &Path, mut command: Command) -> Result<Self, Failure> {
        let database = folder.join(format!("{}.db", contestant.name()));
        match contestant {
            Contestant::Ours => {
                for (name, _) in std::env::vars_os() {
                    if name.to_string_lossy().starts_with("PHONEPROOF_") {
                        command.env_remove(name);
                    }
                }
                command
                    .env("PHONEPROOF__SERVER__LISTEN", "127.0.0.1:0")
                    .env("PHONEPROOF__STORE__URL", format!("sqlite://{}", database.display()))
                    .env("PHONEPROOF__STORE__SYNCHRONOUS", "full")
                    .env("PHONEPROOF__INSTANCE__SECRET", INSTANCE_SECRET)
                    .env("PHONEPROOF__LIMITS__ENABLED", "false");
            }
            Contestant::Yardstick => {
                command.arg("0").arg(&database);
            }
        }
        // Not on the measured disk: its writes would take part in the syncs.
        let log = Path::new("/dev/shm").join(format!("phoneproof-bench-{}.log", std::process::id()));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?);
        let mut child = command
            .spawn()
            .map_err(|error| format!("cannot run {}: {error}", command.get_program().display()))?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let mut lines = BufReader::new(pipe::Receiver::from_owned_fd(stdout.into())?);
        let port = timeout(PATIENCE, port(&mut lines)).await.unwrap_or(None);
        let logged = std::fs::read_to_string(&log).unwrap_or_default();
        let _ = std::fs::remove_file(&log);
        let Some(port) = port else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!(
                "{} did not say where it listens: {}",
                contestant.name(),
                logged.trim_end()
            )
            .into());
        };
        let codes = Arc::new(Codes::default());
        let reader = tokio::spawn(follow(lines, Arc::clone(&codes)));
        Ok(Self {
            contestant,
            child,
            reader,
            port,
            codes,
        })
    }

    /// The groups of commits written so far.
    pub(crate) async fn groups(&self) -> Result<u32, Failure> {
        let mut connection = Connection::open(self.port).await?;
        let answer = connection.get("/metrics").await?;
        let counter = answer
            .lines()
            .find_map(|line| line.strip_prefix(self.contestant.groups_counter()));
        let counter = counter.ok_or_else(|| format!("/metrics has no {}", self.contestant.groups_counter()))?;
        Ok(counter.trim().parse()?)
    }

    /// Processor time so far, user and system.
    pub(crate) fn cpu(&self) -> Duration {
        cpu_of(&self.child.id().to_string())
    }

    /// A line of `/proc/PID/status` in bytes: `VmRSS`, or `VmHWM`, the most that it ever was.
    pub(crate) fn memory(&self, line: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let value = status
            .lines()
            .find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
        let kib = value.and_then(|value| value.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kib.unwrap_or_default() * 1024
    }

    /// Ends the server in good order.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()?;
        let start = Instant::now();
        while self.child.try_wait()?.is_none() {
            if start.elapsed() > PATIENCE {
                return Err(format!("{} does not stop", self.contestant.name()).into());
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.reader.abort();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time of a process by its number, or `self`.
pub(crate) fn cpu_of(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // After the name, which may hold blanks: fields 14 and 15, in ticks of 10 ms.
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

type Lines = BufReader<pipe::Receiver>;

/// Reads until the line that says where the server listens.
async fn port(lines: &mut Lines) -> Option<u16> {
    let mut line = String::new();
    loop {
        line.clear();
        if lines.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if let Some((_, address)) = line.split_once("http://127.0.0.1:") {
            let end = address
                .find(|digit: char| !digit.is_ascii_digit())
                .unwrap_or(address.len());
            return address[..end].parse().ok();
        }
    }
}

/// Hands each texted code to whoever waits for it: `sms to=+14155552671 code=123456 …`.
async fn follow(mut lines: Lines, codes: Arc<Codes>) {
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
        if let Some((number, code)) = std::str::from_utf8(&line).ok().and_then(text_message) {
            codes.arrived(number, code);
        }
        line.clear();
    }
}

fn text_message(line: &str) -> Option<(u64, &str)> {
    let (number, rest) = line.strip_prefix("sms to=+")?.split_once(" code=")?;
    Some((number.parse().ok()?, rest.split([' ', '\n']).next()?))
}
