//! Comparing two stores by reading both.

use futures_util::future::join;
use sha2::{Digest, Sha256};

use super::{Advance, CopyError, CopyStage, OnAdvance, PAGE, next};
use crate::ports::{Archive, Part, StoreError};

/// What a part amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Its records.
    pub records: u64,
    /// SHA-256 over their keys and contents, in order, each after its length.
    pub checksum: [u8; 32],
}

/// One part of both stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// The part.
    pub part: Part,
    /// What the source has of it.
    pub source: Tally,
    /// What the target has of it.
    pub target: Tally,
}

impl Compared {
    /// Whether both have the same.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.source == self.target
    }
}

/// Reads all parts of both, at the same time.
pub(super) async fn compare(
    source: &dyn Archive,
    target: &dyn Archive,
    total: u64,
    on_advance: OnAdvance<'_>,
) -> Result<Vec<Compared>, CopyError> {
    let (mut compared, mut before) = (Vec::with_capacity(Part::ALL.len()), 0);
    for part in Part::ALL {
        let tell = |records: u64| {
            on_advance(Advance {
                stage: CopyStage::Comparing,
                part,
                done: before + records,
                total,
            });
        };
        tell(0);
        let (source, target) = join(tally(source, part, &tell), tally(target, part, &|_| {})).await;
        let (source, target) = (source.map_err(CopyError::Source)?, target.map_err(CopyError::Target)?);
        before += source.records;
        compared.push(Compared { part, source, target });
    }
    Ok(compared)
}

async fn tally(archive: &dyn Archive, part: Part, on_page: &(dyn Fn(u64) + Send + Sync)) -> Result<Tally, StoreError> {
    let (mut records, mut hash) = (0, Sha256::new());
    let mut page = archive.read(part, None, PAGE).await?;
    while !page.is_empty() {
        // The next page is under way while this one is hashed.
        let hashing = async {
            for text in page.iter().flat_map(|record| [&record.key, &record.content]) {
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text);
            }
        };
        let (next, ()) = join(next(archive, part, &page), hashing).await;
        records += page.len() as u64;
        on_page(records);
        page = next?;
    }
    Ok(Tally {
        records,
        checksum: hash.finalize().into(),
    })
}
