//! `make bench`: whole verification flows against ours and against yardsticks, in turn.
//!
//! A flow is a user without a number who adds a new one, asks for a code and sends it back: three requests over
//! a keep-alive connection, each answered after its commit is on disk (a real SQLite file with
//! `synchronous=FULL`, a real PostgreSQL with `fsync`). Users come in sessions of ours, which were made before the
//! measurement, or with the tokens of an identity provider, which were signed before it. The contestants take turns, on stores with more or fewer
//! numbers in them and with more or fewer clients, and what is printed is the median of the rounds.
//!
//! The load comes from one thread of this process, which shares the machine's cores with the server;
//! what it costs is printed too. `settings.rs` lists the options.
#![expect(clippy::print_stdout, reason = "a program that reports to its user")]

mod client;
mod codes;
mod contestant;
mod load;
mod machine;
mod people;
mod pgbench;
mod processes;
mod report;
mod sample;
mod server;
mod sessions;
mod settings;
mod startup;
mod statements;
mod stores;
mod syncs;
mod targets;

use std::error::Error;
use std::process::ExitCode;

use tokio::time::Instant;

use crate::contestant::Contestant;
use crate::machine::Machine;
use crate::people::People;
use crate::report::Report;
use crate::sessions::Sessions;
use crate::settings::Settings;
use crate::stores::Stores;

/// Whatever keeps a measurement from being made.
type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(run()));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("flows: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let settings = Settings::read()?;
    if let Some(file) = &settings.trace_statements {
        println!("{}", statements::trace(&settings, file).await?);
        return Ok(());
    }
    let folder = tempfile::tempdir_in(&settings.folder)?;
    let machine = Machine::describe(folder.path())?;
    println!("{}\n{machine}", machine.provenance());
    let mut people = People::new(settings.ids)?;
    let mut sessions = Sessions::default();
    let stores = Stores::prepare(&settings, &mut people, folder.path()).await?;
    let mut report = Report {
        machine,
        postgres: stores.describe().await?,
        method: settings.method(),
        samples: Vec::new(),
        failed: Vec::new(),
        traced: Vec::new(),
        starts: Vec::new(),
    };
    if let Some(postgres) = &report.postgres {
        println!("{postgres}");
    }
    measure(&settings, &mut people, &mut sessions, &stores, &mut report).await?;
    trace(&settings, &mut people, &mut sessions, &stores, &mut report).await?;
    println!("{report}");
    if let Some(file) = &settings.json {
        std::fs::write(file, format!("{:#}\n", report.json()))?;
    }
    if let Some(file) = &settings.markdown {
        std::fs::write(file, report.markdown()?)?;
    }
    Ok(())
}

/// Measures every cell of the matrix once a round, and then the starts.
async fn measure(
    settings: &Settings,
    people: &mut People,
    sessions: &mut Sessions,
    stores: &Stores,
    report: &mut Report,
) -> Result<(), Failure> {
    let start = Instant::now();
    let all = settings.rounds * settings.cases(0).len();
    for round in 0..settings.rounds {
        for case in settings.cases(round) {
            let measured = match case.who {
                Contestant::Pgbench => pgbench::measure(settings, stores, case).await,
                _ => load::measure(settings, people, sessions, stores, case).await,
            };
            let outcome = match &measured {
                Ok(sample) => format!("{:.0} flows/s, {} errors", sample.flows_per_second, sample.errors.len()),
                Err(error) => format!("not measured: {error}"),
            };
            // The others need not be measured again for it; the report tells.
            match measured {
                Ok(sample) => report.samples.push((case, sample)),
                Err(error) => report.failed.push((case, error.to_string())),
            }
            println!(
                "{:>4} of {all}, {:>4.0} s, round {}: {case}: {outcome}",
                report.samples.len() + report.failed.len(),
                start.elapsed().as_secs_f64(),
                round + 1,
            );
        }
    }
    let starting = |who: &&Contestant| who.processes() == 1 && !who.is_in_session();
    for &who in settings.contestants.iter().filter(starting) {
        if settings.starts > 0 {
            report
                .starts
                .push((who, startup::measure(settings, stores, who).await?));
        }
    }
    Ok(())
}

/// Checks once, outside the measurements, that the servers on SQLite count their syncs truly.
async fn trace(
    settings: &Settings,
    people: &mut People,
    sessions: &mut Sessions,
    stores: &Stores,
    report: &mut Report,
) -> Result<(), Failure> {
    if !syncs::can_trace() {
        println!("strace is not installed (apt-get install strace): the servers' own count of syncs was not checked");
        return Ok(());
    }
    for &who in settings.contestants.iter().filter(|who| !who.on_postgres()) {
        for clients in [1, 16] {
            report
                .traced
                .push(syncs::trace(settings, people, sessions, stores, who, clients).await?);
        }
    }
    Ok(())
}
