//! What is independent of `TEST_STORE`: no store is involved, or the test names its own. `make test` runs these once, and
//! leaves them out of its run on PostgreSQL.

mod architecture;
mod backup;
mod configuration;
mod faults;
mod openapi;
mod postgres_faults;
mod program;
mod scripts;
mod sqlite_faults;
mod tls;
