//! The ends of tries, several in one transaction.
//!
//! Hardly any request waits for one (ADR 11), so they need not be in a hurry: while some are on their way others gather, and
//! all of them go next. Under load they share a commit and its sync, as the changes on SQLite do.

use std::time::Duration;

use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::{FutureExt, StreamExt, stream};
use phoneproof_domain::ports::StoreError;
use phoneproof_domain::{Message, Settled, Timestamp};
use phoneproof_store_rows::messages::end_of_try;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::errors::{Failure, unavailable};
use crate::pool::Connections;
use crate::sms_outbox::settle;
use crate::transaction::{in_turn, within};

/// Most in one transaction.
const MOST: usize = 64;

/// Several do not wait for a row that somebody holds: none of them shall wait for another one's.
const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = '100ms'";

/// How long further ones wait for those on their way, and then go beside them.
const HEAD_START: Duration = Duration::from_millis(100);

/// How many of those that have to go by themselves do so at once: connections are for requests first.
const ALONE_AT_ONCE: usize = 4;

/// What came of a try, as [`SmsOutbox::settle`](phoneproof_domain::ports::SmsOutbox::settle) is told.
#[derive(Clone)]
pub(crate) struct Ending {
    pub(crate) leased: Message,
    pub(crate) settled: Settled,
    pub(crate) now: Timestamp,
}

/// An end, and who waits for it.
type Waiting = (Ending, oneshot::Sender<Result<(), StoreError>>);

/// The way to the task that writes them, of which there are no more than tries. It ends after the last of them, once this is
/// dropped.
pub(crate) struct Endings(mpsc::UnboundedSender<Waiting>);

impl Endings {
    /// Starts the task in the runtime in which this is called.
    pub(crate) fn start(connections: Connections) -> Self {
        let (queue, mut waiting) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut some = Vec::new();
            while waiting.recv_many(&mut some, MOST).await > 0 {
                let kept = tokio::spawn(keep(connections.clone(), std::mem::take(&mut some)));
                // It goes on if this ends before.
                let _ = timeout(HEAD_START, kept).await;
            }
        });
        Self(queue)
    }

    /// Writes it, whether or not the caller stays to hear of it.
    pub(crate) async fn keep(&self, ending: Ending) -> Result<(), StoreError> {
        let (kept, told) = oneshot::channel();
        self.0
            .send((ending, kept))
            .map_err(|_| unavailable("the store is closed"))?;
        told.await.map_err(unavailable)?
    }
}

/// Together, as far as nothing has happened to their messages; the others each by itself.
async fn keep(connections: Connections, mut some: Vec<Waiting>) {
    // Whoever locks rows of the same messages at the same time does so in the same order.
    some.sort_by(|(one, _), (other, _)| one.leased.id.cmp(&other.leased.id));
    let endings: Vec<Ending> = some.iter().map(|(ending, _)| ending.clone()).collect();
    let guessed = connections
        .write_group(
            move |connection| async move { guess(connection, &endings).await }.boxed(),
            |found| found.iter().filter(|found| **found).count(),
        )
        .await;
    let found = match guessed {
        Ok(found) => found,
        // One may be the fault of all.
        Err(Failure::Database(_)) if some.len() > 1 => vec![false; some.len()],
        Err(failure) => {
            let reason = StoreError::from(failure).to_string();
            return some
                .into_iter()
                .for_each(|(_, kept)| tell(kept, Err(unavailable(reason.clone()))));
        }
    };
    let (done, alone): (Vec<_>, Vec<_>) = some.into_iter().zip(found).partition(|(_, found)| *found);
    for ((_, kept), _) in done {
        tell(kept, Ok(()));
    }
    stream::iter(alone)
        .for_each_concurrent(ALONE_AT_ONCE, async |((ending, kept), _)| {
            tell(kept, keep_alone(&connections, ending).await);
        })
        .await;
}

/// Who has left does not hear it.
fn tell(kept: oneshot::Sender<Result<(), StoreError>>, outcome: Result<(), StoreError>) {
    let _ = kept.send(outcome);
}

/// Writes each whose message still is as it was when it was leased. Whether it was.
async fn guess(connection: &AsyncPgConnection, endings: &[Ending]) -> Result<Vec<bool>, Failure> {
    let one = |ending| guess_one(connection, ending);
    match endings {
        [ending] => Ok(vec![one(ending).await?]),
        several => in_turn(connection, BEGIN, several.iter().map(one)).await,
    }
}

async fn guess_one(mut connection: &AsyncPgConnection, ending: &Ending) -> QueryResult<bool> {
    let update = end_of_try(&ending.leased, &ending.settled, ending.now);
    Ok(update.execute(&mut connection).await? == 1)
}

async fn keep_alone(connections: &Connections, ending: Ending) -> Result<(), StoreError> {
    let Ending { leased, settled, now } = ending;
    let kept = connections.write(move |connection| {
        async move { within(connection, settle(connection, &leased, settled, now)).await }.boxed()
    });
    Ok(kept.await?)
}
