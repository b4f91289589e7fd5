use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use phoneproof_sdk_npm::{Integrity, Package, precompress};
use semver::Version;
use serde_json::Value;

use crate::error_chain::chain;
use crate::sdk::package::SdkPackage;

/// The folder of packages that `sdk.folder` names.
///
/// `phoneproof sdk add` writes `@clerk/clerk-js@6.40.0/` with `package.json`, the licence, `dist/*.js` and their compressed
/// forms. Reading is less particular: a folder here, or in `@clerk`, is the package that its `package.json` says, whatever
/// it is called. So one that `npm pack` and `tar` have unpacked serves as well. Links are not followed at any depth, so
/// that nothing outside is reachable.
pub(crate) struct SdkFolder {
    root: PathBuf,
}

/// What a package was unpacked from, beside its files.
const INTEGRITY: &str = "integrity";
/// The scope of the packages, and the folder that they are in.
const SCOPE: &str = "@clerk";
/// What a package that is being written is called until it is whole; so begins no package.
const UNFINISHED: &str = ".adding-";

/// Where a package is.
pub(crate) type Packages = BTreeMap<(SdkPackage, Version), PathBuf>;

/// A file or folder below `sdk.folder` that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", .path.display())]
pub(crate) struct Unreadable {
    path: PathBuf,
    source: io::Error,
}

impl Unreadable {
    pub(crate) fn at(path: &Path) -> impl Fn(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self {
            path: path.clone(),
            source,
        }
    }
}

/// Why a package is not installed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstallError {
    #[error("cannot write {}", .0.display())]
    Write(PathBuf, #[source] io::Error),
    #[error("cannot compress its scripts")]
    Compress(#[source] io::Error),
}

/// How much a package takes, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) scripts: usize,
    pub(crate) plain: usize,
    pub(crate) gzip: usize,
    pub(crate) brotli: usize,
}

impl SdkFolder {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Where `sdk add` puts a package.
    pub(crate) fn place(&self, package: SdkPackage, version: &Version) -> PathBuf {
        self.root.join(format!("{package}@{version}"))
    }

    /// The checksum of the tarball that a package was unpacked from. None if nothing is there, or something else than
    /// `sdk add` has written.
    pub(crate) fn integrity_of(&self, package: SdkPackage, version: &Version) -> Option<Integrity> {
        let text = fs::read_to_string(self.place(package, version).join(INTEGRITY)).ok()?;
        text.parse().ok()
    }

    /// All packages that are here; those whose `package.json` cannot be read are logged and left out.
    ///
    /// # Errors
    /// [`Unreadable`]: the folder, or the scope in it.
    pub(crate) fn packages(&self) -> Result<Packages, Unreadable> {
        let mut packages = Packages::new();
        let scope = self.root.join(SCOPE);
        // What `sdk add` has written counts before a copy beside it.
        let scoped = if is_folder(&scope) {
            folders(&scope)?
        } else {
            Vec::new()
        };
        for folder in scoped.into_iter().chain(folders(&self.root)?) {
            let path = folder.join("package.json");
            if !fs::symlink_metadata(&path).is_ok_and(|found| found.is_file()) {
                continue;
            }
            // Other packages may lie here, too: the folder may be somebody's node_modules.
            let manifest = match read_manifest(&path) {
                Ok(manifest) => manifest,
                Err(error) => {
                    tracing::warn!("a package in sdk.folder is left out: {}", chain(&error));
                    continue;
                }
            };
            let package = manifest["name"].as_str().and_then(SdkPackage::named);
            let version = manifest["version"].as_str().and_then(|text| Version::parse(text).ok());
            if let (Some(package), Some(version)) = (package, version) {
                packages.entry((package, version)).or_insert(folder);
            }
        }
        Ok(packages)
    }

    /// Writes a package, whole or not at all: beside its place, and with one rename into it. `advance` is told how many of
    /// its scripts are compressed.
    ///
    /// # Errors
    /// [`InstallError`]; its place is as it was then.
    pub(crate) fn install(
        &self,
        package: SdkPackage,
        unpacked: &Package,
        integrity: &Integrity,
        advance: &(dyn Fn(usize) + Sync),
    ) -> Result<Sizes, InstallError> {
        let compressed = precompress(&unpacked.scripts, advance).map_err(InstallError::Compress)?;
        let scope = self.root.join(SCOPE);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error| InstallError::Write(path, error)
        };
        fs::create_dir_all(&scope).map_err(failed(&scope))?;
        // It is removed when it goes out of scope; what is renamed away by then stays.
        let unfinished = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(&scope);
        let unfinished = unfinished.map_err(failed(&scope))?;
        // A folder of its own: the temporary one is for its owner alone, and the server may run as somebody else.
        let whole = unfinished.path().join("package");
        let dist = whole.join("dist");
        fs::create_dir_all(&dist).map_err(failed(&dist))?;
        let mut sizes = Sizes {
            scripts: unpacked.scripts.len(),
            ..Sizes::default()
        };
        let save = |path: PathBuf, content: &[u8]| write(&path, content).map_err(failed(&path));
        for (name, content) in &unpacked.scripts {
            save(dist.join(name), content)?;
            sizes.plain += content.len();
            let Some(forms) = compressed.get(name.as_str()) else {
                continue;
            };
            if let Some(gzip) = &forms.gzip {
                save(dist.join(format!("{name}.gz")), gzip)?;
            }
            if let Some(brotli) = &forms.brotli {
                save(dist.join(format!("{name}.br")), brotli)?;
            }
            sizes.gzip += forms.gzip.as_ref().unwrap_or(content).len();
            sizes.brotli += forms.brotli.as_ref().unwrap_or(content).len();
        }
        for (name, content) in &unpacked.papers {
            save(whole.join(name), content)?;
        }
        save(whole.join(INTEGRITY), format!("{integrity}\n").as_bytes())?;
        let place = self.place(package, &unpacked.version);
        fs::rename(&whole, &place).map_err(failed(&place))?;
        // The rename itself reaches the disk.
        File::open(&scope)
            .and_then(|folder| folder.sync_all())
            .map_err(failed(&scope))?;
        Ok(sizes)
    }
}

fn read_manifest(path: &Path) -> Result<Value, Unreadable> {
    let text = fs::read(path).map_err(Unreadable::at(path))?;
    let manifest = serde_json::from_slice(&text).map_err(io::Error::other);
    manifest.map_err(Unreadable::at(path))
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Whether this is a folder, and no link to one.
fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// The folders in a folder, by name; without hidden ones, and without links.
fn folders(path: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    entries(path, fs::FileType::is_dir)
}

/// The files in a folder, by name; without hidden ones, and without links.
pub(crate) fn files(path: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    if is_folder(path) {
        entries(path, fs::FileType::is_file)
    } else {
        Ok(Vec::new())
    }
}

fn entries(path: &Path, wanted: fn(&fs::FileType) -> bool) -> Result<Vec<PathBuf>, Unreadable> {
    let unreadable = Unreadable::at(path);
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(&unreadable)? {
        let entry = entry.map_err(&unreadable)?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if !hidden && wanted(&entry.file_type().map_err(&unreadable)?) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}
