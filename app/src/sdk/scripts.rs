use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use actix_web::http::header::EntityTag;
use actix_web::web::Bytes;
use aws_lc_rs::digest::{SHA256, digest};
use phoneproof_sdk_npm::{Selector, is_script};
use semver::Version;
use url::Url;

use crate::config::{ConfigError, SdkSettings};
use crate::error_chain::chain;
use crate::sdk::folder::{SdkFolder, Unreadable, files};
use crate::sdk::package::{SdkPackage, SdkSpec};

/// The script files that the server has, read once at its start, and where browsers are sent for others.
///
/// They are held in memory: some 22 MB for one version of both packages. A request then opens no file, so no path leads
/// out of the folder, and each answer is of the state that its `ETag` was computed from.
#[derive(Debug, Default)]
pub(crate) struct Scripts {
    packages: BTreeMap<(SdkPackage, Version), BTreeMap<String, Script>>,
    cdn: Option<Url>,
    has_folder: bool,
}

/// How the bytes of an answer are coded (RFC 9110 §8.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
    Brotli,
}

/// One script, in each form that it is here in.
#[derive(Debug)]
pub(crate) struct Script {
    plain: Form,
    gzip: Option<Form>,
    brotli: Option<Form>,
}

/// The bytes of a form, and what names them.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) content: Bytes,
    pub(crate) etag: EntityTag,
}

/// What answers the address of a script.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    /// A script that is here.
    Here {
        script: &'a Script,
        /// Whether the address names one version, of which nothing ever changes.
        exact: bool,
    },
    /// The same script on the CDN.
    Elsewhere(String),
}

/// Why there is no script, in words for whoever asks. None of them repeats what was asked for unless it was understood; what
/// is logged is its [kind](Self::kind).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScriptMissing {
    #[error("Browsers load scripts of @clerk/clerk-js and @clerk/ui alone; there is no other package here.")]
    Package,
    #[error("The address has no version: write a version (6.40.0), a major version (6) or a tag after the @.")]
    Version,
    #[error("The address names no script: those of a package are dist/<name>.js.")]
    Name,
    #[error("{0} {1} has no script dist/{2}.")]
    Script(SdkPackage, Version, String),
    #[error(
        "PhoneProof has no {0} to serve: {1}run `phoneproof sdk add {0}` and restart the server, or set sdk.cdn to a CDN \
         of npm packages, such as https://cdn.jsdelivr.net/npm."
    )]
    NotAdded(SdkSpec, Added),
}

/// What the server has of a package whose version it lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// Nothing, nor a place for it.
    NoFolder,
    /// Nothing.
    Nothing,
    /// Other versions.
    Others,
}

impl fmt::Display for Added {
    /// What comes before the package can be added.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoFolder => "set sdk.folder, ",
            Self::Nothing | Self::Others => "",
        })
    }
}

impl ScriptMissing {
    /// Whether the server can serve no script of the package at all, whichever is asked for.
    pub(crate) fn is_all_of_package(&self) -> bool {
        matches!(self, Self::NotAdded(_, Added::NoFolder | Added::Nothing))
    }

    /// What is missing, and of which package, without the words of the address: a path may hold anything, a phone number
    /// too.
    pub(crate) fn kind(&self) -> String {
        match self {
            Self::Package => "another package than the SDKs'".to_owned(),
            Self::Version => "no version in the address".to_owned(),
            Self::Name => "no script in the address".to_owned(),
            Self::Script(package, ..) => format!("a script that {package} does not have"),
            Self::NotAdded(SdkSpec { package, .. }, Added::Others) => format!("another version of {package}"),
            Self::NotAdded(SdkSpec { package, .. }, _) => format!("{package}, of which nothing is here"),
        }
    }
}

impl Scripts {
    /// Reads the configured folder.
    ///
    /// # Errors
    /// [`ConfigError`] if it cannot be read.
    pub(crate) fn open(settings: &SdkSettings) -> Result<Self, ConfigError> {
        let mut scripts = Self {
            packages: BTreeMap::new(),
            cdn: settings.cdn.clone(),
            has_folder: settings.folder.is_some(),
        };
        if let Some(root) = &settings.folder {
            let unreadable = |error: Unreadable| ConfigError::at("sdk.folder", chain(&error));
            for (named, folder) in SdkFolder::new(root).packages().map_err(unreadable)? {
                let read = read(&folder.join("dist")).map_err(unreadable)?;
                // One without a script would only keep browsers from the CDN.
                if !read.is_empty() {
                    scripts.packages.insert(named, read);
                }
            }
        }
        Ok(scripts)
    }

    /// The packages that are here, with their versions.
    pub(crate) fn packages(&self) -> impl Iterator<Item = &(SdkPackage, Version)> {
        self.packages.keys()
    }

    /// Where browsers are sent for what is not here.
    pub(crate) fn cdn(&self) -> Option<&Url> {
        self.cdn.as_ref()
    }

    /// What answers `/npm/@clerk/<package>@<version>/dist/<file>`.
    ///
    /// # Errors
    /// [`ScriptMissing`] if nothing does.
    pub(crate) fn find(&self, package: &str, version: &str, file: &str) -> Result<Found<'_>, ScriptMissing> {
        let package = SdkPackage::named(&format!("@clerk/{package}")).ok_or(ScriptMissing::Package)?;
        let selector: Selector = version.parse().map_err(|_| ScriptMissing::Version)?;
        // What is redirected to a CDN is no more than that either.
        if !is_script(file) {
            return Err(ScriptMissing::Name);
        }
        let versions = || self.packages.keys().filter(|(known, _)| *known == package);
        if let Some(version) = selector.newest(versions().map(|(_, version)| version)) {
            let version = version.clone();
            let missing = || ScriptMissing::Script(package, version.clone(), file.to_owned());
            let scripts = self.packages.get(&(package, version.clone()));
            let script = scripts.and_then(|scripts| scripts.get(file)).ok_or_else(missing)?;
            let exact = matches!(selector, Selector::Exact(_));
            return Ok(Found::Here { script, exact });
        }
        let Some(cdn) = &self.cdn else {
            let added = match versions().next() {
                Some(_) => Added::Others,
                None if self.has_folder => Added::Nothing,
                None => Added::NoFolder,
            };
            return Err(ScriptMissing::NotAdded(SdkSpec { package, selector }, added));
        };
        let base = cdn.as_str().trim_end_matches('/');
        Ok(Found::Elsewhere(format!("{base}/{package}@{selector}/dist/{file}")))
    }
}

impl Script {
    /// The codings that it is here in, the shortest first.
    pub(crate) fn codings(&self) -> impl Iterator<Item = Coding> {
        let compressed = [(Coding::Brotli, &self.brotli), (Coding::Gzip, &self.gzip)];
        let compressed = compressed.into_iter().filter(|(_, form)| form.is_some());
        compressed.map(|(coding, _)| coding).chain([Coding::Identity])
    }

    /// The form in this coding; as it is where there is none.
    pub(crate) fn form(&self, coding: Coding) -> &Form {
        let form = match coding {
            Coding::Identity => None,
            Coding::Gzip => self.gzip.as_ref(),
            Coding::Brotli => self.brotli.as_ref(),
        };
        form.unwrap_or(&self.plain)
    }
}

/// The scripts of a `dist` folder.
fn read(dist: &Path) -> Result<BTreeMap<String, Script>, Unreadable> {
    let mut contents = BTreeMap::new();
    for path in files(dist)? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let stem = name
            .strip_suffix(".gz")
            .or_else(|| name.strip_suffix(".br"))
            .unwrap_or(name);
        if is_script(stem) {
            let content = std::fs::read(&path).map_err(Unreadable::at(&path))?;
            contents.insert(name.to_owned(), Bytes::from(content));
        }
    }
    let scripts = contents.iter().filter(|(name, _)| is_script(name));
    let scripts = scripts.map(|(name, plain)| {
        // A strong tag names bytes, so each coding has its own (RFC 9110 §8.8.3.3).
        let form = |content: &Bytes, suffix: &str| Form {
            content: content.clone(),
            etag: EntityTag::new_strong(format!("{}{suffix}", fingerprint(content))),
        };
        let coded = |suffix: &str| {
            contents
                .get(&format!("{name}.{suffix}"))
                .map(|content| form(content, suffix))
        };
        let script = Script {
            plain: form(plain, ""),
            gzip: coded("gz"),
            brotli: coded("br"),
        };
        (name.clone(), script)
    });
    Ok(scripts.collect())
}

/// 64 bits of a hash in hexadecimal: for telling versions of one file apart, not for proving anything.
fn fingerprint(content: &[u8]) -> String {
    let hash = digest(&SHA256, content);
    let first = hash.as_ref().iter().take(8);
    let first = first.fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{first:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_logged_of_a_missing_script_repeats_nothing_of_its_address() {
        const NUMBER: &str = "14155550100";
        let named = (SdkPackage::Ui, Version::new(1, 36, 0));
        for (has_folder, packages) in [
            (false, BTreeMap::new()),
            (true, BTreeMap::new()),
            (true, BTreeMap::from([(named, BTreeMap::new())])),
        ] {
            let scripts = Scripts {
                packages,
                cdn: None,
                has_folder,
            };
            for (package, version, file) in [
                (NUMBER, "1", "x.js"),
                ("ui", "^14155550100", "x.js"),
                ("ui", "1", "14155550100"),
                ("ui", "1.36.0", "14155550100.js"),
                ("ui", NUMBER, "x.js"),
                ("ui", "1.2.14155550100", "x.js"),
                ("ui", "a14155550100", "x.js"),
            ] {
                let missing = scripts.find(package, version, file).unwrap_err();
                let logged = missing.kind();
                assert!(!logged.contains(NUMBER), "{package}@{version}/{file}: {logged}");
            }
        }
    }
}
