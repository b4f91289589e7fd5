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
use crate::codes::Codes;

/// How long a start or a stop may take.
const PATIENCE: Duration = Duration::from_secs(25);

/// One process of a server. It is killed if it was not stopped.
pub(super) struct Process {
    child: Child,
    reader: JoinHandle<()>,
    pub(super) port: u16,
}

impl Process {
    /// Starts `command`, and hands the codes that it prints to whoever waits for them.
    pub(super) async fn start(mut command: Command, codes: Arc<Codes>) -> Result<Self, Failure> {
        // Not on the measured disk: its writes would take part in the syncs.
        let log = Path::new("/dev/shm").join(format!("phoneproof-bench-{}.log", std::process::id()));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?);
        let program = command.get_program().display().to_string();
        let mut child = command
            .spawn()
            .map_err(|error| format!("cannot run {program}: {error}"))?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let mut lines = BufReader::new(pipe::Receiver::from_owned_fd(stdout.into())?);
        let port = timeout(PATIENCE, port(&mut lines)).await.unwrap_or(None);
        let logged = std::fs::read_to_string(&log).unwrap_or_default();
        let _ = std::fs::remove_file(&log);
        let Some(port) = port else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("{program} did not say where it listens: {}", logged.trim_end()).into());
        };
        let reader = tokio::spawn(follow(lines, codes));
        Ok(Self { child, reader, port })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process in good order.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        Command::new("kill").args(["-TERM", &self.id().to_string()]).status()?;
        let start = Instant::now();
        while self.child.try_wait()?.is_none() {
            if start.elapsed() > PATIENCE {
                return Err(format!("process {} does not stop", self.id()).into());
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.reader.abort();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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
