use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use phoneproof::DevIssuer;
use phoneproof_domain::{InstanceSecret, Timestamp, UserId};

use crate::Failure;
use crate::client::Credential;
use crate::contestant::Contestant;
use crate::settings::Settings;

/// The secret of our server: the tokens are signed with what is derived from it.
pub(crate) const INSTANCE_SECRET: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The secret key of our server, for the back end that makes users and sessions.
pub(crate) const SECRET_KEY: &str = "sk_test_0123456789abcdef";

/// Area codes whose numbers libphonenumber knows as valid whatever follows.
const AREAS: [u64; 16] = [
    212, 213, 312, 404, 415, 512, 602, 617, 702, 713, 206, 303, 214, 215, 503, 612,
];
/// 200 to 999 without N11 (services) and 555 (reserved).
const EXCHANGES: [u64; 791] = exchanges();
const LINES: u64 = 10_000;
/// Prime, and no divisor of how many numbers there are: a walk of this step meets each once.
const STEP: u64 = 7_368_787;

/// Of the 126,560,000 people there are, the first for whom no token is signed beforehand, because they come to the yardstick
/// or in a session, and the first who have had their numbers verified before; those before them come to our server with a
/// token. Nobody comes twice.
const UNSIGNED: usize = 40_000_000;
const STORED: usize = 80_000_000;

/// What the ids of users are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ids {
    /// They grow with the time of their making, as ours do and those of Clerk (KSUIDs): neighbours in time are neighbours
    /// in the index.
    Ordered,
    /// As those of many other identity providers: each is somewhere else in the index.
    Random,
}

impl Ids {
    /// 64 bits, for the `at`th person.
    const fn of(self, at: u64, known: bool) -> u64 {
        match self {
            Self::Random => mixed(at),
            // Whoever was there before came before.
            Self::Ordered if known => (1 << 60) + at,
            Self::Ordered => (2 << 60) + at,
        }
    }
}

/// A user of whom nobody has heard, and a number that nobody has.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) user: String,
    /// Without its plus sign.
    pub(crate) number: u64,
}

/// Who verifies numbers: somebody new each time, for a store that stays knows those of earlier measurements.
pub(crate) struct People {
    ids: Ids,
    issuer: DevIssuer,
    /// Of the next ones, from `signed` on.
    tokens: VecDeque<String>,
    signed: usize,
    next: AtomicUsize,
    unsigned: AtomicUsize,
    /// Those who are signed in, for the measurement under way.
    in_session: RefCell<VecDeque<(Person, Credential)>>,
}

impl People {
    pub(crate) fn new(ids: Ids) -> Result<Self, Failure> {
        Ok(Self {
            ids,
            issuer: DevIssuer::new(&InstanceSecret::new(INSTANCE_SECRET)?),
            tokens: VecDeque::new(),
            signed: 0,
            next: AtomicUsize::new(0),
            unsigned: AtomicUsize::new(UNSIGNED),
            in_session: RefCell::default(),
        })
    }

    /// Signs tokens before a measurement: for 3000 flows a second, and for half as many again as the last one took.
    pub(crate) fn begin(&mut self, settings: &Settings) -> Result<(), Failure> {
        let next = *self.next.get_mut();
        let taken = next - self.signed;
        self.tokens.drain(..taken.min(self.tokens.len()));
        self.signed = next;
        let usual = usize::try_from(settings.span.as_millis())?.saturating_mul(3);
        for at in self.tokens.len()..usual.max(taken * 3 / 2) {
            self.tokens.push_back(self.token(next + at)?);
        }
        Ok(())
    }

    /// The next person, and what shows a server who it is.
    pub(crate) fn next(&self, contestant: Contestant) -> Result<(Person, Credential), Failure> {
        if contestant.is_in_session() {
            let next = self.in_session.borrow_mut().pop_front();
            return next.ok_or_else(|| "each session that was made before the measurement is used".into());
        }
        if !contestant.is_ours() {
            let person = self.next_unsigned();
            let bearer = Credential::Bearer(person.user.clone());
            return Ok((person, bearer));
        }
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        let signed = self.tokens.get(at - self.signed).cloned();
        let bearer = signed.map_or_else(|| self.token(at), Ok)?;
        Ok((self.person(at), Credential::Bearer(bearer)))
    }

    /// The next one for whom no token was signed beforehand.
    pub(crate) fn next_unsigned(&self) -> Person {
        self.person(self.unsigned.fetch_add(1, Ordering::Relaxed))
    }

    /// Those who are signed in and have not come yet.
    pub(crate) const fn in_session(&self) -> &RefCell<VecDeque<(Person, Credential)>> {
        &self.in_session
    }

    fn person(&self, at: usize) -> Person {
        person(at, self.ids)
    }

    fn token(&self, at: usize) -> Result<String, Failure> {
        self.token_of(&self.person(at))
    }

    /// The token of an identity provider for `person`.
    pub(crate) fn token_of(&self, person: &Person) -> Result<String, Failure> {
        let user: UserId = person.user.parse()?;
        let now = Timestamp::from_millis(now()?);
        Ok(self.issuer.token(&user, now, Duration::from_secs(86_400)))
    }
}

/// The `at`th of those who have had their numbers verified before.
pub(crate) fn stored(at: u32, ids: Ids) -> Person {
    person(STORED + at as usize, ids)
}

/// Milliseconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "the server checks tokens by the real time")]
pub(crate) fn now() -> Result<i64, Failure> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(i64::try_from(since.as_millis())?)
}

fn person(at: usize, ids: Ids) -> Person {
    let place = (at as u64 * STEP) % (AREAS.len() as u64 * EXCHANGES.len() as u64 * LINES);
    let (area, line, exchange) = (place % 16, place / 16 % LINES, place / 16 / LINES);
    let nth = |list: &[u64], at: u64| usize::try_from(at).ok().and_then(|at| list.get(at).copied());
    let (area, exchange) = (
        nth(&AREAS, area).unwrap_or(212),
        nth(&EXCHANGES, exchange).unwrap_or(200),
    );
    let id = ids.of(at as u64, at >= STORED);
    Person {
        user: format!("user_{id:016x}{:011x}", mixed(id) >> 20),
        number: 10_000_000_000 + area * 10_000_000 + exchange * LINES + line,
    }
}

const fn exchanges() -> [u64; 791] {
    let (mut all, mut filled, mut exchange) = ([0; 791], 0, 200);
    while exchange < 1000 {
        if exchange != 555 && exchange % 100 != 11 {
            all[filled] = exchange;
            filled += 1;
        }
        exchange += 1;
    }
    all
}

/// Different for all, random to look at (splitmix64).
pub(crate) const fn mixed(at: u64) -> u64 {
    let mut z = at.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
