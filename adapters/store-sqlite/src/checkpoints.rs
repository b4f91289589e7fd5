//! Bringing what is in the log to its place in the file, beside the changes.
//!
//! SQLite does that by itself, within the commit that makes the log long, and whoever writes waits meanwhile for the disk.
//! In a small file the pages of thousands of changes are the same few. In a large one nearly every change has pages of its
//! own, and there are thousands to write and to sync. So a thread of its own does most of it while changes go on, and
//! SQLite finds little left to do before it begins the log anew.
//!
//! It syncs the file itself: SQLite does so only where it reaches the end of the log, which changes move on meanwhile, and
//! leaves the rest of the syncing to that commit. (A file that replaced the one of the start is synced by SQLite alone.)

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use diesel::connection::SimpleConnection;
use phoneproof_domain::ports::BoxError;

use crate::connection::{Connector, Role};
use crate::threads::ended;
use crate::writer::LARGEST_GROUP;

/// Changes after which it is done again: twice a full group. In a large file each has a page or two of its own, of the 4000
/// after which SQLite does it by itself.
const CHANGES: usize = 2 * LARGEST_GROUP;

/// The way to the thread. Dropping it lets it finish.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    due: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    at_work: Arc<AtomicBool>,
    /// Since it was last done.
    changes: usize,
}

impl Checkpoints {
    /// Starts the thread, which syncs `file`. The caller closes that after its last connection ([`Connector::file`]).
    pub(crate) fn start(connector: Connector, file: Arc<File>) -> Result<Self, std::io::Error> {
        let (due, asked) = sync_channel(1);
        let at_work = Arc::new(AtomicBool::new(false));
        let working = Arc::clone(&at_work);
        let thread = std::thread::Builder::new()
            .name("sqlite-log".to_owned())
            .spawn(move || run(&connector, &file, &asked, &working))?;
        Ok(Self {
            due: Some(due),
            thread: Some(thread),
            at_work,
            changes: 0,
        })
    }

    /// So many more changes are in the log.
    ///
    /// While the thread is at work none are counted: SQLite begins the log anew only in a commit that meets nobody at this,
    /// and there must be some.
    pub(crate) fn written(&mut self, changes: usize) {
        if self.at_work.load(Ordering::Acquire) {
            return;
        }
        self.changes += changes;
        if self.changes >= CHANGES
            && let Some(due) = &self.due
        {
            self.changes = 0;
            self.at_work.store(true, Ordering::Release);
            // It waits for this. If it panicked nothing is lost: SQLite does it all by itself.
            let _ = due.try_send(());
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        drop(self.due.take());
        if let Some(thread) = self.thread.take() {
            ended(thread, "the thread that empties the log of the database panicked");
        }
    }
}

fn run(connector: &Connector, file: &File, asked: &Receiver<()>, at_work: &AtomicBool) {
    let mut failing = false;
    while asked.recv().is_ok() {
        let done = checkpoint(connector);
        // The log grows meanwhile.
        if let Err(error) = &done
            && !failing
        {
            tracing::warn!("the log of the database cannot be written to its place: {error}");
        }
        failing = done.is_err();
        if let Err(error) = file.sync_data() {
            // The system tells it once and then takes the pages for written (fsync(2)): a later sync would say all is well.
            tracing::error!("the disk failed to write the database: {error}; run `PRAGMA integrity_check` on it");
            return;
        }
        at_work.store(false, Ordering::Release);
    }
}

/// As much as can be done without waiting for anybody, on a connection of its own each time: a kept one would hold on to a
/// file that was replaced.
fn checkpoint(connector: &Connector) -> Result<(), BoxError> {
    let mut connection = connector.connect(Role::Read)?;
    Ok(connection.batch_execute("PRAGMA wal_checkpoint(PASSIVE)")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;

    /// As `written` says.
    #[test]
    fn nothing_is_counted_while_it_is_at_work() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options::at(folder.path().join("phoneproof.db"));
        crate::SqliteStore::migrate(&options).unwrap();
        let connector = Connector::new(&options).unwrap();
        let file = Arc::new(connector.file().unwrap());
        let mut checkpoints = Checkpoints::start(connector, file).unwrap();
        checkpoints.at_work.store(true, Ordering::Release);
        checkpoints.written(10 * CHANGES);
        assert_eq!(checkpoints.changes, 0);
        checkpoints.at_work.store(false, Ordering::Release);
        checkpoints.written(1);
        assert_eq!(checkpoints.changes, 1);
    }

    #[test]
    fn what_was_written_is_in_the_file_and_nobody_waited() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("phoneproof.db");
        let options = Options::at(&path);
        crate::SqliteStore::migrate(&options).unwrap();
        let connector = Connector::new(&options).unwrap();
        let mut writer = connector.connect(Role::Write).unwrap();
        writer
            .batch_execute("CREATE TABLE fill AS SELECT zeroblob(1000000) AS it")
            .unwrap();
        let before = std::fs::metadata(&path).unwrap().len();

        let file = Arc::new(connector.file().unwrap());
        let mut checkpoints = Checkpoints::start(connector, file).unwrap();
        checkpoints.written(CHANGES - 1);
        checkpoints.written(1);
        drop(checkpoints);

        let after = std::fs::metadata(&path).unwrap().len();
        assert!(before < 1_000_000 && after > 1_000_000, "{before} {after}");
    }
}
