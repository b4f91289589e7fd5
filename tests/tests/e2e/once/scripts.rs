//! The scripts that the SDKs load in browsers: served from a folder, or by a redirect, and put there by `phoneproof sdk add`.

mod add;
mod serve;

use std::io::Write;
use std::path::Path;

use aws_lc_rs::digest::{SHA512, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, Header};

/// A package as `npm pack` makes it.
#[expect(
    clippy::unwrap_used,
    reason = "a test that cannot prepare its files or requests has failed"
)]
fn tarball(name: &str, version: &str, scripts: &[(&str, &str)]) -> Vec<u8> {
    let manifest = format!(r#"{{ "name": "{name}", "version": "{version}" }}"#);
    let mut archive = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let scripts = scripts
        .iter()
        .map(|(file, content)| (format!("package/dist/{file}"), *content));
    let papers = [
        ("package/package.json".to_owned(), manifest.as_str()),
        ("package/LICENSE".to_owned(), "MIT"),
        ("package/dist/index.d.ts".to_owned(), "no script"),
    ];
    for (path, content) in papers.into_iter().chain(scripts) {
        let mut header = Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

/// The checksum of a tarball as npm writes it.
fn integrity(tarball: &[u8]) -> String {
    format!("sha512-{}", STANDARD.encode(digest(&SHA512, tarball)))
}

/// Writes a file and the folders that it is in.
#[expect(
    clippy::unwrap_used,
    reason = "a test that cannot prepare its files or requests has failed"
)]
fn write(path: &Path, content: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::File::create(path)
        .unwrap()
        .write_all(content.as_ref())
        .unwrap();
}
