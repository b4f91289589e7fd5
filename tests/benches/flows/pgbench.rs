//! PostgreSQL with our statements and nobody of ours: what the database gives at best on this machine and disk.
//!
//! `pgbench/flow.sql` says what one flow says, in the same transactions and round trips; `pgbench/README.md` tells how it
//! is made. One thread of pgbench stands for our load generator, and each client has a connection of its own.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::Failure;
use crate::contestant::Case;
use crate::load::{Flow, Reading};
use crate::people::{Ids, now};
use crate::processes::{busy, cpu_of};
use crate::sample::Sample;
use crate::settings::Settings;
use crate::stores::Stores;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/flows/pgbench/flow.sql");

/// What our server says on each of its connections.
const SESSION: &str =
    "-c statement_timeout=1500 -c lock_timeout=1500 -c idle_in_transaction_session_timeout=5000 -c jit=off";

/// More flows than any machine does in a millisecond: each measurement takes so many phone numbers for itself.
const FLOWS_PER_MS: u64 = 30;

/// How long all clients may take to connect.
const PATIENCE: Duration = Duration::from_secs(25);

/// Measures the statements of our flows.
pub(crate) async fn measure(settings: &Settings, stores: &Stores, case: Case) -> Result<Sample, Failure> {
    let (store, postgres) = (stores.get(case).await?, stores.postgres()?);
    let syncs = stores.syncs(case.who).await?;
    // Not on the measured disk.
    let folder = tempfile::tempdir_in("/dev/shm")?;
    let (anchor, anchor_ms) = (Instant::now(), now()?);
    let mut running = Running(command(settings, case, &store.url()?, folder.path())?.spawn()?);
    while postgres.busy_connections("pgbench").await? < i64::try_from(case.clients)? {
        if running.0.try_wait()?.is_some() || anchor.elapsed() > PATIENCE {
            return Err(format!("pgbench did not begin: {}", errors(folder.path()).join("; ")).into());
        }
        sleep(Duration::from_millis(10)).await;
    }
    let start = Instant::now();
    let reading = async |at| {
        sleep_until(at).await;
        Reading {
            at: Instant::now(),
            server: Duration::ZERO,
            database: stores.cpu(case.who),
            generator: cpu_of(&running.0.id().to_string()),
            all: busy(),
        }
    };
    let from = reading(start + settings.dropped).await;
    let to = reading(start + settings.span).await;
    if running.0.try_wait()?.is_some() {
        return Err(format!("pgbench ended too early: {}", errors(folder.path()).join("; ")).into());
    }
    while running.0.try_wait()?.is_none() {
        sleep(Duration::from_millis(20)).await;
    }
    let (mut flows, mut failed) = (Vec::new(), errors(folder.path()));
    for line in logged(folder.path())?.lines() {
        match flow(line, anchor, anchor_ms) {
            Some(flow) => flows.push(flow),
            None => failed.push(format!("pgbench: {line}")),
        }
    }
    let mut sample = Sample::new(&flows, failed, &from, &to);
    sample.count_syncs(syncs, stores.syncs(case.who).await?);
    Ok(sample)
}

fn command(settings: &Settings, case: Case, url: &str, folder: &Path) -> Result<Command, Failure> {
    static MEASUREMENTS: AtomicU64 = AtomicU64::new(0);
    let each = u64::try_from(settings.span.as_millis())? * FLOWS_PER_MS;
    let first = MEASUREMENTS.fetch_add(1, Ordering::Relaxed) * each;
    // It counts whole seconds, from before it connects.
    let seconds = settings.span.as_secs_f64().ceil() + 1.0 + f64::from(u32::try_from(case.clients)?.div_ceil(128));
    let mut command = Command::new("pgbench");
    command
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=1", "--log"])
        .arg(format!("--file={SCRIPT}"))
        .arg(format!("--client={}", case.clients))
        .arg(format!("--time={seconds}"))
        .arg(format!("--log-prefix={}", folder.join("flows").display()))
        .arg(format!("--define=clients={}", case.clients))
        .arg(format!("--define=first={first}"))
        .arg(format!("--define=start={}", now()?))
        .arg("--define=flow=0")
        .arg(format!("--define=random_ids={}", u8::from(settings.ids == Ids::Random)))
        .arg(url)
        .env("PGOPTIONS", SESSION)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.join("errors"))?);
    Ok(command)
}

/// It does not outlive us.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What it complained about.
fn errors(folder: &Path) -> Vec<String> {
    let said = std::fs::read_to_string(folder.join("errors")).unwrap_or_default();
    let errors = said.lines().filter(|line| line.contains("rror"));
    errors.map(str::to_owned).collect()
}

/// Its log of transactions, a line each.
fn logged(folder: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_stem().is_some_and(|name| name == "flows") {
            text.push_str(&std::fs::read_to_string(path)?);
        }
    }
    Ok(text)
}

/// `client transaction microseconds script second microsecond`; the third is a word if it failed.
fn flow(line: &str, anchor: Instant, anchor_ms: i64) -> Option<Flow> {
    let mut fields = line.split(' ').skip(2).map(str::parse::<u64>);
    let took = fields.next()?.ok()?;
    let (second, micro) = (fields.nth(1)?.ok()?, fields.next()?.ok()?);
    let since = (second * 1_000_000 + micro).checked_sub(u64::try_from(anchor_ms).ok()? * 1000)?;
    Some(Flow {
        ended: anchor + Duration::from_micros(since),
        took: Duration::from_micros(took),
        requests: None,
    })
}
