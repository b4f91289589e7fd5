use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Failure;
use crate::server::Contestant;

/// What is measured, and how long.
///
/// From the environment: `BENCH_SECONDS` (a measurement; 3), `BENCH_DROPPED_SECONDS` (of these, not
/// counted; 0.3), `BENCH_ROUNDS` (3), `BENCH_CLIENTS` (`1,16,64`), `BENCH_STARTS` (10), `BENCH_FOLDER`
/// (where the databases are; the folder decides what disk is measured), `PHONEPROOF_BIN`,
/// `YARDSTICK_BIN`. From the command line, after `--`: `--json FILE`, `--only ours|yardstick`.
pub(crate) struct Settings {
    pub(crate) span: Duration,
    pub(crate) dropped: Duration,
    pub(crate) rounds: usize,
    pub(crate) clients: Vec<usize>,
    pub(crate) starts: usize,
    pub(crate) folder: PathBuf,
    pub(crate) contestants: Vec<Contestant>,
    pub(crate) json: Option<PathBuf>,
    ours: PathBuf,
    yardstick: PathBuf,
}

impl Settings {
    pub(crate) fn read() -> Result<Self, Failure> {
        let (mut json, mut only) = (None, None);
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                // Cargo says so to every benchmark.
                "--bench" => {}
                "--json" => json = Some(PathBuf::from(arguments.next().ok_or("--json needs a file")?)),
                "--only" => only = Some(Contestant::named(&arguments.next().unwrap_or_default())?),
                unknown => {
                    return Err(
                        format!("unknown argument {unknown:?}; known: --json FILE, --only ours|yardstick").into(),
                    );
                }
            }
        }
        let clients = text("BENCH_CLIENTS").unwrap_or_else(|| "1,16,64".to_owned());
        let settings = Self {
            span: seconds("BENCH_SECONDS", 3.0)?,
            dropped: seconds("BENCH_DROPPED_SECONDS", 0.3)?,
            rounds: count("BENCH_ROUNDS", 3)?.max(1),
            clients: clients
                .split(',')
                .map(|clients| clients.trim().parse())
                .collect::<Result<_, _>>()?,
            starts: count("BENCH_STARTS", 10)?,
            folder: text("BENCH_FOLDER").map_or_else(std::env::temp_dir, PathBuf::from),
            contestants: only.map_or_else(|| Contestant::BOTH.to_vec(), |only| vec![only]),
            json,
            ours: binary("PHONEPROOF_BIN", "phoneproof"),
            yardstick: text("YARDSTICK_BIN")
                .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_yardstick")), PathBuf::from),
        };
        if settings.dropped >= settings.span {
            return Err("BENCH_SECONDS must be more than BENCH_DROPPED_SECONDS".into());
        }
        for &contestant in &settings.contestants {
            let path = settings.binary(contestant);
            if !path.is_file() {
                return Err(format!(
                    "there is no {}: run `make bench`, or `cargo build --release -p phoneproof`, or set PHONEPROOF_BIN (YARDSTICK_BIN)",
                    path.display()
                )
                .into());
            }
        }
        Ok(settings)
    }

    pub(crate) fn binary(&self, contestant: Contestant) -> &Path {
        match contestant {
            Contestant::Ours => &self.ours,
            Contestant::Yardstick => &self.yardstick,
        }
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

fn seconds(name: &str, default: f64) -> Result<Duration, Failure> {
    let seconds = text(name).map_or(Ok(default), |text| {
        text.parse().map_err(|error| format!("{name}={text:?}: {error}"))
    })?;
    Duration::try_from_secs_f64(seconds).map_err(|error| format!("{name}: {error}").into())
}

/// The program in a folder above this one: `cargo bench` runs from `target/release/deps`.
fn binary(variable: &str, name: &str) -> PathBuf {
    text(variable).map_or_else(
        || {
            let here = std::env::current_exe().unwrap_or_default();
            let found = here
                .ancestors()
                .skip(1)
                .map(|folder| folder.join(name))
                .find(|path| path.is_file());
            found.unwrap_or_else(|| PathBuf::from("target/release").join(name))
        },
        PathBuf::from,
    )
}
