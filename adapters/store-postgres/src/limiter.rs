//! `Limiter`: counting what happened, one charge of a key after the other.
//!
//! Every key of a charge is locked for the length of its transaction, in one order, so that charges never wait for each
//! other in a circle; one statement judges all windows, and one takes the room. That is two round trips, whatever the
//! number of keys.

use std::time::Duration;

use async_trait::async_trait;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use futures_util::future::join3;
use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::{Charge, Charged, Limiter, StoreError};

use crate::PostgresStore;
use crate::errors::Failure;
use crate::fragments::{Counted, InTheWay, Locks, Taken};
use crate::transaction::{Decided, Step, within};

#[async_trait]
impl Limiter for PostgresStore {
    async fn charge(&self, charges: &[Charge], now: Timestamp) -> Result<Charged, StoreError> {
        let charges = charges.to_vec();
        let outcome = self.connections.write(move |connection| {
            async move { within(connection, charge(connection, &charges, now)).await }.boxed()
        });
        Ok(outcome.await?)
    }
}

async fn charge(connection: &AsyncPgConnection, charges: &[Charge], now: Timestamp) -> Decided<Charged> {
    // They are sent at once and run one after the other: the snapshots of the later two are taken once the locks are ours,
    // and so hold all that was counted before us.
    let (locked, windows, waits) = join3(
        lock(connection, charges),
        in_the_way(connection, charges, now),
        counted(connection, charges, now),
    )
    .await;
    locked?;
    let wait = windows?.max(waits?);
    if !wait.is_zero() {
        return Ok((Charged::No { retry_after: wait }, Vec::new()));
    }
    Ok((Charged::Yes, vec![take(charges, now)]))
}

async fn lock(mut connection: &AsyncPgConnection, charges: &[Charge]) -> Result<(), Failure> {
    let keys: Vec<&str> = charges.iter().map(|charge| charge.key.as_str()).collect();
    Locks::of((keys.into_sql::<Array<Text>>(),))
        .execute(&mut connection)
        .await?;
    Ok(())
}

/// How long until there is room in every window; zero if there is.
async fn in_the_way(
    mut connection: &AsyncPgConnection,
    charges: &[Charge],
    now: Timestamp,
) -> Result<Duration, Failure> {
    let windows = charges
        .iter()
        .flat_map(|charge| charge.windows.iter().map(move |window| (&charge.key, window)));
    let (mut keys, mut spans, mut places) = (Vec::new(), Vec::new(), Vec::new());
    for (key, window) in windows {
        keys.push(key.as_str());
        spans.push(millis(window.span));
        places.push(i64::from(window.limit.max(1)) - 1);
    }
    if keys.is_empty() {
        return Ok(Duration::ZERO);
    }
    let found: Vec<(i64, i64)> = InTheWay::of((
        keys.into_sql::<Array<Text>>(),
        spans.into_sql::<Array<BigInt>>(),
        places.into_sql::<Array<BigInt>>(),
        now.as_millis().into_sql::<BigInt>(),
    ))
    .load(&mut connection)
    .await?;
    let waits = found.into_iter().map(|(at, span)| {
        let span = Duration::from_millis(span.unsigned_abs());
        Timestamp::from_millis(at).plus(span).since(now).min(span)
    });
    Ok(waits.max().unwrap_or_default())
}

/// How long until the least wait since the last one is over; zero if it is.
async fn counted(mut connection: &AsyncPgConnection, charges: &[Charge], now: Timestamp) -> Result<Duration, Failure> {
    let waiting: Vec<&Charge> = charges.iter().filter(|charge| !charge.waits.is_empty()).collect();
    if waiting.is_empty() {
        return Ok(Duration::ZERO);
    }
    let keys: Vec<&str> = waiting.iter().map(|charge| charge.key.as_str()).collect();
    let since: Vec<i64> = waiting
        .iter()
        .map(|charge| now.as_millis().saturating_sub(millis(charge.waits_span)))
        .collect();
    let found: Vec<(i64, i64, Option<i64>)> =
        Counted::of((keys.into_sql::<Array<Text>>(), since.into_sql::<Array<BigInt>>()))
            .load(&mut connection)
            .await?;
    let mut wait = Duration::ZERO;
    for (place, count, last) in found {
        let place = usize::try_from(place).unwrap_or_default();
        let waits = waiting
            .get(place)
            .map(|charge| charge.waits.as_slice())
            .unwrap_or_default();
        let before = usize::try_from(count).unwrap_or(usize::MAX);
        let rule = before
            .checked_sub(1)
            .and_then(|at| waits.get(at).or_else(|| waits.last()));
        if let (Some(least), Some(last)) = (rule, last) {
            let last = Timestamp::from_millis(last);
            let distance = now.since(last).max(last.since(now));
            wait = wait.max(least.saturating_sub(distance));
        }
    }
    Ok(wait)
}

/// Takes the room, and clears a few rows away that nothing looks back to, so that they never pile up.
fn take(charges: &[Charge], now: Timestamp) -> Step {
    let keys: Vec<String> = charges.iter().map(|charge| charge.key.as_str().to_owned()).collect();
    let forget_at: Vec<i64> = charges
        .iter()
        .map(|charge| {
            let spans = charge.windows.iter().map(|window| window.span);
            let longest = spans.chain([charge.waits_span]).max().unwrap_or_default();
            now.plus(longest).as_millis()
        })
        .collect();
    Step::new(Taken::of((
        keys.into_sql::<Array<Text>>(),
        forget_at.into_sql::<Array<BigInt>>(),
        now.as_millis().into_sql::<BigInt>(),
    )))
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// What the judging statements answer.
pub(crate) type InTheWayColumns = (BigInt, BigInt);
/// The place of the key in the list, how often it happened, and when last.
pub(crate) type CountedColumns = (BigInt, BigInt, Nullable<BigInt>);
