mod progress;
mod report;

use std::error::Error;

use phoneproof_domain::use_cases::{Compared, CopyError, copy_store};

use super::{StoreCopy, environment, print};
use crate::config::ConfigError;
use crate::wiring::{self, End};

use progress::Progress;

/// Moves a whole instance, or goes on with it, and prints what both stores have in the end.
pub(super) fn run(copy: &StoreCopy) -> Result<(), ConfigError> {
    let from = url(End::Source, copy.from.as_ref(), copy.from_env.as_deref())?;
    let to = url(End::Target, copy.to.as_ref(), copy.to_env.as_deref())?;
    // One thread drives the connection that reads while the other one prepares what is written.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| ConfigError::line(format!("cannot start: {error}")))?;
    runtime.block_on(async {
        let source = wiring::archive(&from, End::Source).await?;
        let target = wiring::archive(&to, End::Target).await?;
        let progress = Progress::start(wiring::clock());
        let copied = copy_store(&*source, &*target, &|advance| progress.tell(advance)).await;
        progress.end();
        let compared = copied.map_err(|error| problem(&error))?;
        // A store that is closed has everything on the disk: not before then may anybody delete the source.
        let place = target.place();
        drop((source, target));
        print(&report::table(&compared))?;
        print(&progress.summary())?;
        conclude(&compared, &place)
    })
}

/// The URL of one end. It is never printed: there may be a password in it.
fn url(end: End, given: Option<&String>, variable: Option<&str>) -> Result<String, ConfigError> {
    if let Some(url) = given {
        return Ok(url.clone());
    }
    let name = variable.unwrap_or_default();
    let found = environment().remove(name).filter(|url| !url.is_empty());
    found.ok_or_else(|| ConfigError::at(&format!("{}-env", end.option()), format!("{name} is not set")))
}

fn conclude(compared: &[Compared], target: &str) -> Result<(), ConfigError> {
    let different: Vec<&str> = compared
        .iter()
        .filter(|one| !one.is_equal())
        .map(|one| one.part.as_str())
        .collect();
    if different.is_empty() {
        return print(&format!(
            "All parts are equal, and {target} may serve. Give its servers the instance secret of the old ones: it is in no \
             store.\n"
        ));
    }
    Err(ConfigError::line(format!(
        "the stores differ in {}: something has written to one of them meanwhile; stop it, and copy into a new store ({target} \
         will not serve)",
        different.join(", ")
    )))
}

/// An error with its causes, in one line.
fn problem(error: &CopyError) -> ConfigError {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    if matches!(error, CopyError::Source(_) | CopyError::Target(_)) {
        text.push_str(" (what is written stays; run the same command again to go on)");
    }
    ConfigError::line(text)
}
