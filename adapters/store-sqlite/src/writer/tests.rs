//! The writing thread under what does not happen every day.

use std::sync::mpsc::{Sender, channel};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use futures_util::future::{FutureExt, join_all};
use phoneproof_domain::ports::StoreError;
use tempfile::{TempDir, tempdir};

use super::*;
use crate::{Options, SqliteStore};

/// A store with a table in which jobs leave marks.
async fn store(queue: usize) -> (TempDir, SqliteStore) {
    let folder = tempdir().unwrap();
    let options = Options {
        queue,
        ..Options::at(folder.path().join("test.db"))
    };
    let store = SqliteStore::open(options).unwrap();
    let table: Work =
        Box::new(|connection| Ok(connection.batch_execute("CREATE TABLE marks (id INTEGER PRIMARY KEY)")?));
    store.writer.write(table).await.unwrap();
    (folder, store)
}

fn mark(id: i64) -> Work {
    Box::new(move |connection| {
        diesel::sql_query("INSERT INTO marks VALUES (?)")
            .bind::<BigInt, _>(id)
            .execute(connection)?;
        Ok(())
    })
}

/// Marks, and then does what `end` does.
fn mark_and(id: i64, mut end: impl FnMut(&mut SqliteConnection) -> Result<(), Failure> + Send + 'static) -> Work {
    Box::new(move |connection| {
        mark(id)(connection)?;
        end(connection)
    })
}

async fn marks(store: &SqliteStore) -> Vec<i64> {
    let read = |connection: &mut SqliteConnection| {
        Ok(diesel::dsl::sql::<BigInt>("SELECT id FROM marks ORDER BY id").load(connection)?)
    };
    store.readers.read(read).await.unwrap()
}

/// Keeps the thread busy until the answer is dropped or sent to, so that a group forms behind it.
async fn busy(store: &SqliteStore) -> (Sender<()>, impl Future<Output = Result<(), CommitError>>) {
    let ((done, wait), (begun, has_begun)) = (channel(), oneshot::channel());
    let mut begun = Some(begun);
    let work: Work = Box::new(move |_| {
        if let Some(begun) = begun.take() {
            let _ = begun.send(());
        }
        let _ = wait.recv();
        Ok(())
    });
    let mut blocker = Box::pin(store.writer.write(work));
    assert!(blocker.as_mut().now_or_never().is_none());
    has_begun.await.unwrap();
    (done, blocker)
}

fn is_unavailable(answer: &Result<(), CommitError>) -> bool {
    matches!(answer, Err(CommitError::Store(StoreError::Unavailable(_))))
}

#[tokio::test]
async fn what_waits_is_committed_as_one_group() {
    let (_folder, store) = store(1000).await;
    let before = store.stats();
    let (done, blocker) = busy(&store).await;
    let waiting = join_all((0..300).map(|id| store.writer.write(mark(id))));
    let release = async { drop(done) };
    let (first, answers, ()) = tokio::join!(blocker, waiting, release);
    assert!(first.is_ok() && answers.iter().all(Result::is_ok));
    let after = store.stats();
    assert_eq!(after.commits - before.commits, 301);
    assert_eq!(after.groups - before.groups, 3, "the first one, 256, and the rest");
    assert_eq!(marks(&store).await.len(), 300);
}

#[tokio::test]
async fn a_job_that_fails_or_panics_goes_back_alone() {
    let (_folder, store) = store(1000).await;
    let (done, blocker) = busy(&store).await;
    let group = join_all([
        store.writer.write(mark(1)),
        store.writer.write(mark_and(2, |_| Err(Failure::Stale))),
        store.writer.write(mark_and(3, |_| panic!("on purpose"))),
        store.writer.write(mark(1)),
        store.writer.write(mark(4)),
    ]);
    let (_, answers, ()) = tokio::join!(blocker, group, async { drop(done) });
    assert!(answers[0].is_ok() && answers[4].is_ok());
    assert!(matches!(answers[1], Err(CommitError::Stale)));
    assert!(is_unavailable(&answers[2]));
    assert!(matches!(
        answers[3],
        Err(CommitError::Store(StoreError::Corrupt { .. }))
    ));
    assert_eq!(marks(&store).await, [1, 4]);
    assert!(!store.writer.is_failing());
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let (_folder, store) = store(2).await;
    let (done, blocker) = busy(&store).await;
    let mut queued = Box::pin(join_all((0..2).map(|id| store.writer.write(mark(id)))));
    assert!(queued.as_mut().now_or_never().is_none());
    assert!(is_unavailable(&store.writer.write(mark(2)).now_or_never().unwrap()));
    drop(done);
    assert!(blocker.await.is_ok() && queued.await.iter().all(Result::is_ok));
    store.writer.write(mark(2)).await.unwrap();
    assert_eq!(marks(&store).await, [0, 1, 2]);
}

#[tokio::test]
async fn what_is_queued_is_written_though_its_caller_left() {
    let (_folder, store) = store(1000).await;
    let (done, blocker) = busy(&store).await;
    assert!(store.writer.write(mark(1)).now_or_never().is_none(), "and dropped");
    drop(done);
    blocker.await.unwrap();
    store.writer.write(mark(2)).await.unwrap();
    assert_eq!(marks(&store).await, [1, 2]);
}

#[tokio::test]
async fn closing_writes_what_is_queued() {
    let (folder, store) = store(1000).await;
    let (done, blocker) = busy(&store).await;
    assert!(store.writer.write(mark(1)).now_or_never().is_none(), "and dropped");
    drop((done, blocker));
    drop(store);
    let store = SqliteStore::open(Options::at(folder.path().join("test.db"))).unwrap();
    assert_eq!(marks(&store).await, [1]);
}

#[tokio::test]
async fn a_full_disk_takes_the_group_back_and_is_got_over() {
    let (_folder, store) = store(1000).await;
    let (done, blocker) = busy(&store).await;
    let fill = mark_and(2, |connection| {
        Ok(connection.batch_execute("PRAGMA max_page_count = 1; CREATE TABLE fill AS SELECT zeroblob(1000000)")?)
    });
    let group = join_all([mark(1), fill, mark(3)].map(|work| store.writer.write(work)));
    let (_, answers, ()) = tokio::join!(blocker, group, async { drop(done) });
    assert!(answers.iter().all(is_unavailable), "{answers:?}");
    assert!(store.writer.is_failing());
    assert!(marks(&store).await.is_empty());
    store.writer.write(mark(4)).await.unwrap();
    assert!(!store.writer.is_failing());
    assert_eq!(marks(&store).await, [4]);
}

#[tokio::test]
async fn a_failure_that_ends_the_transaction_takes_the_group_with_it() {
    let (_folder, store) = store(1000).await;
    let (done, blocker) = busy(&store).await;
    // As SQLite does when the disk is full: the statement fails, and the transaction is gone with it.
    let end = mark_and(2, |connection| {
        connection.batch_execute("ROLLBACK")?;
        Ok(connection.batch_execute("INSERT INTO nowhere VALUES (1)")?)
    });
    let group = join_all([mark(1), end, mark(3)].map(|work| store.writer.write(work)));
    let (_, answers, ()) = tokio::join!(blocker, group, async { drop(done) });
    assert!(answers.iter().all(is_unavailable), "{answers:?}");
    assert!(marks(&store).await.is_empty());
    store.writer.write(mark(4)).await.unwrap();
    assert_eq!(marks(&store).await, [4]);
}

#[tokio::test]
async fn a_change_that_may_join_is_committed_with_the_next_one() {
    let (_folder, store) = store(1000).await;
    let before = store.stats();
    let mut joining = Box::pin(join_all((1..=3).map(|id| store.writer.write_with_next(mark(id)))));
    assert!(joining.as_mut().now_or_never().is_none());
    store.writer.write(mark(4)).await.unwrap();
    assert_eq!(
        marks(&store).await,
        [1, 2, 3, 4],
        "when the next one is there, so are they"
    );
    assert!(joining.await.iter().all(Result::is_ok));
    let after = store.stats();
    assert_eq!((after.commits - before.commits, after.groups - before.groups), (4, 1));
}

#[tokio::test]
async fn a_change_that_may_join_is_committed_alone_if_none_comes() {
    let (_folder, store) = store(1000).await;
    let before = store.stats();
    store.writer.write_with_next(mark(1)).await.unwrap();
    assert_eq!(marks(&store).await, [1]);
    let after = store.stats();
    assert_eq!((after.commits - before.commits, after.groups - before.groups), (1, 1));
}

#[tokio::test]
async fn closing_writes_what_waits_to_join() {
    let (folder, store) = store(1000).await;
    assert!(
        store.writer.write_with_next(mark(1)).now_or_never().is_none(),
        "and dropped"
    );
    drop(store);
    let store = SqliteStore::open(Options::at(folder.path().join("test.db"))).unwrap();
    assert_eq!(marks(&store).await, [1]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_store_that_is_closed_leaves_no_descriptor() {
    let (folder, store) = store(8).await;
    let path = folder.path().canonicalize().unwrap().join("test.db");
    let open = || {
        let all = std::fs::read_dir("/proc/self/fd").unwrap();
        let all = all.filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok());
        all.filter(|to| *to == path).count()
    };
    assert!(open() > 1);
    drop(store);
    assert_eq!(open(), 0);
}
