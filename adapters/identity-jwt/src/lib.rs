//! Users of an outside identity provider, known by its JSON Web Tokens (RFC 7519).
//!
//! [`JwtIdentityProvider`] checks issuer, audience, signature and times of a token, and answers its
//! `sub`. Keys come from a JWKS (RFC 7517): from a URL, fetched when needed; from a file; or fixed.
//!
//! What an attacker controls is never believed: the key fixes the algorithm, not the header; `kid`
//! is looked up in a map; symmetric keys do not exist here, so no public key can be taken for one.

mod claims;
mod keys;
mod options;
mod origin;
mod provider;
mod source;
mod verified;

pub use options::{Algorithm, ConfigError, Options, PhoneNumbers};
pub use provider::JwtIdentityProvider;
