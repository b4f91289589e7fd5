//! A gateway that chooses among gateways, and fails over from one to the next.
//!
//! The routes that fit a number are tried in their order, those with weights in a drawn one. A text goes on to the next
//! route when a gateway certainly did not take it (refusal of the account, throttling, outage), and stops where one may
//! have. A gateway that keeps failing is left alone for a while (`breaker`).

mod breaker;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use phoneproof_domain::ports::{Clock, Receipt, SendError, Sms, SmsGateway};
use phoneproof_domain::{Country, E164, NumberPlan, Timestamp};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use breaker::Breaker;

/// How long all routes of one text may take together: whoever tries it holds it for
/// [`MESSAGE_LEASE`](phoneproof_domain::MESSAGE_LEASE) alone, and must be done before.
const BUDGET: Duration = Duration::from_secs(45);
/// With less time left than this no further route is asked.
const LEAST: Duration = Duration::from_secs(2);

/// A gateway under its configured name.
pub struct NamedGateway {
    name: String,
    gateway: Arc<dyn SmsGateway>,
    breaker: Mutex<Breaker>,
    free: Semaphore,
}

impl NamedGateway {
    /// A gateway that is given at most `at_once` texts at once.
    #[must_use]
    pub fn new(name: &str, gateway: Arc<dyn SmsGateway>, at_once: usize) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            gateway,
            breaker: Mutex::default(),
            free: Semaphore::new(at_once.max(1)),
        })
    }

    fn breaker<T>(&self, look: impl FnOnce(&mut Breaker) -> T) -> T {
        look(&mut self.breaker.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Which numbers go by which gateway.
#[derive(Clone)]
pub struct Route {
    /// By this one.
    pub gateway: Arc<NamedGateway>,
    /// Numbers of these countries; with no prefixes either, all numbers.
    pub countries: BTreeSet<Country>,
    /// Numbers that begin like this, `+1415`.
    pub prefixes: Vec<String>,
    /// From whom, in the provider's terms; else what the gateway itself is configured with.
    pub sender: Option<String>,
    /// Adjacent routes with weights share the texts: a route with 80 beside one with 20 goes first four times of five.
    pub weight: Option<u32>,
    /// How long its provider is waited for.
    pub timeout: Duration,
}

impl Route {
    fn fits(&self, number: &E164, country: Option<Country>) -> bool {
        (self.countries.is_empty() && self.prefixes.is_empty())
            || country.is_some_and(|country| self.countries.contains(&country))
            || self
                .prefixes
                .iter()
                .any(|prefix| number.as_str().starts_with(prefix.as_str()))
    }
}

/// The routes of an instance.
pub struct RoutedSms {
    routes: Vec<Route>,
    clock: Arc<dyn Clock>,
}

/// One route that a number would take, for an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The gateway's name.
    pub gateway: String,
    /// From whom.
    pub sender: Option<String>,
    /// Its share of the texts among adjacent routes.
    pub weight: Option<u32>,
    /// Until when this process leaves the gateway alone.
    pub open_until: Option<Timestamp>,
}

impl RoutedSms {
    /// A gateway over these routes, in this order.
    #[must_use]
    pub const fn new(routes: Vec<Route>, clock: Arc<dyn Clock>) -> Self {
        Self { routes, clock }
    }

    /// The routes of `number`, in the order in which a text would try them; weights are not drawn.
    #[must_use]
    pub fn explain(&self, number: &E164) -> Vec<Explained> {
        let now = self.clock.now();
        let explained = self.fitting(number).into_iter().map(|route| Explained {
            gateway: route.gateway.name.clone(),
            sender: route.sender.clone(),
            weight: route.weight,
            open_until: route.gateway.breaker(|breaker| breaker.open_until(now)),
        });
        explained.collect()
    }

    fn fitting(&self, number: &E164) -> Vec<&Route> {
        let country = NumberPlan::of(number).country();
        self.routes.iter().filter(|route| route.fits(number, country)).collect()
    }

    /// The routes of a text. The draw depends on the message alone: a retry takes the same one.
    fn of(&self, sms: &Sms) -> Vec<&Route> {
        let mut drawn = spread(sms.id.as_str());
        let mut ordered: Vec<&Route> = Vec::new();
        let fitting = self.fitting(&sms.to);
        let mut rest = &fitting[..];
        while let Some(route) = rest.first() {
            let shared = rest.iter().take_while(|route| route.weight.is_some()).count();
            if route.weight.is_none() {
                ordered.push(route);
                rest = &rest[1..];
                continue;
            }
            let mut group = rest[..shared].to_vec();
            while !group.is_empty() {
                let total: u64 = group.iter().map(|route| u64::from(route.weight.unwrap_or(0))).sum();
                let mut ticket = if total == 0 { 0 } else { drawn % total };
                drawn = drawn.rotate_left(23).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let at = group.iter().position(|route| {
                    let weight = u64::from(route.weight.unwrap_or(0));
                    let hit = ticket < weight;
                    ticket = ticket.saturating_sub(weight);
                    hit
                });
                ordered.push(group.remove(at.unwrap_or(0)));
            }
            rest = &rest[shared..];
        }
        ordered
    }

    async fn try_one(&self, route: &Route, sms: &Sms, deadline: Instant) -> Result<Receipt, SendError> {
        let gateway = &*route.gateway;
        let by = || deadline.min(Instant::now() + route.timeout);
        let busy = |_| SendError::Unavailable(format!("{}: too many texts at once", gateway.name).into());
        let room = timeout_at(by(), gateway.free.acquire()).await;
        // The semaphore is never closed.
        let _room = room.map_err(busy)?;
        let mut sms = sms.clone();
        sms.sender.clone_from(&route.sender);
        let sent = timeout_at(by(), gateway.gateway.send(&sms)).await;
        let late = |_| SendError::Unknown(format!("{}: no answer within {:?}", gateway.name, route.timeout).into());
        let sent = sent.map_err(late).and_then(|sent| sent);
        let now = self.clock.now();
        gateway.breaker(|breaker| breaker.note(sent.as_ref().err(), now));
        sent.map(|receipt| Receipt {
            gateway: Some(gateway.name.clone()),
            ..receipt
        })
    }
}

/// FNV-1a with a last stir.
fn spread(text: &str) -> u64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8
}

#[async_trait]
impl SmsGateway for RoutedSms {
    async fn send(&self, sms: &Sms) -> Result<Receipt, SendError> {
        let (mut later, mut never): (Option<SendError>, Option<SendError>) = (None, None);
        let deadline = Instant::now() + BUDGET;
        for route in self.of(sms) {
            // Too little time for an answer is none.
            if Instant::now() + route.timeout.min(LEAST) > deadline {
                later = Some(soonest(
                    later,
                    SendError::Unavailable("the time for one try is up".into()),
                ));
                break;
            }
            let now = self.clock.now();
            if !route.gateway.breaker(|breaker| breaker.lets_through(now)) {
                let open = SendError::Unavailable(format!("{} is left alone for a while", route.gateway.name).into());
                later = Some(soonest(later, open));
                continue;
            }
            match self.try_one(route, sms, deadline).await {
                Ok(receipt) => return Ok(receipt),
                // No other provider reaches that number, or the text may be on its way.
                Err(error @ (SendError::Rejected(_) | SendError::Unknown(_))) => return Err(error),
                Err(error @ SendError::Refused(_)) => never = Some(error),
                Err(error) => later = Some(soonest(later, error)),
            }
        }
        let nobody = || SendError::Refused("no route leads to this number".into());
        Err(later.or(never).unwrap_or_else(nobody))
    }
}

/// Of two reasons to wait the one that lets us try sooner.
fn soonest(known: Option<SendError>, new: SendError) -> SendError {
    match (known, new) {
        (Some(SendError::Throttled { retry_after: one }), SendError::Throttled { retry_after: other }) => {
            SendError::Throttled {
                retry_after: one.min(other),
            }
        }
        (Some(known @ SendError::Unavailable(_)), _) => known,
        (_, new) => new,
    }
}

#[cfg(test)]
mod tests;
