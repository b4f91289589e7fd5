use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use phoneproof::DevIssuer;
use phoneproof_domain::{InstanceSecret, Timestamp, UserId};

use crate::Failure;
use crate::server::Contestant;

/// The secret of our server: the tokens are signed with what is derived from it.
pub(crate) const INSTANCE_SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Area codes whose numbers libphonenumber knows as valid whatever follows.
const AREAS: [u64; 16] = [212, 213, 312, 404, 415, 512, 602, 617, 702, 713, 206, 303, 214, 215, 503, 612];
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
        Ok(Self { issuer: DevIssuer::new(&InstanceSecret::new(INSTANCE_SECRET)?), tokens: Vec::new(), next: AtomicUsize::new(0) })
    }

    /// Begins anew with the first person, and signs tokens in advance: `at_least` so many, and half
    /// as many again as the last measurement took.
    pub(crate) fn begin(&mut self, at_least: usize) -> Result<(), Failure> {
        let wanted = at_least.max(*self.next.get_mut() * 3 / 2);
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
    // 200 to 999, without 555 (reserved) and N11 (services).
    let exchanges: u64 = (200..1000).filter(|exchange| is_exchange(*exchange)).count() as u64;
    let place = (at as u64 * STEP) % (AREAS.len() as u64 * exchanges * LINES);
    let _ = place;
    todo!()
}

const fn is_exchange(exchange: u64) -> bool {
    exchange != 555 && exchange % 100 != 11
}
