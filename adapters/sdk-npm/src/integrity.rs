use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha512};

/// The checksum of a tarball as npm writes it: `sha512-` and the base64 of a SHA-512 (Subresource Integrity).
///
/// The standard also has SHA-256 and SHA-384; npm's registry gives SHA-512, and one algorithm leaves nothing to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integrity([u8; 64]);

/// The text is no `sha512-…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not \"sha512-\" and the base64 of 64 bytes")]
pub struct MalformedIntegrity;

impl Integrity {
    /// The checksum of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha512::digest(bytes).into())
    }
}

impl FromStr for Integrity {
    type Err = MalformedIntegrity;

    fn from_str(text: &str) -> Result<Self, MalformedIntegrity> {
        let encoded = text.trim().strip_prefix("sha512-").ok_or(MalformedIntegrity)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| MalformedIntegrity)?;
        bytes.try_into().map(Self).map_err(|_| MalformedIntegrity)
    }
}

impl fmt::Display for Integrity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha512-{}", STANDARD.encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of FIPS 180-2, appendix C.1.
    const ABC: &str = "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==";

    #[test]
    fn it_is_read_and_written_as_npm_does() {
        assert_eq!(Integrity::of(b"abc").to_string(), ABC);
        assert_eq!(ABC.parse(), Ok(Integrity::of(b"abc")));
        assert_ne!(ABC.parse(), Ok(Integrity::of(b"abd")));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "sha512-",
            "sha512-YWJj",
            "sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0=",
            &ABC[7..],
            "sha512-!",
        ] {
            assert_eq!(text.parse::<Integrity>(), Err(MalformedIntegrity), "{text:?}");
        }
    }
}
