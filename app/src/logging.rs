//! Log lines, to standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::config::{ConfigError, LogFormat, Settings};

/// Over whatever level is configured: below this one the parser quotes headers as the client sent
/// them, and those may hold anything, a phone number too.
const NEVER_QUOTED: &str = "actix_http::h1::decoder=warn";

/// What is logged.
pub(crate) fn filter(settings: &Settings) -> Result<EnvFilter, ConfigError> {
    let filter = EnvFilter::try_new(&settings.log.level).map_err(|error| ConfigError::at("log.level", error))?;
    Ok(filter.add_directive(NEVER_QUOTED.parse().map_err(ConfigError::line)?))
}

/// Starts logging as configured. Lines are written by a thread of their own: a full pipe must not
/// hold up requests. What is still waiting is written when the guard is dropped.
pub(crate) fn start(settings: &Settings) -> Result<tracing_appender::non_blocking::WorkerGuard, ConfigError> {
    let filter = filter(settings)?;
    let (writer, guard) = tracing_appender::non_blocking::NonBlockingBuilder::default()
        .buffered_lines_limit(8_192)
        .lossy(true)
        .finish(std::io::stderr());
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(BoxMakeWriter::new(writer));
    let started = match settings.log.format {
        LogFormat::Text => lines
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    started.map_err(ConfigError::line)?;
    Ok(guard)
}
