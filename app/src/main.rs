//! The program `phoneproof`. Everything is in the library, where tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    phoneproof::commands::run()
}
