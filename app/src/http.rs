//! The HTTP API: parse, ask the use cases, answer. No rule lives here.

mod detached;
mod extract;
mod handlers;
mod observe;
mod present;
mod routes;
mod state;

pub(crate) use extract::back_end_limit::BackEndLimit;
pub(crate) use extract::origin::Origins;
pub(crate) use handlers::back_end_sessions::session_event;
pub(crate) use handlers::dev::DevTools;
pub(crate) use handlers::environment::environment;
pub(crate) use handlers::metrics::{Access as MetricsAccess, Metrics};
pub(crate) use observe::observe;
pub(crate) use present::error::chain;
pub(crate) use present::json::user_event;
pub(crate) use routes::routes;
pub(crate) use state::AppState;
