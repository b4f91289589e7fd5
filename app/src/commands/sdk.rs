//! `phoneproof sdk add`: packages of scripts, verified and unpacked into `sdk.folder`.

mod progress;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use phoneproof_sdk_npm::{Integrity, MAX_TARBALL, Package, Registry, RegistryError, Release, Selector};
use semver::Version;

use super::{CommandLine, SdkAdd, environment, print, waited};
use crate::config::{Config, ConfigError, SdkSettings};
use crate::error_chain::chain;
use crate::sdk::{SdkFolder, SdkSpec};
use crate::wiring;

use progress::Progress;

/// One package that is to be added.
struct Wanted<'a> {
    spec: &'a SdkSpec,
    from: Option<&'a Path>,
    /// The checksum that the command line demands.
    integrity: Option<&'a Integrity>,
}

/// Adds all packages, or stops at the first that cannot be.
pub(super) fn add(line: &CommandLine, add: &SdkAdd) -> Result<(), ConfigError> {
    // Not `Settings`: an image is built where there are no keys, and before the folder is there.
    let config = Config::load(line.config.as_deref(), environment())?;
    let settings = SdkSettings::new(&config.sdk, true)?;
    let Some(root) = &settings.folder else {
        let problem = "not set; it names the folder that packages are added to";
        return Err(ConfigError::at("sdk.folder", problem));
    };
    for (option, given) in [("--from", add.from.len()), ("--integrity", add.integrity.len())] {
        if given != 0 && given != add.packages.len() {
            let problem = format!("given {given} times for {} packages", add.packages.len());
            return Err(ConfigError::at(option, problem));
        }
    }
    let adding = Adding {
        folder: SdkFolder::new(root),
        registry: wiring::sdk_registry(&settings)?,
    };
    for (at, spec) in add.packages.iter().enumerate() {
        adding.add(&Wanted {
            spec,
            from: add.from.get(at).map(PathBuf::as_path),
            integrity: add.integrity.get(at),
        })?;
    }
    Ok(())
}

impl Wanted<'_> {
    /// The checksum that the command line demands, or else the one that is built in.
    fn known_integrity(&self, version: &Version) -> Option<Integrity> {
        self.integrity.cloned().or_else(|| self.spec.package.pinned(version))
    }
}

struct Adding {
    folder: SdkFolder,
    registry: Registry,
}

impl Adding {
    fn add(&self, wanted: &Wanted<'_>) -> Result<(), ConfigError> {
        let spec = wanted.spec;
        let problem = |problem: &str| ConfigError::at(&spec.to_string(), problem);
        // A version that is named and here needs no registry.
        if let Selector::Exact(version) = &spec.selector
            && wanted.from.is_none()
            && self.is_here(spec, version, wanted.known_integrity(version).as_ref())?
        {
            return print(&already(spec, version));
        }
        let (tarball, integrity, selector) = if let Some(path) = wanted.from {
            (read(path)?, self.integrity_of_file(wanted)?, spec.selector.clone())
        } else {
            let release = self.find(spec)?;
            let integrity = wanted.known_integrity(&release.version).or(release.integrity.clone());
            let integrity = integrity.ok_or_else(|| {
                problem("the registry has no sha512 of its tarball; give the right one with --integrity")
            })?;
            if self.is_here(spec, &release.version, Some(&integrity))? {
                return print(&already(spec, &release.version));
            }
            // What a tag means is the registry's word.
            (
                self.download(spec, &release)?,
                integrity,
                Selector::Exact(release.version),
            )
        };
        let found = Integrity::of(&tarball);
        if found != integrity {
            return Err(problem(&format!(
                "the tarball is not the right one, nothing was unpacked: its checksum is {found}, expected {integrity}"
            )));
        }
        let package =
            Package::unpack(&tarball).map_err(|error| problem(&format!("the tarball is {}", chain(&error))))?;
        if package.name != spec.package.name() || !selector.matches(&package.version) {
            return Err(problem(&format!(
                "the tarball holds {}@{}",
                package.name, package.version
            )));
        }
        if self.is_here(spec, &package.version, Some(&integrity))? {
            return print(&already(spec, &package.version));
        }
        let progress = Progress::new(format!("compressing {}@{}", spec.package, package.version), "scripts");
        let total = package.scripts.len() as u64;
        let advance = |done: usize| progress.tell(done as u64, Some(total));
        let sizes = self.folder.install(spec.package, &package, &integrity, &advance);
        progress.end();
        let sizes = sizes.map_err(|error| problem(&chain(&error)))?;
        let place = self.folder.place(spec.package, &package.version);
        print(&format!(
            "{} {}: {} scripts, {} ({} with gzip, {} with Brotli), in {}. A server reads them at its start.\n",
            spec.package,
            package.version,
            sizes.scripts,
            megabytes(sizes.plain),
            megabytes(sizes.gzip),
            megabytes(sizes.brotli),
            place.display(),
        ))
    }

    /// The checksum that a file must have.
    fn integrity_of_file(&self, wanted: &Wanted<'_>) -> Result<Integrity, ConfigError> {
        let spec = wanted.spec;
        if let Some(given) = wanted.integrity {
            return Ok(given.clone());
        }
        let Selector::Exact(version) = &spec.selector else {
            // Whose checksum it should have must not come out of the file itself.
            let problem = "a tarball is verified by --integrity, or else by its exact version: write one after the @";
            return Err(ConfigError::at(&spec.to_string(), problem));
        };
        if let Some(pinned) = spec.package.pinned(version) {
            return Ok(pinned);
        }
        self.find(spec)?.integrity.ok_or_else(|| {
            let problem = "the registry has no sha512 of its tarball; give the right one with --integrity";
            ConfigError::at(&spec.to_string(), problem)
        })
    }

    /// Whether the package is here already.
    ///
    /// # Errors
    /// If what is there was made of another tarball than the one that is wanted.
    fn is_here(&self, spec: &SdkSpec, version: &Version, integrity: Option<&Integrity>) -> Result<bool, ConfigError> {
        let place = self.folder.place(spec.package, version);
        if !place.exists() {
            return Ok(false);
        }
        match (self.folder.integrity_of(spec.package, version), integrity) {
            (Some(_), None) => Ok(true),
            (Some(here), Some(wanted)) if here == *wanted => Ok(true),
            _ => {
                let problem = format!("{} is of another tarball; remove it to add this one", place.display());
                Err(ConfigError::at(&spec.to_string(), problem))
            }
        }
    }

    fn find(&self, spec: &SdkSpec) -> Result<Release, ConfigError> {
        waited(async {
            let found = self.registry.find(spec.package.name(), &spec.selector).await;
            found.map_err(|error| unavailable(spec, &error))
        })
    }

    fn download(&self, spec: &SdkSpec, release: &Release) -> Result<Vec<u8>, ConfigError> {
        let progress = Progress::new(format!("downloading {}@{}", spec.package, release.version), "bytes");
        let mut advance = |arrived, total| progress.tell(arrived, total);
        let tarball = waited(async {
            let tarball = self.registry.download(release, &mut advance).await;
            tarball.map_err(|error| unavailable(spec, &error))
        });
        progress.end();
        tarball
    }
}

fn unavailable(spec: &SdkSpec, error: &RegistryError) -> ConfigError {
    ConfigError::at(&spec.to_string(), chain(error))
}

/// A tarball of at most so many bytes as one from the registry.
fn read(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let mut tarball = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_TARBALL + 1).read_to_end(&mut tarball));
    let read = read.and_then(|length| match length as u64 {
        0..=MAX_TARBALL => Ok(()),
        _ => Err(io::Error::other(format!("larger than {MAX_TARBALL} bytes"))),
    });
    read.map_err(|error| ConfigError::line(format!("cannot read {}: {error}", path.display())))?;
    Ok(tarball)
}

fn already(spec: &SdkSpec, version: &Version) -> String {
    format!("{} {version} is there already.\n", spec.package)
}

/// In megabytes, with two decimals.
fn megabytes(bytes: usize) -> String {
    let hundredths = bytes.div_ceil(10_000);
    format!("{}.{:02} MB", hundredths / 100, hundredths % 100)
}
