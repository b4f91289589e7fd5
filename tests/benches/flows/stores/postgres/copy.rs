use std::io::Cursor;
use std::pin::pin;

use futures_util::SinkExt;
use tokio_postgres::Client;

use super::{Postgres, connect};
use crate::Failure;
use crate::people::Ids;
use crate::stores::fill::{Differing, Stored, TABLES, Value, differing, users};

/// How many bytes are sent at once.
const CHUNK: usize = 1 << 16;

/// Adds users to a database who are like `pattern`: copied into bare tables, whose keys and indexes are made after.
///
/// Their pages are then 90 % full, as PostgreSQL makes them, where those of an index that has grown are some 70 %.
pub(in crate::stores) async fn fill(
    postgres: &Postgres,
    database: &str,
    pattern: &str,
    size: u32,
    ids: Ids,
) -> Result<(), Failure> {
    let client = connect(&postgres.url(database)).await?;
    let made = strip(&client).await?;
    for (table, key) in TABLES {
        copy(&client, table, key, pattern, users(size, ids)?).await?;
    }
    for statement in made {
        client.batch_execute(&statement).await?;
    }
    client.batch_execute("VACUUM ANALYZE").await?;
    Ok(())
}

/// Takes away what makes writing slow, and answers the statements that make it again, in their order.
async fn strip(client: &Client) -> Result<Vec<String>, Failure> {
    let tables = TABLES.map(|(table, _)| table).to_vec();
    // Foreign keys lean on keys, so they go first and come last.
    let constraints = "SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid), contype = 'f' \
        FROM pg_constraint WHERE contype IN ('p', 'u', 'f') \
        AND (conrelid::regclass::text = ANY($1) OR confrelid::regclass::text = ANY($1)) ORDER BY contype = 'f'";
    let constraints = client.query(constraints, &[&tables]).await?;
    let indexes = "SELECT indexname::text, indexdef FROM pg_indexes WHERE tablename = ANY($1) \
        AND indexname NOT IN (SELECT conname FROM pg_constraint WHERE contype IN ('p', 'u'))";
    let (mut gone, mut made, mut last) = (Vec::new(), Vec::new(), Vec::new());
    for row in client.query(indexes, &[&tables]).await? {
        gone.push(format!("DROP INDEX {}", row.get::<_, String>(0)));
        made.push(row.get(1));
    }
    for row in constraints.iter().rev() {
        let (table, name, definition): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        gone.push(format!("ALTER TABLE {table} DROP CONSTRAINT {name}"));
        let add = format!("ALTER TABLE {table} ADD CONSTRAINT {name} {definition}");
        if row.get(3) {
            last.push(add);
        } else {
            made.push(add);
        }
    }
    client.batch_execute(&gone.join(";")).await?;
    made.extend(last);
    Ok(made)
}

async fn copy(
    client: &Client,
    table: &str,
    key: &str,
    pattern: &str,
    users: impl Iterator<Item = Stored>,
) -> Result<(), Failure> {
    let columns = "SELECT attname::text FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 \
        AND NOT attisdropped AND attgenerated = '' ORDER BY attnum";
    let columns = client.query(columns, &[&table]).await?;
    let columns: Vec<String> = columns.iter().map(|row| row.get(0)).collect();
    let same = format!(
        "SELECT ARRAY[{}::text] FROM {table} WHERE {key} = $1",
        columns.join("::text, ")
    );
    let same: Vec<Option<String>> = client.query_one(&same, &[&pattern]).await?.get(0);
    let cells = columns
        .iter()
        .zip(same)
        .map(|(column, same)| match differing(table, column) {
            Some(value) => Cell::Differing(value),
            None => Cell::Same(same.map_or_else(|| "\\N".to_owned(), |text| escaped(&text))),
        });
    let cells: Vec<Cell> = cells.collect();

    let into = format!("COPY {table} ({}) FROM STDIN", columns.join(", "));
    let mut sink = pin!(client.copy_in::<_, Cursor<Vec<u8>>>(&into).await?);
    let mut chunk = Vec::with_capacity(CHUNK + 1024);
    for user in users {
        write_row(&mut chunk, &cells, &user);
        if chunk.len() >= CHUNK {
            let full = std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK + 1024));
            sink.send(Cursor::new(full)).await?;
        }
    }
    sink.send(Cursor::new(chunk)).await?;
    sink.finish().await?;
    Ok(())
}

/// What a column has, as `COPY` reads it.
enum Cell {
    Same(String),
    Differing(Differing),
}

fn write_row(chunk: &mut Vec<u8>, cells: &[Cell], user: &Stored) {
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            chunk.push(b'\t');
        }
        match cell {
            Cell::Same(text) => chunk.extend_from_slice(text.as_bytes()),
            Cell::Differing(value) => match value(user) {
                // Ids and numbers hold nothing that would have to be escaped.
                Value::Text(text) => chunk.extend_from_slice(text.as_bytes()),
                Value::Millis(millis) => chunk.extend_from_slice(millis.to_string().as_bytes()),
            },
        }
    }
    chunk.push(b'\n');
}

fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('\t', "\\t");
    text.replace('\n', "\\n").replace('\r', "\\r")
}
