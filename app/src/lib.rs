//! The server program: Actix-web, configuration, command line, wiring.
//!
//! The binary `phoneproof` is [`commands::run`]; tests start a [`Server`] on adapters of their own.

mod back_end_limit;
pub mod commands;
pub mod config;
mod dev_issuer;
mod dev_tools;
mod drain;
mod error_chain;
mod event_dispatcher;
mod http;
mod instance_secret;
mod logging;
mod metrics;
pub mod openapi;
mod sdk;
mod seal;
mod server;
pub mod session_tokens;
mod sms_dispatcher;
mod store_check;
pub mod wiring;

pub use dev_issuer::DevIssuer;
pub use server::{Adapters, Server};
