use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::Failure;
use crate::contestant::{Case, Contestant};
use crate::load;
use crate::people::People;
use crate::server::Server;
use crate::sessions::Sessions;
use crate::settings::Settings;
use crate::stores::Stores;

/// The syncs that the kernel saw in a run of its own, beside what the server counted.
#[derive(Debug, Clone)]
pub(crate) struct Traced {
    pub(crate) contestant: Contestant,
    pub(crate) clients: usize,
    /// Groups of commits a flow, by the server's own count.
    pub(crate) groups: f64,
    /// Syncs of the write-ahead log a flow.
    pub(crate) log: f64,
    /// Syncs of anything else: the database itself, when the log is folded into it.
    pub(crate) other: f64,
}

/// Whether there is an strace to ask.
pub(crate) fn can_trace() -> bool {
    Command::new("strace")
        .arg("-V")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Counts the syncs of one contestant on SQLite under load, on an empty store.
pub(crate) async fn trace(
    settings: &Settings,
    people: &mut People,
    sessions: &mut Sessions,
    stores: &Stores,
    contestant: Contestant,
    clients: usize,
) -> Result<Traced, Failure> {
    let case = Case {
        who: contestant,
        stored: 0,
        clients,
    };
    people.begin(settings)?;
    let store = stores.get(case).await?;
    sessions.begin(settings, people, case, &store).await?;
    let trace = store.file()?.with_extension("trace");
    let server = Server::start_traced(settings, contestant, &store, &trace).await?;
    let before = count(&trace).await?;
    let sample = load::run(settings, people, &server, stores, case).await?;
    let after = count(&trace).await?;
    server.stop().await?;
    let per_flow = |before: u32, after: u32| f64::from(after - before) / f64::from(sample.flows);
    let (log, other) = (per_flow(before.0, after.0), per_flow(before.1, after.1));
    Ok(Traced {
        contestant,
        clients,
        groups: sample.syncs,
        log,
        other,
    })
}

/// Syncs so far, of the log and of other files.
async fn count(trace: &Path) -> Result<(u32, u32), Failure> {
    // Each line is written when its call ends; this is for the last one.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let text = std::fs::read_to_string(trace).map_err(|error| format!("strace wrote nothing: {error}"))?;
    let (mut log, mut other) = (0, 0);
    // A call that another thread interrupted has a second line, without its argument.
    for line in text.lines().filter(|line| line.contains("sync(")) {
        *(if line.contains("-wal>") { &mut log } else { &mut other }) += 1;
    }
    Ok((log, other))
}
