use std::fmt;
use std::str::FromStr;

use phoneproof_sdk_npm::{Integrity, Selector};
use semver::Version;

/// A package whose scripts browsers load. Other packages are for bundlers, and never asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SdkPackage {
    /// The client.
    ClerkJs,
    /// The prebuilt components.
    Ui,
}

/// The tarballs of the versions that the tests drive: they are verified whatever a registry says.
const PINNED: &[(SdkPackage, &str, &str)] = &[
    (
        SdkPackage::ClerkJs,
        "6.40.0",
        "sha512-2MnZ/ygvuCmeuqfXQmsxfQaLN/SSJvQbtT2cLXbgr5VKr3KmZFZBVvX977fG3eZ6pprl4J9pO+I2bbe6BvColg==",
    ),
    (
        SdkPackage::Ui,
        "1.36.0",
        "sha512-uI96zYCh5jISLOt1mdpIPy/Y31P0kwFxjUFOxLUwFfTHFmGUcRjbqN6bbb+75tdI2Bz6ARGws3rhspDer+xIfQ==",
    ),
];

impl SdkPackage {
    const ALL: [Self; 2] = [Self::ClerkJs, Self::Ui];

    /// Its name on npm.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ClerkJs => "@clerk/clerk-js",
            Self::Ui => "@clerk/ui",
        }
    }

    /// The package of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|package| package.name() == name)
    }

    /// The checksum of the tarball of this version, if it is one that the tests drive.
    pub(crate) fn pinned(self, version: &Version) -> Option<Integrity> {
        let version = version.to_string();
        let pinned = PINNED.iter().find(|pin| (pin.0, pin.1) == (self, version.as_str()));
        pinned.and_then(|(_, _, integrity)| integrity.parse().ok())
    }
}

impl fmt::Display for SdkPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A package and which version of it: `@clerk/clerk-js@6.40.0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SdkSpec {
    pub(crate) package: SdkPackage,
    pub(crate) selector: Selector,
}

impl FromStr for SdkSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, version) = match text.rsplit_once('@') {
            Some((name, version)) if !name.is_empty() => (name, version),
            _ => return Err("no version; write @clerk/clerk-js@6.40.0".to_owned()),
        };
        let package = SdkPackage::named(name).ok_or("browsers load scripts of @clerk/clerk-js and @clerk/ui alone")?;
        let selector = version.parse().map_err(|error| format!("{version:?} is {error}"))?;
        Ok(Self { package, selector })
    }
}

impl fmt::Display for SdkSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.package, self.selector)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::Value;

    #[test]
    fn a_package_is_named_with_its_version() {
        for text in ["@clerk/clerk-js@6.40.0", "@clerk/ui@1", "@clerk/ui@canary"] {
            assert_eq!(text.parse::<SdkSpec>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "@clerk/ui",
            "@clerk/ui@",
            "clerk-js@6",
            "@clerk/react@6",
            "@clerk/ui@../1",
            "@clerk/ui@^1",
        ] {
            assert!(text.parse::<SdkSpec>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_the_tests_drive_is_pinned() {
        let lock = include_str!("../../../tests/browser/package-lock.json");
        let lock: Value = serde_json::from_str(lock).unwrap();
        for package in SdkPackage::ALL {
            let locked = &lock["packages"][format!("node_modules/{package}")];
            let version = Version::parse(locked["version"].as_str().unwrap()).unwrap();
            let pinned = package.pinned(&version).map(|integrity| integrity.to_string());
            assert_eq!(pinned.as_deref(), locked["integrity"].as_str(), "{package} {version}");
        }
        assert_eq!(SdkPackage::Ui.pinned(&Version::new(6, 40, 0)), None);
    }
}
