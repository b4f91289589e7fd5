//! `Limiter`: counting what happened, in the one thread that writes. The rule is [`Charge::wait`].

use std::time::Duration;

use async_trait::async_trait;
use diesel::prelude::*;
use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::{Charge, Decision, Limiter, StoreError};

use crate::SqliteStore;
use crate::errors::Failure;
use crate::schema::limits;

/// Rows of any key that are cleared away with each charge, so that they never pile up.
const CLEARED: i64 = 16;

#[async_trait]
impl Limiter for SqliteStore {
    async fn charge(&self, charges: &[Charge], now: Timestamp) -> Result<Decision, StoreError> {
        let charges = charges.to_vec();
        self.written(move |connection| charge(connection, &charges, now)).await
    }
}

fn charge(connection: &mut SqliteConnection, charges: &[Charge], now: Timestamp) -> Result<Decision, Failure> {
    let mut longest = Duration::ZERO;
    let mut numbers = Vec::with_capacity(charges.len());
    for charge in charges {
        let last = last(connection, &charge.key)?;
        longest = longest.max(wait(connection, charge, last, now)?);
        numbers.push(last + 1);
    }
    if !longest.is_zero() {
        return Ok(Decision::Limited { retry_after: longest });
    }
    for (charge, number) in charges.iter().zip(numbers) {
        let forget_at = charge.forget_at(now).as_millis();
        insert(connection, &charge.key, number, now.as_millis(), forget_at)?;
    }
    let over: Vec<i64> = limits::table
        .filter(limits::forget_at_ms.le(now.as_millis()))
        .order_by(limits::forget_at_ms)
        .limit(CLEARED)
        .select(limits::rowid)
        .load(connection)?;
    for row in over {
        diesel::delete(limits::table.find(row)).execute(connection)?;
    }
    Ok(Decision::Allowed)
}

/// Counts an event under a key, whose number must be that after the [`last`] one.
pub(crate) fn insert(
    connection: &mut SqliteConnection,
    key: &str,
    sequence: i64,
    at_ms: i64,
    forget_at_ms: i64,
) -> QueryResult<()> {
    diesel::insert_into(limits::table)
        .values((
            limits::key.eq(key),
            limits::at_ms.eq(at_ms),
            limits::forget_at_ms.eq(forget_at_ms),
            limits::sequence.eq(sequence),
        ))
        .execute(connection)?;
    Ok(())
}

/// The number of the youngest event of a key; zero if there is none.
pub(crate) fn last(connection: &mut SqliteConnection, key: &str) -> QueryResult<i64> {
    let last: Option<i64> = limits::table
        .filter(limits::key.eq(key))
        .select(diesel::dsl::max(limits::sequence))
        .get_result(connection)?;
    Ok(last.unwrap_or_default())
}

/// How long until there is room under this key; zero if there is.
fn wait(connection: &mut SqliteConnection, charge: &Charge, last: i64, now: Timestamp) -> Result<Duration, Failure> {
    if last == 0 {
        return Ok(Duration::ZERO);
    }
    let events = || limits::table.filter(limits::key.eq(&charge.key));
    let mut blocking = Vec::with_capacity(charge.windows.len());
    for window in &charge.windows {
        let at: Option<i64> = events()
            .filter(limits::sequence.eq(last - i64::from(window.nth_youngest()) + 1))
            .select(limits::at_ms)
            .get_result(connection)
            .optional()?;
        blocking.push(at.map(Timestamp::from_millis));
    }
    let mut youngest = Vec::new();
    if !charge.waits.is_empty() {
        let most = i64::try_from(charge.waits.len()).unwrap_or(i64::MAX);
        let times: Vec<i64> = events()
            .filter(limits::sequence.gt(last - most))
            .order_by(limits::sequence.desc())
            .select(limits::at_ms)
            .load(connection)?;
        youngest.extend(times.into_iter().map(Timestamp::from_millis));
    }
    Ok(charge.wait(&blocking, &youngest, now))
}
