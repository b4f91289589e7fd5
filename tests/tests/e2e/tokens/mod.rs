//! Who a caller is: development tokens, and those of an outside identity provider.

mod development;
mod issuer;
mod linked;
mod outside;
