//! Users in one PostgreSQL (14 or later) that any number of processes share.
//!
//! [`PostgresStore`] is every storage port at once. Nothing that decides anything lives in a process: a revision guards
//! each aggregate, limits are counted under a lock in the database, and rows of the outboxes are claimed with
//! `FOR UPDATE SKIP LOCKED`.
//!
//! What happens where: `options` reads the URL, `tls` and `connect` open one connection, `pool` hands them out and keeps
//! to the time that callers wait; `migrations` keeps the schema; `transaction` writes statements as one, and
//! `commit` the changes of any aggregates; `save`, `clients_repository` and `sign_in_tokens_repository` say which
//! statements for each; `limiter` counts; `signing_keys`, `events`, `sms_outbox` and `instance` keep theirs; `directory`, `search` and
//! `session_directory` answer questions across users; `archive` moves everything out and in; `fragments` are the pieces
//! of SQL that Diesel has no words for; `errors` sorts what goes wrong. Which rows a change writes, and how rows become
//! users, is `phoneproof-store-rows`,
//! which all SQL stores share.

mod archive;
mod clients_repository;
mod commit;
mod connect;
mod directory;
mod errors;
mod events;
mod fragments;
mod health;
mod instance;
mod limiter;
mod migrations;
mod options;
mod pool;
mod save;
mod schema;
mod search;
mod session_directory;
mod sign_in_tokens_repository;
mod signing_keys;
mod sms_outbox;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod tls;
mod transaction;
mod users_repository;

pub use errors::OpenError;
pub use options::{Options, Synchronous};
pub use store::{PostgresStore, Stats};
