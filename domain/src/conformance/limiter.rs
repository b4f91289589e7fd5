//! What a [`Limiter`] must do.

use std::collections::HashMap;
use std::slice::from_ref;
use std::time::Duration;

use futures_util::future::join_all;

use super::given::{NOW, random};
use crate::Timestamp;
use crate::ports::{Charge, Decision, Limiter, Window};

const HOUR: Duration = Duration::from_secs(3600);

/// Everything.
pub async fn all(limiter: &dyn Limiter) {
    a_window_slides(limiter).await;
    waits_grow(limiter).await;
    all_or_nothing_is_taken(limiter).await;
    keys_are_apart(limiter).await;
    of_a_crowd_as_many_pass_as_there_is_room_for(limiter).await;
    of_crowds_that_share_a_key_no_more_pass(limiter).await;
    a_window_of_many_events_slides(limiter).await;
    a_clock_that_is_set_back_locks_nobody_out_for_longer_than_the_span(limiter).await;
    random_charges_are_judged_by_the_rule_of_the_domain(limiter).await;
}

fn key(kind: &str) -> String {
    format!("{kind}/{:016x}'\"%_", random())
}

fn charge(key: &str, limit: u32, span: Duration) -> Charge {
    Charge {
        key: key.to_owned(),
        windows: vec![Window { limit, span }],
        waits: Vec::new(),
        waits_span: HOUR,
    }
}

fn no(seconds: u64) -> Decision {
    Decision::Limited {
        retry_after: Duration::from_secs(seconds),
    }
}

async fn a_window_slides(limiter: &dyn Limiter) {
    let two_an_hour = [charge(&key("slides"), 2, HOUR)];
    let at = |seconds: u64| NOW.plus(Duration::from_secs(seconds));
    for (seconds, expected) in [
        (0, Decision::Allowed),
        (600, Decision::Allowed),
        (1200, no(2400)),
        (3599, no(1)),
        // The first has left, the second has not.
        (3600, Decision::Allowed),
        (3601, no(599)),
        (4200, Decision::Allowed),
    ] {
        assert_eq!(
            limiter.charge(&two_an_hour, at(seconds)).await.unwrap(),
            expected,
            "{seconds}"
        );
    }
}

async fn waits_grow(limiter: &dyn Limiter) {
    let mut waiting = charge(&key("waits"), 100, HOUR);
    waiting.waits = [30, 60].map(Duration::from_secs).to_vec();
    let waiting = [waiting];
    let mut now = NOW;
    for wait in [30, 60, 60] {
        assert_eq!(limiter.charge(&waiting, now).await.unwrap(), Decision::Allowed);
        assert_eq!(limiter.charge(&waiting, now).await.unwrap(), no(wait));
        now = now.plus(Duration::from_secs(wait));
    }
    // Once the span has passed they begin anew.
    let now = now.plus(2 * HOUR);
    assert_eq!(limiter.charge(&waiting, now).await.unwrap(), Decision::Allowed);
    assert_eq!(limiter.charge(&waiting, now).await.unwrap(), no(30));
}

async fn all_or_nothing_is_taken(limiter: &dyn Limiter) {
    let (wide, narrow) = (charge(&key("wide"), 2, HOUR), charge(&key("narrow"), 1, HOUR));
    assert_eq!(limiter.charge(from_ref(&narrow), NOW).await.unwrap(), Decision::Allowed);
    for _ in 0..5 {
        assert_eq!(
            limiter.charge(&[wide.clone(), narrow.clone()], NOW).await.unwrap(),
            no(3600)
        );
    }
    // None of those took any room.
    assert_eq!(limiter.charge(from_ref(&wide), NOW).await.unwrap(), Decision::Allowed);
    assert_eq!(limiter.charge(from_ref(&wide), NOW).await.unwrap(), Decision::Allowed);
    assert_eq!(limiter.charge(&[wide], NOW).await.unwrap(), no(3600));
}

async fn keys_are_apart(limiter: &dyn Limiter) {
    for _ in 0..3 {
        let one = [charge(&key("apart"), 1, HOUR)];
        assert_eq!(limiter.charge(&one, NOW).await.unwrap(), Decision::Allowed);
    }
}

async fn of_a_crowd_as_many_pass_as_there_is_room_for(limiter: &dyn Limiter) {
    let ten = [charge(&key("crowd"), 10, HOUR)];
    let passed = join_all((0..64).map(|_| limiter.charge(&ten, NOW))).await;
    assert_eq!(
        passed
            .iter()
            .filter(|charged| matches!(charged, Ok(Decision::Allowed)))
            .count(),
        10
    );
}

async fn of_crowds_that_share_a_key_no_more_pass(limiter: &dyn Limiter) {
    // Each with a key of its own beside the shared one, and in either order.
    let shared = charge(&key("shared"), 7, HOUR);
    let charges: Vec<[Charge; 2]> = (0..48)
        .map(|at| {
            let own = charge(&key("own"), 1, HOUR);
            if at % 2 == 0 {
                [own, shared.clone()]
            } else {
                [shared.clone(), own]
            }
        })
        .collect();
    let passed = join_all(charges.iter().map(|charges| limiter.charge(charges, NOW))).await;
    assert_eq!(
        passed
            .iter()
            .filter(|charged| matches!(charged, Ok(Decision::Allowed)))
            .count(),
        7
    );
}

async fn a_window_of_many_events_slides(limiter: &dyn Limiter) {
    const MINUTE: Duration = Duration::from_secs(60);
    let mut forty_an_hour = charge(&key("many"), 40, HOUR);
    // A second window that is always narrower, or wider, than what happened.
    forty_an_hour.windows.push(Window { limit: 1, span: MINUTE });
    forty_an_hour.windows.push(Window {
        limit: 3000,
        span: 24 * HOUR,
    });
    let forty_an_hour = [forty_an_hour];
    let at = |minute: u32| NOW.plus(minute * MINUTE);
    for minute in 0..200 {
        let expected = match minute % 60 {
            0..40 => Decision::Allowed,
            minute => no(u64::from(60 - minute) * 60),
        };
        let charged = limiter.charge(&forty_an_hour, at(minute)).await.unwrap();
        assert_eq!(charged, expected, "{minute}");
    }
}

async fn a_clock_that_is_set_back_locks_nobody_out_for_longer_than_the_span(limiter: &dyn Limiter) {
    let at = |minutes: u32| NOW.plus(minutes * Duration::from_secs(60));
    // By ten hours: what was counted before is further ahead than the span, and does not count.
    let two_an_hour = [charge(&key("back"), 2, HOUR)];
    for (minutes, expected) in [
        (600, Decision::Allowed),
        (600, Decision::Allowed),
        (600, no(3600)),
        (0, Decision::Allowed),
        (0, Decision::Allowed),
        (0, no(3600)),
        (60, Decision::Allowed),
    ] {
        let charged = limiter.charge(&two_an_hour, at(minutes)).await.unwrap();
        assert_eq!(charged, expected, "{minutes}");
    }
    // By half an hour: it counts, and nobody is told to wait for longer than the span.
    let two_an_hour = [charge(&key("back"), 2, HOUR)];
    for (minutes, expected) in [
        (30, Decision::Allowed),
        (30, Decision::Allowed),
        (0, no(3600)),
        (60, no(1800)),
        (90, Decision::Allowed),
    ] {
        let charged = limiter.charge(&two_an_hour, at(minutes)).await.unwrap();
        assert_eq!(charged, expected, "{minutes}");
    }
}

/// What [`Charge::wait`] says of the events that were counted, oldest first, under each key.
#[derive(Default)]
struct Model(HashMap<String, Vec<Timestamp>>);

impl Model {
    fn charge(&mut self, charges: &[Charge], now: Timestamp) -> Decision {
        let waits = charges.iter().map(|charge| {
            let events = self.0.get(&charge.key).map_or(&[][..], Vec::as_slice);
            let nth = |window: &Window| events.len().checked_sub(window.nth_youngest() as usize);
            let blocking: Vec<_> = charge.windows.iter().map(|window| Some(events[nth(window)?])).collect();
            let youngest: Vec<_> = events.iter().rev().take(charge.waits.len()).copied().collect();
            charge.wait(&blocking, &youngest, now)
        });
        let retry_after = waits.max().unwrap_or_default();
        if !retry_after.is_zero() {
            return Decision::Limited { retry_after };
        }
        for charge in charges {
            self.0.entry(charge.key.clone()).or_default().push(now);
        }
        Decision::Allowed
    }
}

/// A store that cannot call [`Charge::wait`], because the database itself judges, must judge as it does.
async fn random_charges_are_judged_by_the_rule_of_the_domain(limiter: &dyn Limiter) {
    let below = |bound: u64| random() % bound;
    let millis = |bound: u64| Duration::from_millis(1 + below(bound));
    for _ in 0..12 {
        let charges: Vec<Charge> = (0..=below(3))
            .map(|_| Charge {
                key: key("random"),
                windows: (0..below(3))
                    .map(|_| Window {
                        limit: u32::try_from(below(5)).unwrap(),
                        span: millis(60_000),
                    })
                    .collect(),
                waits: (0..below(4)).map(|_| millis(15_000)).collect(),
                waits_span: millis(60_000),
            })
            .collect();
        let (mut model, mut now, mut said) = (Model::default(), NOW, Vec::new());
        for _ in 0..40 {
            // Sometimes all of them, sometimes one; now and then at the very moment that the last answer named.
            let some = match below(2) {
                0 => &charges[..],
                _ => from_ref(&charges[usize::try_from(below(charges.len() as u64)).unwrap()]),
            };
            let expected = model.charge(some, now);
            let decision = limiter.charge(some, now).await.unwrap();
            said.push((now.as_millis() - NOW.as_millis(), decision));
            assert_eq!(decision, expected, "{charges:?}\n{said:?}");
            now = match (decision, below(3)) {
                (Decision::Limited { retry_after }, 0) => now.plus(retry_after),
                _ => now.plus(Duration::from_millis(below(20_000))),
            };
        }
    }
}
