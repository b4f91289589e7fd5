//! The provider against an issuer that makes its keys at run time.

mod issuer;
mod key_sources;
mod renewal;
mod tokens;
