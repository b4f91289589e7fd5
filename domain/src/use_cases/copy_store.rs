//! Moving a whole instance from one store into another.

mod compare;
#[cfg(test)]
mod tests;

use futures_util::future::join;

use crate::ports::{Archive, BeginError, CopyMark, Part, Record, StoreError};

pub use compare::{Compared, Tally};

/// Records that are read and written at once. Each such page is one transaction, and two are in memory: 200 MB if every
/// user had the largest metadata there can be, 4 MB as a rule.
const PAGE: u32 = 4000;

/// What a copy is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyStage {
    /// It reads the source and writes the target.
    Copying,
    /// It reads both again.
    Comparing,
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance {
    /// What it is doing.
    pub stage: CopyStage,
    /// Which part is its turn.
    pub part: Part,
    /// Records of all parts that this stage is done with, those of earlier runs included.
    pub done: u64,
    /// Records of all parts, as they were counted at the start.
    pub total: u64,
}

/// Who is told how far a copy is, after every page.
pub type OnAdvance<'a> = &'a (dyn Fn(Advance) + Send + Sync);

/// Why a copy ended before it was done. What is written stays; the same copy goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// It would go in a circle.
    #[error("source and target are the same store, {0}")]
    SameStore(String),
    /// The source is half of another one.
    #[error("the source is itself a copy, from {0}, that is not finished: finish that one first")]
    UnfinishedSource(String),
    /// The target has something in it.
    #[error("the target {0} is not empty: name a store that nothing was ever written to")]
    NotEmpty(String),
    /// The target is half of another store.
    #[error("the target holds an unfinished copy from {0}: go on from there, or name another target")]
    AnotherSource(String),
    /// The source cannot be read.
    #[error("the source cannot be read")]
    Source(#[source] StoreError),
    /// The target cannot be read or written.
    #[error("the target cannot be read or written")]
    Target(#[source] StoreError),
}

/// Copies everything from `source` into `target`, or goes on where an earlier run of the same copy ended; then reads both
/// again and compares them part by part. Only if all are equal is the copy finished and the target may serve.
///
/// # Errors
/// [`CopyError`].
pub async fn copy_store(
    source: &dyn Archive,
    target: &dyn Archive,
    on_advance: OnAdvance<'_>,
) -> Result<Vec<Compared>, CopyError> {
    let mark = begin(source, target).await?;
    let mut counts = Vec::with_capacity(Part::ALL.len());
    for part in Part::ALL {
        counts.push(source.count(part).await.map_err(CopyError::Source)?);
    }
    let total = counts.iter().sum();
    let earlier = Part::ALL.iter().zip(&counts).filter(|(part, _)| **part < mark.part);
    let half = target.count(mark.part).await.map_err(CopyError::Target)?;
    let mut copying = Copying {
        source,
        target,
        done: earlier.map(|(_, count)| count).sum::<u64>() + half,
        total,
        mark,
        on_advance,
    };
    let at = copying.mark.part;
    for part in Part::ALL.into_iter().filter(|part| *part >= at) {
        copying.part(part).await?;
    }
    let mark = copying.mark;
    let compared = compare::compare(source, target, total, on_advance).await?;
    if compared.iter().all(Compared::is_equal) {
        target.finish(&mark).await.map_err(CopyError::Target)?;
    }
    Ok(compared)
}

/// Where the copy stands; makes sure that it can be one.
async fn begin(source: &dyn Archive, target: &dyn Archive) -> Result<CopyMark, CopyError> {
    let place = source.place();
    if place == target.place() {
        return Err(CopyError::SameStore(place));
    }
    if let Some(mark) = source.unfinished().await.map_err(CopyError::Source)? {
        return Err(CopyError::UnfinishedSource(mark.source));
    }
    let mark = target.begin(&place).await.map_err(|error| match error {
        BeginError::NotEmpty => CopyError::NotEmpty(target.place()),
        BeginError::Store(error) => CopyError::Target(error),
    })?;
    if mark.source == place {
        Ok(mark)
    } else {
        Err(CopyError::AnotherSource(mark.source))
    }
}

struct Copying<'a> {
    source: &'a dyn Archive,
    target: &'a dyn Archive,
    mark: CopyMark,
    done: u64,
    total: u64,
    on_advance: OnAdvance<'a>,
}

impl Copying<'_> {
    /// Copies what is missing of one part. The next page is read while this one is written.
    async fn part(&mut self, part: Part) -> Result<(), CopyError> {
        let after = self.mark.after.clone().filter(|_| part == self.mark.part);
        let mut page = self.source.read(part, after, PAGE).await.map_err(CopyError::Source)?;
        self.tell(part);
        while let Some(last) = page.last() {
            let (read, to) = (page.len() as u64, self.mark.at(part, &last.key));
            let next = next(self.source, part, &page);
            let (next, written) = join(next, self.target.write(page, &self.mark, &to)).await;
            written.map_err(CopyError::Target)?;
            self.mark = to;
            self.done += read;
            self.tell(part);
            page = next.map_err(CopyError::Source)?;
        }
        Ok(())
    }

    fn tell(&self, part: Part) {
        (self.on_advance)(Advance {
            stage: CopyStage::Copying,
            part,
            done: self.done,
            total: self.total,
        });
    }
}

/// The page after this one. After one that is not full there is none, and nobody need be asked.
fn next<'a>(
    archive: &'a dyn Archive,
    part: Part,
    page: &[Record],
) -> impl Future<Output = Result<Vec<Record>, StoreError>> + use<'a> {
    let last = page.last().filter(|_| page.len() as u64 == u64::from(PAGE));
    let after = last.map(|record| record.key.clone());
    async move {
        match after {
            None => Ok(Vec::new()),
            after => archive.read(part, after, PAGE).await,
        }
    }
}
