//! The HTTP API: parse, ask the use cases, answer. No rule lives here.

mod backup_codes;
mod body;
mod caller;
mod dev;
mod envelope;
mod error;
mod health;
mod json;
mod me;
mod metrics;
mod my_phone_numbers;
mod observe;
mod origin;
mod params;
mod phone_numbers;
mod routes;
mod user_filter;
mod users;

pub(crate) use dev::DevTools;
pub(crate) use metrics::{Access as MetricsAccess, Metrics};
pub(crate) use observe::observe;
pub(crate) use origin::Origins;
pub(crate) use routes::routes;
