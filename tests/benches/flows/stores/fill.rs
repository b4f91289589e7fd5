//! What the filled stores are filled with: users who have one verified number each.
//!
//! Nothing here lists the tables' columns, which our server may change: one user goes through a flow, and all others are
//! like that one but for what differs between users.

use std::time::Duration;

use phoneproof_domain::ports::Entropy;
use phoneproof_domain::{PhoneNumberId, Timestamp};
use tokio::time::Instant;

use super::Store;
use crate::Failure;
use crate::contestant::{Contestant, grouped};
use crate::load::one_more;
use crate::people::{Ids, People, mixed, now, stored};
use crate::server::Server;
use crate::settings::Settings;

/// The tables of which each user has a row, in the order of their writing, and the column that says whose it is.
pub(super) const TABLES: [(&str, &str); 2] = [("users", "id"), ("phone_numbers", "user_id")];

/// They came one after the other within the last two years.
const SINCE: Duration = Duration::from_secs(2 * 365 * 86_400);

/// How long after the number's creation it was verified, and its code would have expired.
const VERIFIED_AFTER: i64 = 20_000;
const EXPIRED_AFTER: i64 = 605_000;

/// A user who had a number verified.
pub(super) struct Stored {
    user: String,
    number_id: String,
    /// E.164.
    number: String,
    created_at: i64,
}

/// What a row has in a column.
pub(super) enum Value<'a> {
    Text(&'a str),
    Millis(i64),
}

/// A user's own value of a column.
pub(super) type Differing = fn(&Stored) -> Value<'_>;

/// What differs between users in a column; in those without an answer nothing does.
pub(super) fn differing(table: &str, column: &str) -> Option<Differing> {
    Some(match (table, column) {
        ("users", "id") | ("phone_numbers", "user_id") => |stored| Value::Text(&stored.user),
        ("phone_numbers", "id") | ("users", "primary_phone_number_id") => |stored| Value::Text(&stored.number_id),
        ("phone_numbers", "number") => |stored| Value::Text(&stored.number),
        (_, "created_at_ms") | ("users", "last_active_at_ms") => |stored| Value::Millis(stored.created_at),
        (_, "updated_at_ms") => |stored| Value::Millis(stored.created_at + VERIFIED_AFTER),
        (_, "expires_at_ms") => |stored| Value::Millis(stored.created_at + EXPIRED_AFTER),
        _ => return None,
    })
}

/// So many users, oldest first: the same ones each time but for their times.
pub(super) fn users(size: u32, ids: Ids) -> Result<impl Iterator<Item = Stored>, Failure> {
    let since = i64::try_from(SINCE.as_millis())?;
    let start = now()? - since;
    Ok((0..size).map(move |at| {
        let person = stored(at, ids);
        let created_at = start + since / i64::from(size) * i64::from(at);
        let id = PhoneNumberId::generate(Timestamp::from_millis(created_at), &Seeded(u64::from(at)));
        Stored {
            user: person.user,
            number_id: id.as_str().to_owned(),
            number: format!("+{}", person.number),
            created_at,
        }
    }))
}

/// Random to look at, the same for the same seed.
struct Seeded(u64);

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        for (chunk, nth) in bytes.chunks_mut(8).zip(0..) {
            let random = mixed(self.0 ^ (nth << 40)).to_be_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }
}

/// Has one user verify a number in `store`, which is made by that, and answers who it was.
pub(super) async fn pattern(
    settings: &Settings,
    people: &mut People,
    contestant: Contestant,
    store: &Store,
) -> Result<String, Failure> {
    let server = Server::start(settings, contestant, store).await?;
    let person = one_more(people, &server, contestant).await?;
    server.stop().await?;
    Ok(person.user)
}

/// Says how long the filling took.
#[expect(clippy::print_stdout, reason = "it may take minutes")]
pub(super) async fn reporting(
    kind: &str,
    size: u32,
    filling: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let start = Instant::now();
    filling.await?;
    println!(
        "filled {kind} with {} numbers in {:.0} s",
        grouped(u64::from(size)),
        start.elapsed().as_secs_f64()
    );
    Ok(())
}
