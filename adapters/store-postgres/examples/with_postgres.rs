//! Runs a command beside a throw-away PostgreSQL, which is gone afterwards:
//! `cargo run -p phoneproof-store-postgres --features testing --example with_postgres -- cargo test`.
#![expect(clippy::print_stderr, reason = "a program that reports to its user")]

use std::process::{Command, ExitCode};

use phoneproof_store_postgres::testing::{Server, VARIABLE};

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let Some(program) = words.next() else {
        eprintln!("usage: with_postgres COMMAND [ARGUMENT…]");
        return ExitCode::FAILURE;
    };
    let server = Server::start();
    let status = Command::new(&program).args(words).env(VARIABLE, server.url()).status();
    match status {
        Ok(status) => status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .map_or(ExitCode::FAILURE, ExitCode::from),
        Err(error) => {
            eprintln!("with_postgres: {}: {error}", program.display());
            ExitCode::FAILURE
        }
    }
}
