//! `Archive`: everything, record by record, out of this store and into it.

mod open;
mod read;
mod write;

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::FutureExt;
use phoneproof_domain::ports::{Archive, BeginError, CopyMark, Part, Record, StoreError};
use phoneproof_store_rows::archive::{CopyRow, Number, any_row, overtaken};
use phoneproof_store_rows::schema::copies;

use crate::PostgresStore;
use crate::errors::Failure;
use crate::transaction::{Decided, Step, run, within};

/// The commit of this transaction, and of all before it, is on the disk before it is answered.
const DURABLE: &str = "SET LOCAL synchronous_commit = on";

#[async_trait]
impl Archive for PostgresStore {
    fn place(&self) -> String {
        format!("postgres://{}", self.connector.place())
    }

    async fn count(&self, part: Part) -> Result<u64, StoreError> {
        self.searches
            .read(async |connection| read::count(connection, part).await)
            .await
    }

    async fn read(&self, part: Part, after: Option<String>, limit: u32) -> Result<Vec<Record>, StoreError> {
        self.searches
            .read(async |connection| read::page(connection, part, after, limit).await)
            .await
    }

    async fn unfinished(&self) -> Result<Option<CopyMark>, StoreError> {
        let row = self.searches.read(async |connection| mark(connection).await);
        row.await?.map(CopyRow::into_mark).transpose()
    }

    async fn begin(&self, source: &str) -> Result<CopyMark, BeginError> {
        let start = CopyRow::of(&CopyMark::start(source));
        let begun = self.searches.write(start, |connection, start| {
            within(connection, begin(connection, start)).boxed()
        });
        match begun.await.map_err(StoreError::from)? {
            Some(row) => Ok(row.into_mark()?),
            None => Err(BeginError::NotEmpty),
        }
    }

    async fn write(&self, records: Vec<Record>, from: &CopyMark, to: &CopyMark) -> Result<(), StoreError> {
        let page = (CopyRow::of(from), CopyRow::of(to), write::steps(to.part, &records)?);
        let written = self.searches.write(page, |connection, (from, to, steps)| {
            within(connection, write(connection, from, to, steps)).boxed()
        });
        if written.await? { Ok(()) } else { Err(overtaken()) }
    }

    async fn finish(&self, mark: &CopyMark) -> Result<(), StoreError> {
        let mark = CopyRow::of(mark);
        let finished = self.searches.write(mark, |connection, mark| {
            within(connection, finish(connection, mark)).boxed()
        });
        if finished.await? { Ok(()) } else { Err(overtaken()) }
    }
}

async fn mark(mut connection: &AsyncPgConnection) -> Result<Option<CopyRow>, Failure> {
    let row = copies::table.select(CopyRow::as_select());
    Ok(row.get_result(&mut connection).await.optional()?)
}

/// Where the copy stands; none if the store is not empty.
async fn begin(mut connection: &AsyncPgConnection, start: &CopyRow) -> Decided<Option<CopyRow>> {
    if let Some(row) = mark(connection).await? {
        return Ok((Some(row), Vec::new()));
    }
    let any: Number = diesel::sql_query(any_row()).get_result(&mut connection).await?;
    if any.number != 0 {
        return Ok((None, Vec::new()));
    }
    // Somebody else may have begun just now; then this waits for it, and what counts is what is there.
    diesel::insert_into(copies::table)
        .values((start, copies::unfinished.eq(true)))
        .on_conflict_do_nothing()
        .execute(&mut connection)
        .await?;
    Ok((mark(connection).await?, Vec::new()))
}

/// Whether the mark still stood at `from`. It moves first: a copy that waits here for another one must not meet what that
/// one wrote.
async fn write(mut connection: &AsyncPgConnection, from: &CopyRow, to: &CopyRow, steps: &[Step]) -> Decided<bool> {
    let stands = copies::table.select(CopyRow::as_select()).for_update();
    let stands: Option<CopyRow> = stands.get_result(&mut connection).await.optional()?;
    if stands.as_ref() != Some(from) {
        return Ok((false, Vec::new()));
    }
    diesel::update(copies::table).set(to).execute(&mut connection).await?;
    run(connection, steps).await?;
    Ok((true, Vec::new()))
}

/// Whether the mark still stood there. What the planner knows of tables that were filled at once is out of date: without
/// `ANALYZE` the first minutes would be slow.
async fn finish(mut connection: &AsyncPgConnection, at: &CopyRow) -> Decided<bool> {
    if mark(connection).await?.as_ref() != Some(at) {
        return Ok((false, Vec::new()));
    }
    // The pages did not wait for the disk; this waits for all of them.
    connection.batch_execute(DURABLE).await?;
    diesel::delete(copies::table).execute(&mut connection).await?;
    connection.batch_execute("ANALYZE").await?;
    Ok((true, Vec::new()))
}
