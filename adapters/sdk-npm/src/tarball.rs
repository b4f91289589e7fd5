use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Component, Path};

use flate2::read::GzDecoder;
use semver::Version;
use serde::Deserialize;
use tar::{Archive, EntryType};

/// How much a tarball may unpack to, in bytes, whatever is kept of it: `@clerk/clerk-js` 6.40.0 has 23 MB.
const MAX_UNPACKED: u64 = 256 * 1024 * 1024;
/// How large one file may be that is kept, in bytes: the largest script of `@clerk/clerk-js` 6.40.0 has 1.5 MB.
const MAX_FILE: u64 = 32 * 1024 * 1024;
/// How many entries a tarball may have: `@clerk/ui` 1.36.0 has some 500.
const MAX_ENTRIES: usize = 50_000;

/// What a browser needs of a package, in memory: its scripts, and what says whose they are.
#[derive(Debug, PartialEq, Eq)]
pub struct Package {
    /// The name in its `package.json`.
    pub name: String,
    /// The version there.
    pub version: Version,
    /// The scripts by their names: the files `dist/<name>.js`, and none of deeper folders.
    pub scripts: BTreeMap<String, Vec<u8>>,
    /// `package.json` and the licence.
    pub papers: BTreeMap<String, Vec<u8>>,
}

/// Why a tarball is not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum TarballError {
    /// Not gzip, not tar, or cut off.
    #[error("no tarball that can be read")]
    Unreadable(#[from] io::Error),
    /// Something that no package holds: a path that leads out of it, a link, a device.
    #[error("no package of npm's: its entry {0:?} is {1}")]
    Entry(String, &'static str),
    /// A decompression bomb, or no package for browsers.
    #[error("too large: {0}")]
    TooLarge(&'static str),
    /// There is no `package.json` with a name and a version.
    #[error("without a package.json that has a name and a version")]
    Manifest,
    /// Nothing to serve.
    #[error("without a script in dist/")]
    NoScripts,
}

#[derive(Deserialize)]
struct Manifest {
    name: String,
    version: Version,
}

impl Package {
    /// Unpacks a tarball in memory. Nothing of it touches the disk, and each name that is kept is one plain file name.
    ///
    /// # Errors
    /// [`TarballError`]; one bad entry is enough.
    pub fn unpack(tarball: &[u8]) -> Result<Self, TarballError> {
        let mut archive = Archive::new(GzDecoder::new(tarball).take(MAX_UNPACKED));
        let files = Files::read(&mut archive);
        // There the archive ends: it looks as if it were cut off.
        if archive.into_inner().limit() == 0 {
            return Err(TarballError::TooLarge("more than 256 MiB unpacked"));
        }
        let Files { scripts, papers } = files?;
        let manifest = papers.get("package.json").ok_or(TarballError::Manifest)?;
        let manifest: Manifest = serde_json::from_slice(manifest).map_err(|_| TarballError::Manifest)?;
        if scripts.is_empty() {
            return Err(TarballError::NoScripts);
        }
        Ok(Self {
            name: manifest.name,
            version: manifest.version,
            scripts,
            papers,
        })
    }
}

/// The files that are kept.
#[derive(Default)]
struct Files {
    scripts: BTreeMap<String, Vec<u8>>,
    papers: BTreeMap<String, Vec<u8>>,
}

impl Files {
    fn read(archive: &mut Archive<impl Read>) -> Result<Self, TarballError> {
        let mut kept = Self::default();
        for (at, entry) in archive.entries()?.enumerate() {
            let entry = entry?;
            if at >= MAX_ENTRIES {
                return Err(TarballError::TooLarge("more than 50000 entries"));
            }
            let path = entry.path_bytes().into_owned();
            let Ok(path) = std::str::from_utf8(&path) else {
                let path = String::from_utf8_lossy(&path).into_owned();
                return Err(TarballError::Entry(path, "not named in UTF-8"));
            };
            let refused = |why| Err(TarballError::Entry(path.to_owned(), why));
            if !leads_inwards(path) {
                return refused("outside the package");
            }
            match entry.header().entry_type() {
                EntryType::Regular => {}
                EntryType::Directory | EntryType::XGlobalHeader => continue,
                _ => return refused("neither a file nor a folder"),
            }
            let Some((kind, name)) = place(path) else { continue };
            let files = match kind {
                Kind::Script => &mut kept.scripts,
                Kind::Paper => &mut kept.papers,
            };
            let mut content = Vec::new();
            entry.take(MAX_FILE + 1).read_to_end(&mut content)?;
            if content.len() as u64 > MAX_FILE {
                return Err(TarballError::TooLarge("a file of more than 32 MiB"));
            }
            if files.insert(name.to_owned(), content).is_some() {
                return refused("there twice");
            }
        }
        Ok(kept)
    }
}

enum Kind {
    Script,
    Paper,
}

/// Whether a path stays below where it begins, whoever reads it.
fn leads_inwards(path: &str) -> bool {
    !path.contains(['\\', '\0'])
        && Path::new(path)
            .components()
            .all(|component| matches!(component, Component::Normal(_)))
}

/// What is kept of a package, and under which name. The first folder has any name, by convention `package`.
fn place(path: &str) -> Option<(Kind, &str)> {
    let (_, path) = path.split_once('/')?;
    match path.split_once('/') {
        Some(("dist", name)) => is_script(name).then_some((Kind::Script, name)),
        Some(_) => None,
        None => is_paper(path).then_some((Kind::Paper, path)),
    }
}

/// Whether this is one plain file name that ends in `.js`, and is not hidden.
#[must_use]
pub fn is_script(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let stem = name.strip_suffix(".js").unwrap_or_default();
    !stem.is_empty() && !stem.starts_with('.') && stem.bytes().all(plain) && name.len() <= 255
}

fn is_paper(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).to_ascii_uppercase();
    name == "package.json" || (matches!(&*stem, "LICENSE" | "LICENCE" | "NOTICE") && leads_inwards(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tar::{Builder, Header};

    const MANIFEST: (&str, &[u8]) = ("package/package.json", br#"{"name":"@clerk/ui","version":"1.36.0"}"#);
    const SCRIPT: (&str, &[u8]) = ("package/dist/ui.browser.js", b"1");

    /// An entry whose name is written as it is: `Header::set_path` refuses the names that an attacker would take.
    fn entry(archive: &mut Builder<GzEncoder<Vec<u8>>>, name: &str, kind: EntryType, content: &[u8]) {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        if kind.is_symlink() || kind.is_hard_link() {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        archive.append(&header, content).unwrap();
    }

    fn tarball(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut archive = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, kind, content) in entries {
            entry(&mut archive, name, *kind, content);
        }
        archive.into_inner().unwrap().finish().unwrap()
    }

    fn with(more: &[(&str, EntryType, &[u8])]) -> Result<Package, TarballError> {
        let usual = [MANIFEST, SCRIPT].map(|(name, content)| (name, EntryType::Regular, content));
        Package::unpack(&tarball(&[&usual, more].concat()))
    }

    #[test]
    fn scripts_of_dist_are_kept_and_the_licence_and_nothing_else() {
        let file = EntryType::Regular;
        let package = with(&[
            ("package/LICENSE", file, b"MIT"),
            ("package/README.md", file, b"no"),
            ("package/dist/ui.browser.js.map", file, b"no"),
            ("package/dist/index.d.ts", file, b"no"),
            ("package/dist/clerk.mjs", file, b"no"),
            ("package/dist/deep/x.js", file, b"no"),
            ("package/dist/.hidden.js", file, b"no"),
            ("package/dist/", EntryType::Directory, b""),
            ("package/dist/0_ui_58d0c7_1.36.0.js", file, b"2"),
        ])
        .unwrap();
        assert_eq!(
            (package.name.as_str(), package.version.to_string().as_str()),
            ("@clerk/ui", "1.36.0")
        );
        let scripts: Vec<&String> = package.scripts.keys().collect();
        assert_eq!(scripts, ["0_ui_58d0c7_1.36.0.js", "ui.browser.js"]);
        let papers: Vec<&String> = package.papers.keys().collect();
        assert_eq!(papers, ["LICENSE", "package.json"]);
        assert_eq!(package.scripts["ui.browser.js"], b"1");
    }

    #[test]
    fn one_entry_that_no_package_holds_is_enough_to_refuse_all() {
        for (name, kind) in [
            ("package/../../etc/cron.d/x", EntryType::Regular),
            ("../dist/x.js", EntryType::Regular),
            ("/package/dist/x.js", EntryType::Regular),
            ("package/dist/..\\x.js", EntryType::Regular),
            ("package/dist/x.js", EntryType::Symlink),
            ("package/dist/x.js", EntryType::Link),
            ("package/dist/x.js", EntryType::Fifo),
            ("package/dist/x.js", EntryType::Char),
            ("package/dist/ui.browser.js", EntryType::Regular),
        ] {
            let refused = with(&[(name, kind, b"")]);
            assert!(
                matches!(refused, Err(TarballError::Entry(..))),
                "{name} {kind:?}: {refused:?}"
            );
        }
    }

    #[test]
    fn what_is_no_package_is_refused() {
        let file = EntryType::Regular;
        assert!(matches!(Package::unpack(b"no gzip"), Err(TarballError::Unreadable(_))));
        let whole = tarball(&[(MANIFEST.0, file, MANIFEST.1), (SCRIPT.0, file, &vec![7; 100_000])]);
        assert!(matches!(
            Package::unpack(&whole[..whole.len() / 2]),
            Err(TarballError::Unreadable(_))
        ));
        assert!(matches!(
            Package::unpack(&tarball(&[(SCRIPT.0, file, SCRIPT.1)])),
            Err(TarballError::Manifest)
        ));
        assert!(matches!(
            Package::unpack(&tarball(&[(MANIFEST.0, file, MANIFEST.1)])),
            Err(TarballError::NoScripts)
        ));
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let zeros = vec![0; usize::try_from(MAX_FILE).unwrap() + 1];
        let file = EntryType::Regular;
        let one = with(&[("package/dist/zeros.js", file, &zeros)]);
        assert!(matches!(one, Err(TarballError::TooLarge(_))), "{one:?}");
        // Files that are not kept count, too.
        let many = with(&[("package/zeros.bin", file, zeros.as_slice()); 8]);
        assert!(matches!(many, Err(TarballError::TooLarge(_))), "{many:?}");
    }
}
