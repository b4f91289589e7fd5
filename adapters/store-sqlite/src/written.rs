//! Changes that need no revision: counted, queued, settled in one turn of the writing thread.

use std::sync::{Arc, Mutex, PoisonError};

use diesel::sqlite::SqliteConnection;
use phoneproof_domain::ports::{CommitError, StoreError};

use crate::SqliteStore;
use crate::errors::{Failure, unavailable};
use crate::writer::Work;

impl SqliteStore {
    /// Runs `work` in the writing thread, and hands out what it answered once that is committed.
    pub(crate) async fn written<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut SqliteConnection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let answer = Arc::new(Mutex::new(None));
        let told = Arc::clone(&answer);
        let work: Work = Box::new(move |connection| {
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(work(connection)?);
            Ok(())
        });
        self.writer.write(work).await.map_err(store_error)?;
        let answer = answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        answer.ok_or_else(|| unavailable("the writer answered without a word"))
    }

    /// Runs `work` in the writing thread together with the next change, or alone a moment later.
    pub(crate) async fn written_with_next(
        &self,
        work: impl FnMut(&mut SqliteConnection) -> Result<(), Failure> + Send + 'static,
    ) -> Result<(), StoreError> {
        self.writer.write_with_next(Box::new(work)).await.map_err(store_error)
    }
}

/// Nothing here has a revision, or is unique but for what is drawn at random.
fn store_error(error: CommitError) -> StoreError {
    match error {
        CommitError::Store(error) => error,
        CommitError::Stale | CommitError::Taken(_) => unavailable(error),
    }
}
