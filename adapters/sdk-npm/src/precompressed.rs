//! Scripts compressed as far as they go: once, when a package is added, and never while somebody waits.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::thread;

use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;

/// One script with its compressed forms; none that would be larger.
pub struct Precompressed {
    /// By gzip (RFC 1952).
    pub gzip: Option<Vec<u8>>,
    /// By Brotli (RFC 7932).
    pub brotli: Option<Vec<u8>>,
}

/// Compresses all scripts, on all cores. `advance` is told how many are done.
///
/// # Errors
/// If an encoder fails, which writes into memory.
pub fn precompress<'a>(
    scripts: &'a BTreeMap<String, Vec<u8>>,
    advance: &(dyn Fn(usize) + Sync),
) -> io::Result<BTreeMap<&'a str, Precompressed>> {
    // The largest first, so that no core is left with it at the end.
    let mut waiting: Vec<(&str, &[u8])> = scripts
        .iter()
        .map(|(name, content)| (name.as_str(), content.as_slice()))
        .collect();
    waiting.sort_by_key(|(_, content)| content.len());
    let (waiting, done) = (Mutex::new(waiting), Mutex::new(BTreeMap::new()));
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let work = || {
            while let Some((name, content)) = next(&waiting) {
                let compressed = compress(content)?;
                let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                done.insert(name, compressed);
                advance(done.len());
            }
            Ok(())
        };
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let broken = |_| Err(io::Error::other("a compressor panicked"));
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(broken))
    })?;
    Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn next<'a>(waiting: &Mutex<Vec<(&'a str, &'a [u8])>>) -> Option<(&'a str, &'a [u8])> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

fn compress(content: &[u8]) -> io::Result<Precompressed> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(content)?;
    let mut brotli = Vec::new();
    let parameters = BrotliEncoderParams {
        quality: 11,
        size_hint: content.len(),
        ..BrotliEncoderParams::default()
    };
    brotli::BrotliCompress(&mut &*content, &mut brotli, &parameters)?;
    let smaller = |form: &Vec<u8>| form.len() < content.len();
    Ok(Precompressed {
        gzip: Some(gzip.finish()?).filter(smaller),
        brotli: Some(brotli).filter(smaller),
    })
}
