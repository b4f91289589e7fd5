//! `Archive`: everything, record by record, out of this store and into it.

mod copy;
mod open;
mod read;

use async_trait::async_trait;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::FutureExt;
use phoneproof_domain::ports::{Archive, BeginError, CopyMark, Part, Record, StoreError};
use phoneproof_store_rows::archive::{CopyRow, Number, any_row, overtaken};
use phoneproof_store_rows::schema::copies;

use crate::PostgresStore;
use crate::errors::Failure;
use crate::transaction::{Decided, within};

pub(crate) use copy::Copying;

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
        let begun = self
            .searches
            .write(move |connection| async move { within(connection, begin(connection, &start)).await }.boxed());
        match begun.await.map_err(StoreError::from)? {
            Some(row) => Ok(row.into_mark()?),
            None => Err(BeginError::NotEmpty),
        }
    }

    async fn write(&self, records: Vec<Record>, from: &CopyMark, to: &CopyMark) -> Result<(), StoreError> {
        self.copying.write(&self.connector, &records, from, to).await
    }

    async fn finish(&self, mark: &CopyMark) -> Result<(), StoreError> {
        let mark = CopyRow::of(mark);
        let finished = self
            .searches
            .write(move |connection| async move { within(connection, finish(connection, &mark)).await }.boxed());
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
