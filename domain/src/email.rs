//! Where a user is told of changes, besides the phone.

use std::fmt;
use std::str::FromStr;

/// An e-mail address, as far as it can be judged without sending to it: `local@domain`, at most 254 characters (RFC 5321
/// §4.5.3.1.3), none of them blank or control.
///
/// ```
/// # use phoneproof_domain::EmailAddress;
/// assert!("ada@example.com".parse::<EmailAddress>().is_ok());
/// assert!("ada@example.com\r\nBcc: eve@example.com".parse::<EmailAddress>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

/// The text is no e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address")]
pub struct MalformedEmail;

impl EmailAddress {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for EmailAddress {
    type Err = MalformedEmail;

    fn from_str(text: &str) -> Result<Self, MalformedEmail> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(MalformedEmail)?;
        let clean = |char: char| !char.is_whitespace() && !char.is_control() && !"<>,;:\"()[]\\".contains(char);
        let fits = text.len() <= 254
            && (1..=64).contains(&local.len())
            && !local.contains('@')
            && domain.contains('.')
            && !domain.starts_with('.')
            && !domain.ends_with('.')
            && text.chars().all(clean);
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(MalformedEmail)
        }
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Never whole in a log.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(…)")
    }
}
