//! The packages of browser SDKs: found in an npm registry, verified, unpacked in memory, compressed.
//!
//! This crate knows npm: its names for versions ([`Selector`]), its registry ([`Registry`]), its checksums ([`Integrity`])
//! and the form of its tarballs ([`Package`]). Where a package is kept, and who is served what, is not its business.

mod integrity;
mod precompressed;
mod registry;
mod selector;
mod tarball;

pub use integrity::{Integrity, MalformedIntegrity};
pub use precompressed::{Precompressed, precompress};
pub use registry::{MAX_TARBALL, Registry, RegistryError, Release};
pub use selector::{MalformedSelector, Selector};
pub use tarball::{Package, TarballError, is_script};
