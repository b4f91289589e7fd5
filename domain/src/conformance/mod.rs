//! What every adapter of a port must do.
//!
//! Each suite is a plain async function `all` over the port; an adapter's tests call it on the real
//! thing. It panics where the adapter breaks its promise. Every case works on ids of its own, so
//! that a suite may run on a store with anything in it, again and again.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a suite fails by panicking, as any test does"
)]

pub mod archive;
pub mod clients;
pub mod clock;
pub mod entropy;
pub mod event_outbox;
mod full;
mod given;
pub mod identity_provider;
pub mod instance_directory;
pub mod limiter;
pub mod password_hasher;
mod races;
pub mod repository;
pub mod signing_keys;
pub mod sms_gateway;
pub mod sms_outbox;
pub mod store_health;
pub mod user_directory;
