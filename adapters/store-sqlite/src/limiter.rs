//! `Limiter`: counting what happened, in the one thread that writes.

use std::time::Duration;

use async_trait::async_trait;
use diesel::prelude::*;
use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::{Charge, Charged, Limiter, StoreError};

use crate::SqliteStore;
use crate::errors::Failure;
use crate::schema::limits;

/// Rows of any key that are cleared away with each charge, so that they never pile up.
const CLEARED: i64 = 16;

#[async_trait]
impl Limiter for SqliteStore {
    async fn charge(&self, charges: &[Charge], now: Timestamp) -> Result<Charged, StoreError> {
        let charges = charges.to_vec();
        self.written(move |connection| charge(connection, &charges, now)).await
    }
}

fn charge(connection: &mut SqliteConnection, charges: &[Charge], now: Timestamp) -> Result<Charged, Failure> {
    let mut wait = Duration::ZERO;
    for charge in charges {
        wait = wait.max(must_wait(connection, charge, now)?);
    }
    if !wait.is_zero() {
        return Ok(Charged::No { retry_after: wait });
    }
    for charge in charges {
        let spans = charge.windows.iter().map(|window| window.span);
        let longest = spans.chain([charge.waits_span]).max().unwrap_or_default();
        diesel::insert_into(limits::table)
            .values((
                limits::key.eq(&charge.key),
                limits::at_ms.eq(now.as_millis()),
                limits::forget_at_ms.eq(now.plus(longest).as_millis()),
            ))
            .execute(connection)?;
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
    Ok(Charged::Yes)
}

/// How long until there is room under this key; zero if there is.
fn must_wait(connection: &mut SqliteConnection, charge: &Charge, now: Timestamp) -> Result<Duration, Failure> {
    let mut wait = Duration::ZERO;
    for window in &charge.windows {
        let since = now.as_millis().saturating_sub(millis(window.span));
        // The one that must have left the window before there is room: the `limit`-th youngest.
        let in_the_way: Option<i64> = limits::table
            .filter(limits::key.eq(&charge.key))
            .filter(limits::at_ms.gt(since))
            // A clock that was set back must not lock anybody out for longer than the span.
            .filter(limits::at_ms.le(now.as_millis().saturating_add(millis(window.span))))
            .order_by(limits::at_ms.desc())
            .limit(1)
            .offset(i64::from(window.limit.max(1)) - 1)
            .select(limits::at_ms)
            .get_result(connection)
            .optional()?;
        if let Some(at) = in_the_way {
            let free_at = Timestamp::from_millis(at).plus(window.span);
            wait = wait.max(free_at.since(now).min(window.span));
        }
    }
    if charge.waits.is_empty() {
        return Ok(wait);
    }
    let since = now.as_millis().saturating_sub(millis(charge.waits_span));
    let (count, last): (i64, Option<i64>) = limits::table
        .filter(limits::key.eq(&charge.key))
        .filter(limits::at_ms.gt(since))
        .select((diesel::dsl::count_star(), diesel::dsl::max(limits::at_ms)))
        .get_result(connection)?;
    let before = usize::try_from(count).unwrap_or(usize::MAX);
    let rule = before
        .checked_sub(1)
        .and_then(|at| charge.waits.get(at).or_else(|| charge.waits.last()));
    if let (Some(least), Some(last)) = (rule, last) {
        let last = Timestamp::from_millis(last);
        let distance = now.since(last).max(last.since(now));
        wait = wait.max(least.saturating_sub(distance));
    }
    Ok(wait)
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
