//! The command line: one file a subcommand.

mod check_config;
mod dev_token;
mod keys;
mod migrate;
mod sdk;
mod serve;
mod sms;
mod store;
mod store_copy;
mod webhooks;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use phoneproof_sdk_npm::Integrity;

use crate::config::{Config, ConfigError, Overrides, Settings};
use crate::sdk::SdkSpec;

/// Proves who owns a phone number, and uses that number as a second factor.
#[derive(Debug, Parser)]
#[command(name = "phoneproof", version, about)]
struct CommandLine {
    /// Options over the built-in defaults; the environment (`PHONEPROOF__SECTION__KEY`) goes over both.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server (the default).
    Serve(Serve),
    /// Applies pending migrations to the store.
    Migrate,
    /// Says whether the configuration can work, and what it means.
    CheckConfig,
    /// The keys that sign session tokens.
    #[command(subcommand)]
    Keys(Keys),
    /// How texts leave.
    #[command(subcommand)]
    Sms(Sms),
    /// The scripts that Clerk's SDKs load in browsers.
    #[command(subcommand)]
    Sdk(Sdk),
    /// What is kept.
    #[command(subcommand)]
    Store(Store),
    /// What is told to your webhook endpoint.
    #[command(subcommand)]
    Webhooks(Webhooks),
    /// Prints the OpenAPI document, as it is served at /openapi.json.
    Openapi,
    /// Tools for development.
    #[command(subcommand)]
    Dev(Dev),
}

#[derive(Debug, Default, Args)]
struct Serve {
    /// Development, whatever the keys: console SMS, /dev/, dev tokens.
    #[arg(long)]
    dev: bool,
}

#[derive(Debug, Subcommand)]
enum Keys {
    /// Makes a new key, and lets the others retire once nothing they signed is valid any more.
    Rotate {
        /// Sign with it at once, before every back end knows it: for the day a key has leaked.
        #[arg(long)]
        now: bool,
    },
}

#[derive(Debug, Subcommand)]
enum Sms {
    /// Says by which gateways a text to a number would go.
    Route {
        /// The number, for instance `+447400123456`.
        number: String,
    },
    /// Sends a text like any other, with a code that opens nothing. It costs what a text costs.
    Send {
        /// The number.
        #[arg(long, value_name = "NUMBER")]
        to: String,
        /// The language, for instance `de`.
        #[arg(long, value_name = "TAG")]
        locale: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum Sdk {
    /// Puts packages into `sdk.folder`, from the npm registry or from tarballs, once their checksum is right.
    Add(SdkAdd),
}

#[derive(Debug, Args)]
struct SdkAdd {
    /// Each with a version, a major version or a tag, for instance `@clerk/clerk-js@6.40.0 @clerk/ui@1`.
    #[arg(required = true, value_name = "PACKAGE@VERSION")]
    packages: Vec<SdkSpec>,
    /// The tarball of a package, as `npm pack` makes it, instead of the registry's; one for each package, in their order.
    #[arg(long, value_name = "FILE")]
    from: Vec<PathBuf>,
    /// The checksum that the tarball must have, `sha512-…`; one for each package, in their order. Not given: the one built in
    /// for the versions that PhoneProof is tested with, else the registry's.
    #[arg(long, value_name = "CHECKSUM")]
    integrity: Vec<Integrity>,
}

#[derive(Debug, Subcommand)]
enum Store {
    /// Copies an SQLite store into a new file while servers go on writing to it.
    Backup {
        /// The new file.
        file: PathBuf,
    },
    /// Copies an instance from one store into a new one, of the same kind or another. No server may use either meanwhile.
    Copy(StoreCopy),
}

#[derive(Debug, Args)]
struct StoreCopy {
    /// The store to copy, as in `store.url`.
    #[arg(
        long,
        value_name = "URL",
        required_unless_present = "from_env",
        conflicts_with = "from_env"
    )]
    from: Option<String>,
    /// The environment variable that holds its URL: a command line shows a password to everybody on the machine.
    #[arg(long, value_name = "VARIABLE")]
    from_env: Option<String>,
    /// The new store; a copy that broke off goes on.
    #[arg(
        long,
        value_name = "URL",
        required_unless_present = "to_env",
        conflicts_with = "to_env"
    )]
    to: Option<String>,
    /// The environment variable that holds its URL.
    #[arg(long, value_name = "VARIABLE")]
    to_env: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Webhooks {
    /// Tells events again that the endpoint did not take.
    Replay {
        /// Those of the last so many hours.
        #[arg(long, value_name = "HOURS", default_value_t = 24)]
        hours: u64,
        /// Those that it took, too.
        #[arg(long)]
        all: bool,
    },
}

#[derive(Debug, Subcommand)]
enum Dev {
    /// Prints a token that makes its bearer a user of this development instance.
    Token {
        /// The user, for instance `user_demo`.
        #[arg(long, value_name = "ID")]
        user: String,
        /// How long the token is valid, in seconds.
        #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
        lifetime: u64,
    },
}

/// Runs the program and answers its exit code: 0 if all went well, 1 otherwise, 2 for a command
/// line that makes no sense. What went wrong is one line on standard error.
#[must_use]
pub fn run() -> ExitCode {
    let line = CommandLine::parse();
    let outcome = match &line.command {
        None => serve::run(&line, &Serve::default()),
        Some(Command::Serve(serve)) => serve::run(&line, serve),
        Some(Command::Migrate) => migrate::run(&line),
        Some(Command::CheckConfig) => check_config::run(&line),
        Some(Command::Keys(Keys::Rotate { now })) => keys::rotate(&line, *now),
        Some(Command::Sms(Sms::Route { number })) => sms::route(&line, number),
        Some(Command::Sms(Sms::Send { to, locale })) => sms::send(&line, to, locale.as_deref()),
        Some(Command::Sdk(Sdk::Add(add))) => sdk::add(&line, add),
        Some(Command::Store(Store::Backup { file })) => store::backup(&line, file),
        Some(Command::Store(Store::Copy(copy))) => store_copy::run(copy),
        Some(Command::Webhooks(Webhooks::Replay { hours, all })) => webhooks::replay(&line, *hours, *all),
        Some(Command::Openapi) => print(&format!("{:#}\n", crate::openapi::document())),
        Some(Command::Dev(Dev::Token { user, lifetime })) => dev_token::run(&line, user, *lifetime),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be reading; then there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "phoneproof: {error}");
            ExitCode::FAILURE
        }
    }
}

impl CommandLine {
    fn settings(&self, overrides: Overrides) -> Result<Settings, ConfigError> {
        Settings::new(Config::load(self.config.as_deref(), environment())?, overrides)
    }
}

/// The environment, as far as it is text.
fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Runs what waits for something, in a command that does nothing else meanwhile.
fn waited<T>(work: impl Future<Output = Result<T, ConfigError>>) -> Result<T, ConfigError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| ConfigError::line(format!("cannot start: {error}")))?;
    runtime.block_on(work)
}

/// Prints what a command was asked for.
fn print(text: &str) -> Result<(), ConfigError> {
    let mut stdout = std::io::stdout().lock();
    let printed = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    printed.map_err(|error| ConfigError::line(format!("cannot write to standard output: {error}")))
}
