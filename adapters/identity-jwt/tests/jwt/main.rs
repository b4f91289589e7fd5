//! The provider against an issuer that makes its keys at run time.

mod issuer;
mod key_sources;
mod phone_claims;
mod renewal;
mod tokens;
