//! `make bench`: whole verification flows against ours and against the yardstick, in turn.
//!
//! A flow is a new user who adds a new number, asks for a code and sends it back: three requests over
//! a keep-alive connection, each answered after its commit is on disk (a real SQLite file,
//! `synchronous=FULL`). Each measurement starts a server on a file of its own; ours and the yardstick
//! take turns, and what is printed is the median of the rounds.
//!
//! The load comes from one thread of this process, which shares the machine's cores with the server;
//! what it costs is printed too. `settings.rs` lists the options.
#![expect(clippy::print_stdout, reason = "a program that reports to its user")]

mod client;
mod codes;
mod load;
mod machine;
mod people;
mod report;
mod sample;
mod server;
mod settings;
mod startup;
mod syncs;
mod targets;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use crate::machine::Machine;
use crate::people::People;
use crate::report::Report;
use crate::server::Contestant;
use crate::settings::Settings;

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
    let folder = tempfile::tempdir_in(&settings.folder)?;
    let machine = Machine::describe(folder.path())?;
    println!("{machine}");
    let mut report = Report {
        machine,
        samples: Vec::new(),
        traced: Vec::new(),
        starts: Vec::new(),
    };
    let mut people = People::new()?;

    for round in 0..settings.rounds {
        for &clients in &settings.clients {
            for who in in_turn(&settings, round) {
                let folder = tempfile::tempdir_in(folder.path())?;
                let sample = load::measure(&settings, &mut people, who, clients, folder.path()).await?;
                println!(
                    "round {}, {clients} client(s), {}: {:.0} flows/s, {} errors",
                    round + 1,
                    who.name(),
                    sample.flows_per_second,
                    sample.errors.len()
                );
                report.samples.push((who, clients, sample));
                // The last database of all stays for the starts.
                if settings.starts > 0 && round + 1 == settings.rounds && Some(&clients) == settings.clients.last() {
                    report
                        .starts
                        .push((who, startup::measure(&settings, who, folder.path()).await?));
                }
            }
        }
    }
    trace(&settings, &mut people, &mut report, folder.path()).await?;
    println!("{report}");
    if let Some(file) = &settings.json {
        std::fs::write(file, format!("{:#}\n", report.json()))?;
    }
    Ok(())
}

/// The contestants, the other one first in every second round.
fn in_turn(settings: &Settings, round: usize) -> Vec<Contestant> {
    let mut contestants = settings.contestants.clone();
    if !round.is_multiple_of(2) {
        contestants.reverse();
    }
    contestants
}

/// Checks once, outside the measurements, that the servers count their syncs truly.
async fn trace(settings: &Settings, people: &mut People, report: &mut Report, folder: &Path) -> Result<(), Failure> {
    if !syncs::can_trace() {
        println!("strace is not installed (apt-get install strace): the servers' own count of syncs was not checked");
        return Ok(());
    }
    for &who in &settings.contestants {
        for clients in [1, 16] {
            let folder = tempfile::tempdir_in(folder)?;
            report
                .traced
                .push(syncs::trace(settings, people, who, clients, folder.path()).await?);
        }
    }
    Ok(())
}
