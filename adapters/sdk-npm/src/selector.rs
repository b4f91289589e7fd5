use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use semver::Version;

/// The tag of the newest release that is no prerelease.
const LATEST: &str = "latest";
/// The longest text that is read as a version.
const LONGEST: usize = 128;

/// What stands after the `@` in the address of a script: which version is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// `6`: the newest release of this major version.
    Major(u64),
    /// `6.40.0`, `6.41.0-canary.v20261130`: this version.
    Exact(Version),
    /// `latest`, `canary`: the version that the registry has under this tag.
    Tag(String),
}

/// The text is neither a major version, nor a version, nor a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither a version (6.40.0), nor a major version (6), nor a tag (latest)")]
pub struct MalformedSelector;

impl Selector {
    /// Whether this version may be meant. Which versions a tag once had is unknown without the registry; by convention a
    /// prerelease names its tag first, and `latest` is none.
    #[must_use]
    pub fn matches(&self, version: &Version) -> bool {
        match self {
            Self::Major(major) => version.major == *major && version.pre.is_empty(),
            Self::Exact(exact) => version == exact,
            Self::Tag(tag) if tag == LATEST => version.pre.is_empty(),
            Self::Tag(tag) => version.pre.split('.').next() == Some(tag),
        }
    }

    /// The newest of the versions that may be meant.
    pub fn newest<V: Borrow<Version> + Ord>(&self, versions: impl Iterator<Item = V>) -> Option<V> {
        versions.filter(|version| self.matches(version.borrow())).max()
    }
}

impl FromStr for Selector {
    type Err = MalformedSelector;

    fn from_str(text: &str) -> Result<Self, MalformedSelector> {
        if text.len() > LONGEST {
            return Err(MalformedSelector);
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let major = text.parse().ok().filter(|major: &u64| major.to_string() == text);
            return major.map(Self::Major).ok_or(MalformedSelector);
        }
        match Version::parse(text) {
            // npm drops build metadata: no published version has any.
            Ok(version) if version.build.is_empty() => Ok(Self::Exact(version)),
            Err(_) if is_tag(text) => Ok(Self::Tag(text.to_owned())),
            Ok(_) | Err(_) => Err(MalformedSelector),
        }
    }
}

/// Tags that begin with a digit look like versions; npm refuses those that are.
fn is_tag(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Major(major) => major.fmt(f),
            Self::Exact(version) => version.fmt(f),
            Self::Tag(tag) => tag.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn each_form_is_read_and_written() {
        for (text, read) in [
            ("6", Selector::Major(6)),
            ("6.40.0", Selector::Exact(version("6.40.0"))),
            ("6.41.0-canary.v1", Selector::Exact(version("6.41.0-canary.v1"))),
            ("canary", Selector::Tag("canary".to_owned())),
        ] {
            assert_eq!(text.parse(), Ok(read.clone()), "{text}");
            assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_version_is_refused() {
        let long = "6".repeat(300);
        for text in [
            "",
            "6.40",
            "06",
            "^6",
            "6.x",
            "6.40.0+build",
            "..",
            "../6",
            "6/7",
            "canary/..",
            "can%61ry",
            "6\0",
            "a b",
            "é",
            &long,
        ] {
            assert_eq!(text.parse::<Selector>(), Err(MalformedSelector), "{text:?}");
        }
    }

    #[test]
    fn the_newest_by_number_is_meant_and_no_prerelease_unless_it_is_asked_for() {
        let versions: Vec<Version> = [
            "6.9.0",
            "6.40.0",
            "6.41.0-canary.v2",
            "6.41.0-canary.v1",
            "7.0.0-beta.1",
            "5.1.0",
        ]
        .into_iter()
        .map(version)
        .collect();
        for (text, newest) in [
            ("6", Some("6.40.0")),
            ("5", Some("5.1.0")),
            ("7", None),
            ("6.9.0", Some("6.9.0")),
            ("6.9.1", None),
            ("latest", Some("6.40.0")),
            ("canary", Some("6.41.0-canary.v2")),
            ("snapshot", None),
        ] {
            let selector: Selector = text.parse().unwrap();
            let found = selector.newest(versions.iter()).map(ToString::to_string);
            assert_eq!(found.as_deref(), newest, "{text}");
        }
    }
}
