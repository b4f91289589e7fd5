//! What a [`Limiter`] must do.

use std::slice::from_ref;
use std::time::Duration;

use futures_util::future::join_all;

use super::given::{NOW, random};
use crate::ports::{Charge, Charged, Limiter, Window};

const HOUR: Duration = Duration::from_secs(3600);

/// Everything.
pub async fn all(limiter: &dyn Limiter) {
    a_window_slides(limiter).await;
    waits_grow(limiter).await;
    all_or_nothing_is_taken(limiter).await;
    keys_are_apart(limiter).await;
    of_a_crowd_as_many_pass_as_there_is_room_for(limiter).await;
    of_crowds_that_share_a_key_no_more_pass(limiter).await;
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

fn no(seconds: u64) -> Charged {
    Charged::No {
        retry_after: Duration::from_secs(seconds),
    }
}

async fn a_window_slides(limiter: &dyn Limiter) {
    let two_an_hour = [charge(&key("slides"), 2, HOUR)];
    let at = |seconds: u64| NOW.plus(Duration::from_secs(seconds));
    for (seconds, expected) in [
        (0, Charged::Yes),
        (600, Charged::Yes),
        (1200, no(2400)),
        (3599, no(1)),
        // The first has left, the second has not.
        (3600, Charged::Yes),
        (3601, no(599)),
        (4200, Charged::Yes),
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
        assert_eq!(limiter.charge(&waiting, now).await.unwrap(), Charged::Yes);
        assert_eq!(limiter.charge(&waiting, now).await.unwrap(), no(wait));
        now = now.plus(Duration::from_secs(wait));
    }
    // Once the span has passed they begin anew.
    let now = now.plus(2 * HOUR);
    assert_eq!(limiter.charge(&waiting, now).await.unwrap(), Charged::Yes);
    assert_eq!(limiter.charge(&waiting, now).await.unwrap(), no(30));
}

async fn all_or_nothing_is_taken(limiter: &dyn Limiter) {
    let (wide, narrow) = (charge(&key("wide"), 2, HOUR), charge(&key("narrow"), 1, HOUR));
    assert_eq!(limiter.charge(from_ref(&narrow), NOW).await.unwrap(), Charged::Yes);
    for _ in 0..5 {
        assert_eq!(
            limiter.charge(&[wide.clone(), narrow.clone()], NOW).await.unwrap(),
            no(3600)
        );
    }
    // None of those took any room.
    assert_eq!(limiter.charge(from_ref(&wide), NOW).await.unwrap(), Charged::Yes);
    assert_eq!(limiter.charge(from_ref(&wide), NOW).await.unwrap(), Charged::Yes);
    assert_eq!(limiter.charge(&[wide], NOW).await.unwrap(), no(3600));
}

async fn keys_are_apart(limiter: &dyn Limiter) {
    for _ in 0..3 {
        let one = [charge(&key("apart"), 1, HOUR)];
        assert_eq!(limiter.charge(&one, NOW).await.unwrap(), Charged::Yes);
    }
}

async fn of_a_crowd_as_many_pass_as_there_is_room_for(limiter: &dyn Limiter) {
    let ten = [charge(&key("crowd"), 10, HOUR)];
    let passed = join_all((0..64).map(|_| limiter.charge(&ten, NOW))).await;
    assert_eq!(
        passed
            .iter()
            .filter(|charged| matches!(charged, Ok(Charged::Yes)))
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
            .filter(|charged| matches!(charged, Ok(Charged::Yes)))
            .count(),
        7
    );
}
