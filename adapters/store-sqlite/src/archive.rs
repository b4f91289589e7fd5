//! `Archive`: everything, record by record, out of this store and into it.

mod open;
mod read;
mod write;

use async_trait::async_trait;
use diesel::prelude::*;
use phoneproof_domain::ports::{Archive, BeginError, CopyMark, Part, Record, StoreError};
use phoneproof_store_rows::archive::{CopyRow, Number, any_row, overtaken};
use phoneproof_store_rows::schema::copies;

use crate::SqliteStore;
use crate::errors::Failure;

#[async_trait]
impl Archive for SqliteStore {
    fn place(&self) -> String {
        let path = std::fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        format!("sqlite://{}", path.display())
    }

    async fn count(&self, part: Part) -> Result<u64, StoreError> {
        self.searches
            .read(move |connection| read::count(connection, part))
            .await
    }

    async fn read(&self, part: Part, after: Option<String>, limit: u32) -> Result<Vec<Record>, StoreError> {
        self.searches
            .read(move |connection| read::page(connection, part, after, limit))
            .await
    }

    async fn unfinished(&self) -> Result<Option<CopyMark>, StoreError> {
        self.searches
            .read(|connection| {
                let row = mark(connection)?;
                Ok(row.map(CopyRow::into_mark).transpose()?)
            })
            .await
    }

    async fn begin(&self, source: &str) -> Result<CopyMark, BeginError> {
        let start = CopyRow::of(&CopyMark::start(source));
        let begun = self.written(move |connection| Ok(begin(connection, &start)?));
        match begun.await? {
            Some(row) => Ok(row.into_mark()?),
            None => Err(BeginError::NotEmpty),
        }
    }

    async fn write(&self, records: Vec<Record>, from: &CopyMark, to: &CopyMark) -> Result<(), StoreError> {
        let insert = write::insert(to.part, &records)?;
        let (from, to) = (CopyRow::of(from), CopyRow::of(to));
        let written = self.written(move |connection| {
            // The mark first: whoever comes too late must not meet what the other one wrote.
            let stands = advance(connection, &from, &to)?;
            if stands {
                insert(connection)?;
            }
            Ok(stands)
        });
        if written.await? { Ok(()) } else { Err(overtaken()) }
    }

    async fn finish(&self, mark: &CopyMark) -> Result<(), StoreError> {
        let mark = CopyRow::of(mark);
        let finished = self.written(move |connection| {
            let stands = self::mark(connection)?.as_ref() == Some(&mark);
            if stands {
                diesel::delete(copies::table).execute(connection)?;
            }
            Ok(stands)
        });
        if finished.await? { Ok(()) } else { Err(overtaken()) }
    }
}

fn mark(connection: &mut SqliteConnection) -> QueryResult<Option<CopyRow>> {
    copies::table.select(CopyRow::as_select()).first(connection).optional()
}

/// Where the copy stands; none if the store is not empty.
fn begin(connection: &mut SqliteConnection, start: &CopyRow) -> QueryResult<Option<CopyRow>> {
    if let Some(row) = mark(connection)? {
        return Ok(Some(row));
    }
    let any: Number = diesel::sql_query(any_row()).get_result(connection)?;
    if any.number != 0 {
        return Ok(None);
    }
    diesel::insert_into(copies::table)
        .values((start, copies::unfinished.eq(true)))
        .execute(connection)?;
    Ok(Some(start.clone()))
}

/// Moves the mark, if it still stands where it was.
fn advance(connection: &mut SqliteConnection, from: &CopyRow, to: &CopyRow) -> Result<bool, Failure> {
    if mark(connection)?.as_ref() != Some(from) {
        return Ok(false);
    }
    diesel::update(copies::table).set(to).execute(connection)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use phoneproof_store_rows::archive::table_of;

    use super::*;
    use crate::Options;

    /// Tables that no copy takes along: every store has its own.
    const OWN: [&str; 2] = ["__diesel_schema_migrations", "copies"];

    #[derive(QueryableByName)]
    struct Named {
        #[diesel(sql_type = diesel::sql_types::Text)]
        name: String,
    }

    #[tokio::test]
    async fn every_table_is_a_part_or_belongs_to_the_store_itself() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(Options::at(folder.path().join("test.db"))).unwrap();
        // Those that SQLite makes for itself hold nothing of ours; `sqlite_sequence` would, and must not be there.
        let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_stat%'";
        let tables = store
            .searches
            .read(move |connection| Ok(diesel::sql_query(tables).load::<Named>(connection)?));
        let tables = tables.await.unwrap();
        let parts = Part::ALL.map(table_of).into_iter().chain(OWN);
        assert_eq!(
            tables.iter().map(|table| table.name.as_str()).collect::<BTreeSet<_>>(),
            parts.collect()
        );
    }
}
