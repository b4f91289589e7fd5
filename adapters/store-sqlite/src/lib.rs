//! Users in one SQLite file: durable, fast, nothing to install.
//!
//! [`SqliteStore`] is every storage port at once. Changes go through one thread that commits all
//! that wait as one group ([`Stats`] counts them), reads through a few threads with connections of
//! their own. SQLite itself is compiled in.
//!
//! ```
//! # fn main() -> Result<(), phoneproof_store_sqlite::OpenError> {
//! # let folder = tempfile::tempdir().unwrap();
//! use phoneproof_store_sqlite::{Options, SqliteStore};
//!
//! let store = SqliteStore::open(Options::at(folder.path().join("phoneproof.db")))?;
//! assert_eq!(store.stats().commits, 0);
//! # Ok(())
//! # }
//! ```
//!
//! What happens where: `store` opens, `file` and `connection` say how; `migrations` keeps the
//! schema; `backup` copies it all; `users_repository`, `clients_repository` and `sign_in_tokens_repository` load one
//! aggregate each; `commit` writes changes of any of them by way of `save` (the SQL of users; the other two have
//! theirs), `writer` and `group` (the thread, and `checkpoints`, which empties the log behind it; `threads` ends them);
//! `limiter` counts; `signing_keys`, `events`, `sms_outbox` and `instance` keep theirs; `directory`, `search` and
//! `session_directory` answer questions across users; `archive` moves everything out and in; `errors` sorts what goes
//! wrong. Which rows a change writes, and how rows become users, is `phoneproof-store-rows`, which all SQL stores share.

mod archive;
mod backup;
mod checkpoints;
mod clients_repository;
mod commit;
mod connection;
mod directory;
mod errors;
mod events;
mod file;
mod folded;
mod group;
mod health;
mod instance;
mod kept;
mod limiter;
mod migrations;
mod options;
mod readers;
mod save;
mod schema;
mod search;
mod session_directory;
mod sign_in_tokens_repository;
mod signing_keys;
mod sms_outbox;
mod store;
mod threads;
mod users_repository;
mod writer;
mod written;

pub use backup::BackupError;
pub use errors::OpenError;
pub use options::{Options, Synchronous};
pub use store::SqliteStore;
pub use writer::Stats;
