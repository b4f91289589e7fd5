//! `Limiter`: counting events, all charges of a key one after the other.
//!
//! The function `charge_limits` of the database does it in one round trip, however many keys there are, and holds their
//! locks for none. To judge by [`Charge::wait`] itself would take a second round trip under the locks, between reading the
//! events and counting one more. So that rule is written a second time there, in the migration `number_limits`, and the
//! conformance suite compares the function with it on random charges.

use std::time::Duration;

use async_trait::async_trait;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::FutureExt;
use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::{Charge, Decision, Limiter, StoreError};

use crate::PostgresStore;
use crate::errors::Failure;

mod function {
    #![expect(clippy::too_many_arguments, reason = "the arrays of a statement are its parameters")]

    use diesel::sql_types::{Array, BigInt, Text};

    #[diesel::declare_sql_function]
    extern "SQL" {
        /// Counts one event under each key or under none (the migration `number_limits` has it).
        fn charge_limits(
            keys: Array<Text>,
            forget_at: Array<BigInt>,
            now: BigInt,
            window_keys: Array<Text>,
            window_rooms: Array<BigInt>,
            window_spans: Array<BigInt>,
            wait_keys: Array<Text>,
            wait_spans: Array<BigInt>,
            wait_rules: Array<BigInt>,
            wait_rule_count: BigInt,
        ) -> BigInt;
    }
}

#[async_trait]
impl Limiter for PostgresStore {
    async fn charge(&self, charges: &[Charge], now: Timestamp) -> Result<Decision, StoreError> {
        let charges = charges.to_vec();
        let outcome = self.connections.write(charges, move |connection, charges| {
            charge(connection, charges, now).boxed()
        });
        Ok(outcome.await?)
    }
}

async fn charge(mut connection: &AsyncPgConnection, charges: &[Charge], now: Timestamp) -> Result<Decision, Failure> {
    let keys: Vec<&str> = charges.iter().map(|charge| charge.key.as_str()).collect();
    let forget_at: Vec<i64> = charges.iter().map(|charge| charge.forget_at(now).as_millis()).collect();

    let windows = charges
        .iter()
        .flat_map(|charge| charge.windows.iter().map(move |window| (&charge.key, window)));
    let (mut window_keys, mut rooms, mut window_spans) = (Vec::new(), Vec::new(), Vec::new());
    for (key, window) in windows {
        window_keys.push(key.as_str());
        rooms.push(i64::from(window.nth_youngest()));
        window_spans.push(millis(window.span));
    }

    // As many rules for each key: the last one holds for all greater numbers of events.
    let rule_count = charges
        .iter()
        .map(|charge| charge.waits.len())
        .max()
        .unwrap_or_default();
    let (mut wait_keys, mut wait_spans, mut rules) = (Vec::new(), Vec::new(), Vec::new());
    for charge in charges {
        let Some(last) = charge.waits.last() else { continue };
        wait_keys.push(charge.key.as_str());
        wait_spans.push(millis(charge.waits_span));
        let repeated = charge.waits.iter().chain(std::iter::repeat(last));
        rules.extend(repeated.take(rule_count).map(|wait| millis(*wait)));
    }

    let counted = diesel::select(function::charge_limits(
        keys,
        forget_at,
        now.as_millis(),
        window_keys,
        rooms,
        window_spans,
        wait_keys,
        wait_spans,
        rules,
        i64::try_from(rule_count).unwrap_or(i64::MAX),
    ));
    let remaining: i64 = counted.get_result(&mut connection).await?;
    if remaining == 0 {
        return Ok(Decision::Allowed);
    }
    let retry_after = Duration::from_millis(remaining.unsigned_abs());
    Ok(Decision::Limited { retry_after })
}

/// At most a thousand years: the database adds it to a time.
fn millis(span: Duration) -> i64 {
    const MOST: i64 = 1000 * 366 * 24 * 3600 * 1000;
    i64::try_from(span.as_millis()).unwrap_or(MOST).min(MOST)
}
