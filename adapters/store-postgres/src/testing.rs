//! A throw-away PostgreSQL for tests, and a database of its own for each of them.
//!
//! [`Database::create`] takes the server that `TEST_POSTGRES` names (`make test` starts one for all tests), or
//! starts one for this process. A server listens on a free port of loopback alone, keeps its data in a temporary folder,
//! and is gone with the process that started it, however that ends.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot start its database has failed"
)]

mod database;
mod server;

pub use database::Database;
pub use server::Server;

/// The variable that names a running server: `postgres://postgres@127.0.0.1:5433`, without a database.
pub const VARIABLE: &str = "TEST_POSTGRES";
