//! Changes that need no revision: counted, queued, settled in one turn of the writing thread.

use std::sync::{Arc, Mutex, PoisonError};

use diesel::sqlite::SqliteConnection;
use phoneproof_domain::ports::{CommitError, StoreError};

use crate::SqliteStore;
use crate::errors::{Failure, unavailable};

impl SqliteStore {
    /// Runs `work` in the writing thread, and hands out what it answered once that is committed.
    pub(crate) async fn written<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut SqliteConnection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let answer = Arc::new(Mutex::new(None));
        let told = Arc::clone(&answer);
        self.writer
            .write(Box::new(move |connection| {
                *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(work(connection)?);
                Ok(())
            }))
            .await
            .map_err(store_error)?;
        let answer = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        answer.ok_or_else(|| unavailable("the writer answered without a word"))
    }
}

/// Nothing here has a revision, or is unique but for what is drawn at random.
fn store_error(error: CommitError) -> StoreError {
    match error {
        CommitError::Store(error) => error,
        CommitError::Stale | CommitError::Taken(_) => unavailable(error),
    }
}
