use std::fs::File;
use std::path::Path;

use rusqlite::types::Value as Cell;
use rusqlite::{Connection, Statement};

use super::fill::{Differing, Stored, TABLES, Value, differing, users};
use crate::Failure;
use crate::people::Ids;

/// Nothing is kept safe while it is filled; the cache holds a store of some ten millions.
const UNSAFE_BUT_FAST: &str = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE; PRAGMA journal_mode = OFF; \
    PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -6000000; BEGIN";

/// Adds users to the store in `file` who are like `pattern`.
///
/// They are written in the order in which they came, to tables with all their indexes. Sorting them first would be
/// faster and give a store that no server has: indexes whose pages are all full, where each new number splits some.
pub(super) fn fill(file: &Path, pattern: &str, size: u32, ids: Ids) -> Result<(), Failure> {
    let connection = Connection::open(file)?;
    connection.execute_batch(UNSAFE_BUT_FAST)?;
    let mut inserts = Vec::new();
    for (table, key) in TABLES {
        inserts.push(Insert::new(&connection, table, key, pattern)?);
    }
    for user in users(size, ids)? {
        for insert in &mut inserts {
            insert.run(&user)?;
        }
    }
    drop(inserts);
    connection.execute_batch("COMMIT; PRAGMA journal_mode = WAL")?;
    connection.close().map_err(|(_, error)| error)?;
    File::open(file)?.sync_all()?;
    Ok(())
}

/// The writing of a table's rows: what is the same in all is bound once.
struct Insert<'c> {
    statement: Statement<'c>,
    differing: Vec<(usize, Differing)>,
}

impl<'c> Insert<'c> {
    fn new(connection: &'c Connection, table: &str, key: &str, pattern: &str) -> rusqlite::Result<Self> {
        let mut columns = connection.prepare("SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0")?;
        let columns: Vec<String> = columns
            .query_map([table], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let names = columns.join(", ");
        let same: Vec<Cell> = connection.query_row(
            &format!("SELECT {names} FROM {table} WHERE {key} = ?1"),
            [pattern],
            |row| (0..columns.len()).map(|at| row.get(at)).collect(),
        )?;
        let places = vec!["?"; columns.len()].join(", ");
        let mut statement = connection.prepare(&format!("INSERT INTO {table} ({names}) VALUES ({places})"))?;
        let mut differs = Vec::new();
        for (at, (column, same)) in columns.iter().zip(same).enumerate() {
            match differing(table, column) {
                Some(value) => differs.push((at + 1, value)),
                None => statement.raw_bind_parameter(at + 1, same)?,
            }
        }
        Ok(Self {
            statement,
            differing: differs,
        })
    }

    fn run(&mut self, user: &Stored) -> rusqlite::Result<usize> {
        for (at, value) in &self.differing {
            match value(user) {
                Value::Text(text) => self.statement.raw_bind_parameter(*at, text)?,
                Value::Millis(millis) => self.statement.raw_bind_parameter(*at, millis)?,
            }
        }
        self.statement.raw_execute()
    }
}
