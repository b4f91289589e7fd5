//! The HTTP API: parse, ask the use cases, answer. No rule lives here.

mod detached;
mod extract;
mod handlers;
mod observe;
pub(crate) mod operations;
mod origins;
mod present;
mod state;

pub(crate) use observe::observe;
pub(crate) use operations::routes;
pub(crate) use origins::Origins;
pub(crate) use present::environment::environment;
pub(crate) use present::event_texts::{EventTexts, SMS_CREATED};
pub(crate) use state::AppState;
