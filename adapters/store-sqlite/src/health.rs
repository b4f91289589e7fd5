//! Whether the store can serve.

use async_trait::async_trait;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use phoneproof_domain::ports::{CommitError, StoreError, StoreHealth};

use crate::errors::unavailable;
use crate::writer::Work;
use crate::{SqliteStore, connection};
use phoneproof_store_rows::schema::users;

#[async_trait]
impl StoreHealth for SqliteStore {
    /// Reads a row and takes the lock for writing. Only while changes fail does it write as well:
    /// a question that costs a wait for the disk should not be free for everybody to ask.
    async fn check(&self) -> Result<(), StoreError> {
        let path = self.path.clone();
        let read = self.readers.read(move |connection| {
            connection::must_exist(&path).map_err(unavailable)?;
            let _: Option<String> = users::table.select(users::id).first(connection).optional()?;
            Ok(())
        });
        let probe: Work = if self.writer.is_failing() {
            Box::new(|connection| Ok(connection.batch_execute("PRAGMA user_version = 0")?))
        } else {
            Box::new(|_| Ok(()))
        };
        let write = async {
            self.writer.write(probe).await.map_err(|error| match error {
                CommitError::Store(error) => error,
                CommitError::Stale | CommitError::Taken(_) => unavailable(error),
            })
        };
        // Both at once, for each may take its time to find out.
        tokio::try_join!(read, write).map(|((), ())| ())
    }
}
