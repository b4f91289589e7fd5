use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use phoneproof::DevIssuer;
use phoneproof_domain::{InstanceSecret, Timestamp, UserId};

use crate::Failure;
use crate::server::Contestant;
use crate::settings::Settings;

/// The secret of our server: the tokens are signed with what is derived from it.
pub(crate) const INSTANCE_SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Area codes whose numbers libphonenumber knows as valid whatever follows.
const AREAS: [u64; 16] = [
    212, 213, 312, 404, 415, 512, 602, 617, 702, 713, 206, 303, 214, 215, 503, 612,
];
/// So many exchanges [`nth_exchange`] knows.
const EXCHANGES: u64 = 791;
const LINES: u64 = 10_000;
/// Prime, and no divisor of how many numbers there are: a walk of this step meets each once.
const STEP: u64 = 7_368_787;

/// A user of whom nobody has heard, and a number that nobody has.
pub(crate) struct Person {
    pub(crate) user: String,
    /// Without its plus sign.
    pub(crate) number: u64,
}

/// Who verifies numbers. Each measurement has a new database, and begins with the first of them.
pub(crate) struct People {
    issuer: DevIssuer,
    tokens: Vec<String>,
    next: AtomicUsize,
}

impl People {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self {
            issuer: DevIssuer::new(&InstanceSecret::new(INSTANCE_SECRET)?),
            tokens: Vec::new(),
            next: AtomicUsize::new(0),
        })
    }

    /// Begins anew with the first person, and signs tokens in advance: for 3000 flows a second, and
    /// for half as many again as the last measurement took.
    pub(crate) fn begin(&mut self, settings: &Settings) -> Result<(), Failure> {
        let taken = *self.next.get_mut();
        let wanted = usize::try_from(settings.span.as_millis())?
            .saturating_mul(3)
            .max(taken * 3 / 2);
        for at in self.tokens.len()..wanted {
            self.tokens.push(self.token(at)?);
        }
        *self.next.get_mut() = 0;
        Ok(())
    }

    /// The next person, and what shows a server who it is.
    pub(crate) fn next(&self, contestant: Contestant) -> Result<(Person, String), Failure> {
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        let person = person(at);
        let bearer = match contestant {
            Contestant::Yardstick => person.user.clone(),
            Contestant::Ours => self.tokens.get(at).cloned().map_or_else(|| self.token(at), Ok)?,
        };
        Ok((person, bearer))
    }

    #[expect(clippy::disallowed_methods, reason = "the server checks tokens by the real time")]
    fn token(&self, at: usize) -> Result<String, Failure> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let now = Timestamp::from_millis(i64::try_from(now.as_millis())?);
        let user: UserId = person(at).user.parse()?;
        Ok(self.issuer.token(&user, now, Duration::from_secs(86_400)))
    }
}

fn person(at: usize) -> Person {
    let place = (at as u64 * STEP) % (AREAS.len() as u64 * EXCHANGES * LINES);
    let (area, line, exchange) = (place % 16, place / 16 % LINES, place / 16 / LINES);
    let number =
        10_000_000_000 + AREAS[usize::try_from(area).unwrap_or(0)] * 10_000_000 + nth_exchange(exchange) * LINES + line;
    // As random as the ids of most identity providers: neighbours in time are none in the index.
    let id = mixed(at as u64);
    Person {
        user: format!("user_{id:016x}{:011x}", mixed(id) >> 20),
        number,
    }
}

/// 200 to 999 without N11 (services) and 555 (reserved).
fn nth_exchange(nth: u64) -> u64 {
    (200..1000)
        .filter(|exchange| *exchange != 555 && exchange % 100 != 11)
        .nth(usize::try_from(nth).unwrap_or(0))
        .unwrap_or(200)
}

/// Different for all, random to look at (splitmix64).
const fn mixed(at: u64) -> u64 {
    let mut z = at.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
