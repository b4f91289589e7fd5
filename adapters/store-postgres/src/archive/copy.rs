//! Writing one page of a part, by `COPY`: PostgreSQL takes rows in no faster way.

mod text;

use std::io::Cursor;

use futures_util::SinkExt;
use phoneproof_domain::ports::{CopyMark, Record, StoreError};
use phoneproof_store_rows::archive::overtaken;
use tokio::sync::Mutex;
use tokio_postgres::{Client, Error};

use crate::connect::{Connector, Role};
use crate::errors::{told, unavailable};

use text::CopyText;

/// Moves the mark, if it still stands where it was. It comes first, for whoever waits here for another copy shall not meet
/// what that one wrote.
const ADVANCE: &str = "UPDATE copies SET part = $1, after = $2 \
                       WHERE source = $3 AND part = $4 AND after IS NOT DISTINCT FROM $5";

/// The connection that writes a copy, which is opened when it is needed: Diesel has no words for `COPY`.
#[derive(Default)]
pub(crate) struct Copying(Mutex<Option<Client>>);

impl Copying {
    pub(crate) async fn write(
        &self,
        connector: &Connector,
        records: &[Record],
        from: &CopyMark,
        to: &CopyMark,
    ) -> Result<(), StoreError> {
        let page = CopyText::of(to.part, records)?;
        let mut kept = self.0.lock().await;
        // It is put back only once it is at rest: one that is dropped in the middle is closed, and undone.
        let client = match kept.take() {
            Some(client) if !client.is_closed() => client,
            _ => connector.client(Role::Maintain).await.map_err(unavailable)?,
        };
        let written = write(&client, page, from, to).await.map_err(|error| failed(&error))?;
        *kept = Some(client);
        if written { Ok(()) } else { Err(overtaken()) }
    }
}

/// Whether the mark still stood there.
async fn write(client: &Client, page: CopyText, from: &CopyMark, to: &CopyMark) -> Result<bool, Error> {
    client.batch_execute("BEGIN").await?;
    let (part, old_part) = (to.part.as_str(), from.part.as_str());
    let moved = client
        .execute(ADVANCE, &[&part, &to.after, &from.source, &old_part, &from.after])
        .await?;
    if moved == 0 {
        client.batch_execute("ROLLBACK").await?;
        return Ok(false);
    }
    if let Some(statement) = page.statement {
        let mut sink = Box::pin(client.copy_in::<_, Cursor<Vec<u8>>>(&statement).await?);
        sink.send(Cursor::new(page.lines)).await?;
        sink.as_mut().finish().await?;
    }
    client.batch_execute("COMMIT").await?;
    Ok(true)
}

/// What went wrong, without the details: they quote the row.
fn failed(error: &Error) -> StoreError {
    match error.as_db_error() {
        Some(said) => unavailable(said.message()),
        None => unavailable(told(error.to_string().into())),
    }
}
