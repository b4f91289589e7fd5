//! The server program: Actix-web, configuration, command line, wiring.
//!
//! The binary `phoneproof` is [`commands::run`]; tests start a [`Server`] on adapters of their own.

pub mod commands;
pub mod config;
mod dev_issuer;
mod dispatcher;
mod drain;
mod events;
mod http;
mod instance_secret;
mod logging;
pub mod openapi;
mod postman;
mod seal;
mod server;
pub mod session_tokens;
pub mod wiring;

pub use dev_issuer::DevIssuer;
pub use server::{Adapters, Server};
