use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Failure;
use crate::contestant::{Case, Contestant};
use crate::people::Ids;

/// What is measured, and how long.
///
/// From the environment:
///
/// - `BENCH_SECONDS`: a measurement; 3. `BENCH_DROPPED_SECONDS`: of these, not counted; 0.3.
/// - `BENCH_ROUNDS`: how often each cell of the matrix is measured; 3.
/// - `BENCH_CLIENTS`: `1,16,64`. `BENCH_STORED`: users with a verified number that are there before; `0`.
/// - `BENCH_IDS`: what the ids of users are like, `ordered` by time as ours and Clerk's, or `random`; `ordered`.
/// - `BENCH_PAGES`: `new`: the first answer of each flow in a session gives its page the first session token; `loaded`: the
///   page was loaded before the measurement, so no flow has a token signed while it is young enough to be repeated; `new`.
/// - `BENCH_STARTS`: starts that are timed; 10. 0: none.
/// - `BENCH_FOLDER`: where the databases are, which decides what disk is measured; the system's temporary folder.
///   PostgreSQL's own user must be able to enter it.
/// - `PHONEPROOF_BIN`, `YARDSTICK_BIN`: other programs than those beside the benchmark, `target/dist` with `make bench`.
///
/// From the command line, after `--`: `--only sqlite,postgres` (of sqlite-session, sqlite, yardstick,
/// postgres-session, postgres, postgres-2, pgbench), `--json FILE`, `--markdown FILE`, `--trace-statements FILE` (measures nothing; see `pgbench/README.md`).
///
/// A full run (`make bench-full`: 7 contestants, 4 sizes, 4 numbers of clients, 5 rounds of 3 s) is 560 measurements of
/// about 4 s, tokens, starts and connections among them, and about 10 s more where sessions are made, after the stores were
/// filled: plan an hour and 25 GB of disk.
pub(crate) struct Settings {
    pub(crate) span: Duration,
    pub(crate) dropped: Duration,
    pub(crate) rounds: usize,
    pub(crate) clients: Vec<usize>,
    pub(crate) stored: Vec<u32>,
    pub(crate) ids: Ids,
    pub(crate) pages: Pages,
    pub(crate) starts: usize,
    pub(crate) folder: PathBuf,
    pub(crate) contestants: Vec<Contestant>,
    pub(crate) json: Option<PathBuf>,
    pub(crate) markdown: Option<PathBuf>,
    pub(crate) trace_statements: Option<PathBuf>,
    ours: PathBuf,
    yardstick: PathBuf,
}

/// Whether the page of a user in a session has a session token when the flow begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pages {
    New,
    Loaded,
}

/// What may stand after `--`.
#[derive(Default)]
struct Arguments {
    json: Option<PathBuf>,
    markdown: Option<PathBuf>,
    only: Option<Vec<Contestant>>,
    trace_statements: Option<PathBuf>,
}

impl Settings {
    pub(crate) fn read() -> Result<Self, Failure> {
        let arguments = Arguments::read(std::env::args().skip(1))?;
        let settings = Self {
            span: seconds("BENCH_SECONDS", 3.0)?,
            dropped: seconds("BENCH_DROPPED_SECONDS", 0.3)?,
            rounds: count("BENCH_ROUNDS", 3)?.max(1),
            clients: list("BENCH_CLIENTS", "1,16,64")?,
            stored: list("BENCH_STORED", "0")?,
            ids: match text("BENCH_IDS").as_deref() {
                None | Some("ordered") => Ids::Ordered,
                Some("random") => Ids::Random,
                Some(unknown) => return Err(format!("BENCH_IDS={unknown:?}: neither `ordered` nor `random`").into()),
            },
            pages: match text("BENCH_PAGES").as_deref() {
                None | Some("new") => Pages::New,
                Some("loaded") => Pages::Loaded,
                Some(unknown) => return Err(format!("BENCH_PAGES={unknown:?}: neither `new` nor `loaded`").into()),
            },
            starts: count("BENCH_STARTS", 10)?,
            folder: text("BENCH_FOLDER").map_or_else(std::env::temp_dir, PathBuf::from),
            contestants: arguments.only.unwrap_or_else(|| Contestant::ALL.to_vec()),
            json: arguments.json,
            markdown: arguments.markdown,
            trace_statements: arguments.trace_statements,
            ours: binary("PHONEPROOF_BIN", "phoneproof"),
            yardstick: text("YARDSTICK_BIN")
                .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_yardstick")), PathBuf::from),
        };
        if settings.dropped >= settings.span {
            return Err("BENCH_SECONDS must be more than BENCH_DROPPED_SECONDS".into());
        }
        for path in [&settings.ours, &settings.yardstick] {
            if !path.is_file() {
                return Err(format!(
                    "there is no {}: run `make bench`, or set PHONEPROOF_BIN (YARDSTICK_BIN)",
                    path.display()
                )
                .into());
            }
        }
        Ok(settings)
    }

    /// The program of whoever serves.
    pub(crate) fn binary(&self, contestant: Contestant) -> &Path {
        if contestant.is_ours() {
            &self.ours
        } else {
            &self.yardstick
        }
    }

    /// For the report.
    pub(crate) fn method(&self) -> String {
        let (rounds, span) = (self.rounds, self.span.as_secs_f64());
        let ids = match self.ids {
            Ids::Ordered => "ordered by time",
            Ids::Random => "random",
        };
        let pages = match self.pages {
            Pages::New => "each flow in a session signs one token",
            Pages::Loaded => "pages of sessions are loaded before",
        };
        format!("medians of {rounds} round(s) of {span} s; ids of users are {ids}; {pages}")
    }

    /// What is measured in a round, in its order: who is compared takes turns, first ones in every second round last.
    pub(crate) fn cases(&self, round: usize) -> Vec<Case> {
        let mut contestants = self.contestants.clone();
        if !round.is_multiple_of(2) {
            contestants.reverse();
        }
        let mut cases = Vec::new();
        for &stored in &self.stored {
            for &clients in &self.clients {
                cases.extend(contestants.iter().map(|&who| Case { who, stored, clients }));
            }
        }
        cases
    }
}

impl Arguments {
    fn read(mut given: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut arguments = Self::default();
        while let Some(argument) = given.next() {
            let mut value = || given.next().ok_or_else(|| format!("{argument} needs a value"));
            match argument.as_str() {
                // Cargo says so to every benchmark.
                "--bench" => {}
                "--json" => arguments.json = Some(value()?.into()),
                "--markdown" => arguments.markdown = Some(value()?.into()),
                "--only" => arguments.only = Some(Contestant::list(&value()?)?),
                "--trace-statements" => arguments.trace_statements = Some(value()?.into()),
                unknown => {
                    return Err(format!(
                        "unknown argument {unknown:?}; known: --only LIST, --json FILE, --markdown FILE, --trace-statements FILE"
                    )
                    .into());
                }
            }
        }
        Ok(arguments)
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark has no configuration file")]
fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn count(name: &str, default: usize) -> Result<usize, Failure> {
    text(name).map_or(Ok(default), |text| {
        text.parse().map_err(|error| format!("{name}={text:?}: {error}").into())
    })
}

fn list<T: std::str::FromStr<Err = std::num::ParseIntError>>(name: &str, default: &str) -> Result<Vec<T>, Failure> {
    let text = text(name).unwrap_or_else(|| default.to_owned());
    let numbers = text.split(',').map(|number| number.trim().parse());
    let numbers: Result<_, std::num::ParseIntError> = numbers.collect();
    numbers.map_err(|error| format!("{name}={text:?}: {error}").into())
}

fn seconds(name: &str, default: f64) -> Result<Duration, Failure> {
    let seconds = text(name).map_or(Ok(default), |text| {
        text.parse().map_err(|error| format!("{name}={text:?}: {error}"))
    })?;
    Duration::try_from_secs_f64(seconds).map_err(|error| format!("{name}: {error}").into())
}

/// The program in a folder above this one: `cargo bench --profile dist` runs from `target/dist/deps`.
fn binary(variable: &str, name: &str) -> PathBuf {
    text(variable).map_or_else(
        || {
            let here = std::env::current_exe().unwrap_or_default();
            let found = here
                .ancestors()
                .skip(1)
                .map(|folder| folder.join(name))
                .find(|path| path.is_file());
            found.unwrap_or_else(|| PathBuf::from("target/dist").join(name))
        },
        PathBuf::from,
    )
}
