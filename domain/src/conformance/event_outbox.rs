//! What an [`EventOutbox`] must do, together with the [`Commit`] that fills it. Claims take whatever is due: run it
//! on a store of its own.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;

use super::full;
use super::given::{NOW, later, loaded, stored, user};
use crate::change::Stores;
use crate::ports::{Change, Commit, CommitError, DeliveryOutcome, Event, EventOutbox, QueuedEvent, Write};
use crate::{Timestamp, User};

const LEASE: Duration = Duration::from_secs(30);

/// Everything.
pub async fn all(stores: Stores<'_>, outbox: &dyn EventOutbox) {
    an_event_is_queued_with_its_change_or_not_at_all(stores, outbox).await;
    nobody_else_gets_what_is_claimed(stores.commits, outbox).await;
    what_failed_comes_back_when_it_is_due(stores.commits, outbox).await;
    what_was_told_is_told_again_on_demand_alone(stores.commits, outbox).await;
    what_waits_is_not_forgotten(stores.commits, outbox).await;
}

async fn queued(commits: &dyn Commit, at: Timestamp) -> Event {
    let event = full::event(at);
    commits.commit(vec![Write::Event(event.clone())]).await.unwrap();
    event
}

async fn claimed(outbox: &dyn EventOutbox, now: Timestamp) -> Vec<QueuedEvent> {
    outbox.claim(now, LEASE, 100).await.unwrap()
}

async fn done(outbox: &dyn EventOutbox, event: &Event) {
    outbox
        .record_outcome(&event.id, &DeliveryOutcome::Delivered { erase: false }, NOW)
        .await
        .unwrap();
}

async fn an_event_is_queued_with_its_change_or_not_at_all(stores: Stores<'_>, outbox: &dyn EventOutbox) {
    let before = stored(stores, &user()).await;
    let banned = User {
        banned: true,
        ..before.aggregate.clone()
    };
    let replace = Change::Replace {
        before: before.clone(),
        after: banned.clone(),
    };
    let event = full::event(NOW);
    let writes = vec![Write::User(Box::new(replace.clone())), Write::Event(event.clone())];
    stores.commits.commit(writes.clone()).await.unwrap();
    assert_eq!(loaded(stores, &banned.id).await.aggregate, banned);
    let queue = claimed(outbox, NOW).await;
    assert_eq!(
        queue,
        [QueuedEvent {
            event: event.clone(),
            tries: 0
        }]
    );
    done(outbox, &event).await;

    let late = full::event(NOW);
    // The event first: what comes later takes it back.
    let writes = vec![Write::Event(late), Write::User(Box::new(replace))];
    assert!(matches!(stores.commits.commit(writes).await, Err(CommitError::Stale)));
    assert_eq!(claimed(outbox, NOW).await, []);
}

async fn nobody_else_gets_what_is_claimed(commits: &dyn Commit, outbox: &dyn EventOutbox) {
    let mut made = BTreeSet::new();
    for at in 0..20 {
        made.insert(queued(commits, later(at)).await.id);
    }
    let claims = join_all((0..8).map(|_| outbox.claim(later(20), LEASE, 5))).await;
    let claims: Vec<Vec<QueuedEvent>> = claims.into_iter().map(Result::unwrap).collect();
    assert!(claims.iter().all(|claim| claim.len() <= 5));
    let got: Vec<String> = claims.iter().flatten().map(|queued| queued.event.id.clone()).collect();
    assert_eq!(got.len(), 20, "each once");
    assert_eq!(got.into_iter().collect::<BTreeSet<_>>(), made);
    assert_eq!(claimed(outbox, later(20)).await, []);
    // Who claimed them has died.
    let again = claimed(outbox, later(20).plus(LEASE)).await;
    assert_eq!(again.len(), 20);
    assert!(
        again.windows(2).all(|pair| pair[0].event.at <= pair[1].event.at),
        "oldest first"
    );
    for queued in again {
        done(outbox, &queued.event).await;
    }
}

async fn what_failed_comes_back_when_it_is_due(commits: &dyn Commit, outbox: &dyn EventOutbox) {
    let event = queued(commits, NOW).await;
    let mut now = NOW;
    for tries in 0..3 {
        assert_eq!(
            claimed(outbox, now).await,
            [QueuedEvent {
                event: event.clone(),
                tries
            }]
        );
        let again_at = now.plus(Duration::from_secs(60));
        let outcome = DeliveryOutcome::Failed {
            again_at: Some(again_at),
            reason: "503".to_owned(),
        };
        outbox.record_outcome(&event.id, &outcome, now).await.unwrap();
        assert_eq!(claimed(outbox, now.plus(Duration::from_secs(59))).await, []);
        now = again_at;
    }
    assert_eq!(claimed(outbox, now).await.len(), 1);
    let given_up = DeliveryOutcome::Failed {
        again_at: None,
        reason: "gone".to_owned(),
    };
    outbox.record_outcome(&event.id, &given_up, now).await.unwrap();
    assert_eq!(claimed(outbox, now.plus(100 * LEASE)).await, []);
    // Until somebody wants it again.
    assert_eq!(outbox.replay(NOW, false, now).await.unwrap(), 1);
    assert_eq!(claimed(outbox, now).await[0].event, event);
    done(outbox, &event).await;
}

async fn what_was_told_is_told_again_on_demand_alone(commits: &dyn Commit, outbox: &dyn EventOutbox) {
    let since = NOW.plus(Duration::from_secs(86_400));
    let (kept, erased) = (queued(commits, since).await, queued(commits, since).await);
    assert_eq!(claimed(outbox, since).await.len(), 2);
    done(outbox, &kept).await;
    outbox
        .record_outcome(&erased.id, &DeliveryOutcome::Delivered { erase: true }, since)
        .await
        .unwrap();
    assert_eq!(outbox.replay(since, false, since).await.unwrap(), 0);
    // A body that is gone cannot be told again.
    assert_eq!(outbox.replay(since, true, since).await.unwrap(), 1);
    let again = claimed(outbox, since).await;
    assert_eq!(again.iter().map(|queued| &queued.event).collect::<Vec<_>>(), [&kept]);
    done(outbox, &kept).await;
}

async fn what_waits_is_not_forgotten(commits: &dyn Commit, outbox: &dyn EventOutbox) {
    let at = NOW.plus(Duration::from_secs(2 * 86_400));
    outbox.forget(at).await.unwrap();
    let (waiting, told) = (queued(commits, at).await, queued(commits, at).await);
    done(outbox, &told).await;
    let later = at.plus(Duration::from_secs(1));
    assert_eq!(outbox.forget(at).await.unwrap(), 0, "before, not at");
    assert_eq!(outbox.forget(later).await.unwrap(), 1);
    let left = claimed(outbox, later).await;
    assert_eq!(left.iter().map(|queued| &queued.event).collect::<Vec<_>>(), [&waiting]);
    done(outbox, &waiting).await;
}
