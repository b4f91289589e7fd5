//! What an [`SmsOutbox`] must do, together with the [`Commit`] that fills it. Claims take whatever is due: run it on
//! a store of its own.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;

use super::full;
use super::given::{NOW, Random, later, number, stored, user};
use crate::change::Stores;
use crate::ports::{Change, Commit, CommitError, DeliveryReceipt, MessageQuery, SmsOutbox, Write};
use crate::{MESSAGE_LEASE, Message, MessageId, MessageState, SendOutcome, Timestamp, User};

/// Everything.
pub async fn all(stores: Stores<'_>, outbox: &dyn SmsOutbox) {
    a_message_is_kept_with_its_change_or_not_at_all(stores, outbox).await;
    every_field_is_read_as_it_was_written(stores.commits, outbox).await;
    nobody_else_gets_what_is_leased(stores.commits, outbox).await;
    settling_follows_the_rules(stores.commits, outbox).await;
    a_receipt_may_be_faster_than_the_end_of_its_try(stores.commits, outbox).await;
    receipts_lead_forward_alone(stores.commits, outbox).await;
    messages_are_found(stores.commits, outbox).await;
    what_waits_is_not_forgotten(stores.commits, outbox).await;
    an_older_try_undoes_nothing_of_a_younger_one(stores.commits, outbox).await;
    of_many_ends_at_once_each_counts(stores.commits, outbox).await;
}

fn message(at: Timestamp) -> Message {
    let (id, end) = (MessageId::generate(at, &Random), at.plus(Duration::from_secs(600)));
    Message {
        sealed: Some("sealed \"'ü🦀".to_owned()),
        ..Message::queued(id, number(), at, end)
    }
}

async fn kept(commits: &dyn Commit, message: Message) -> Message {
    commits
        .commit(vec![Write::Message(Box::new(message.clone()))])
        .await
        .unwrap();
    message
}

async fn read(outbox: &dyn SmsOutbox, message: &Message) -> Message {
    outbox.message(&message.id).await.unwrap().unwrap()
}

fn sent(gateway: &str, provider_id: &str) -> SendOutcome {
    SendOutcome::Sent {
        gateway: Some(gateway.to_owned()),
        provider_id: Some(provider_id.to_owned()),
        segments: 1,
        doubt: None,
    }
}

async fn a_message_is_kept_with_its_change_or_not_at_all(stores: Stores<'_>, outbox: &dyn SmsOutbox) {
    let before = stored(stores, &user()).await;
    let replace = Change::Replace {
        after: User {
            banned: true,
            ..before.aggregate.clone()
        },
        before,
    };
    let writes = |message: &Message| {
        vec![
            Write::Message(Box::new(message.clone())),
            Write::User(Box::new(replace.clone())),
        ]
    };
    let first = message(NOW);
    stores.commits.commit(writes(&first)).await.unwrap();
    assert_eq!(read(outbox, &first).await, first);
    let second = message(NOW);
    assert!(matches!(
        stores.commits.commit(writes(&second)).await,
        Err(CommitError::Stale)
    ));
    assert_eq!(outbox.message(&second.id).await.unwrap(), None);
    outbox.record_outcome(&first, &SendOutcome::Expired, NOW).await.unwrap();
}

async fn every_field_is_read_as_it_was_written(commits: &dyn Commit, outbox: &dyn SmsOutbox) {
    for state in MessageState::ALL {
        // Long after the end of every other case.
        let mut complete = kept(commits, full::message(state, later(1_000_000_000))).await;
        assert_eq!(read(outbox, &complete).await, complete);
        // Each field that changes, changed: of some a provider's word decides, of some the end of the try.
        let sent = SendOutcome::Sent {
            gateway: Some("backup".to_owned()),
            provider_id: Some(format!("other {state:?}")),
            segments: 9,
            doubt: Some("nobody knows".to_owned()),
        };
        for outcome in [sent, SendOutcome::Expired] {
            let leased = complete.clone();
            complete.record_outcome(leased.tries, outcome.clone(), later(50));
            outbox.record_outcome(&leased, &outcome, later(50)).await.unwrap();
            assert_eq!(read(outbox, &complete).await, complete);
        }
        assert_eq!((complete.due_at, &complete.sealed), (None, &None));
    }
    let mut complete = kept(commits, full::message(MessageState::Queued, later(0))).await;
    complete.lease(later(1));
    assert_eq!(
        outbox.claim(later(1), 10).await.unwrap(),
        std::slice::from_ref(&complete)
    );
    assert_eq!(read(outbox, &complete).await, complete);
    outbox
        .record_outcome(&complete, &SendOutcome::Expired, NOW)
        .await
        .unwrap();
}

async fn nobody_else_gets_what_is_leased(commits: &dyn Commit, outbox: &dyn SmsOutbox) {
    let mut made = BTreeSet::new();
    for at in 0..20 {
        made.insert(kept(commits, message(later(at))).await.id.to_string());
    }
    let claims = join_all((0..8).map(|_| outbox.claim(later(100), 5))).await;
    let claimed: Vec<Message> = claims.into_iter().flat_map(Result::unwrap).collect();
    let ids: Vec<String> = claimed.iter().map(|message| message.id.to_string()).collect();
    assert_eq!(ids.len(), 20, "each once");
    assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), made);
    for message in &claimed {
        assert_eq!(
            (message.state, message.tries, message.unsettled),
            (MessageState::Sending, 1, 1)
        );
        assert_eq!(read(outbox, message).await, *message);
    }
    assert_eq!(outbox.claim(later(100), 5).await.unwrap(), []);
    let after = later(100).plus(MESSAGE_LEASE);
    let again = outbox.claim(after, 100).await.unwrap();
    assert_eq!(again.len(), 20);
    assert!(
        again.windows(2).all(|pair| pair[0].created_at <= pair[1].created_at),
        "oldest first"
    );
    for message in again {
        assert_eq!((message.tries, message.unsettled), (2, 2), "whoever had it died");
        outbox
            .record_outcome(&message, &sent("main", "x"), after)
            .await
            .unwrap();
    }
    assert_eq!(outbox.claim(after.plus(10 * MESSAGE_LEASE), 100).await.unwrap(), []);
}

async fn settling_follows_the_rules(commits: &dyn Commit, outbox: &dyn SmsOutbox) {
    for outcome in [
        sent("main", "SM1"),
        SendOutcome::Sent {
            gateway: None,
            provider_id: None,
            segments: 2,
            doubt: Some("time-out".to_owned()),
        },
        SendOutcome::Again {
            at: later(5000),
            reason: "down".to_owned(),
        },
        SendOutcome::Failed {
            reason: "landline".to_owned(),
        },
        SendOutcome::Expired,
    ] {
        let mut expected = message(NOW);
        expected.lease(NOW);
        kept(commits, expected.clone()).await;
        outbox.record_outcome(&expected, &outcome, later(7)).await.unwrap();
        expected.record_outcome(1, outcome, later(7));
        assert_eq!(read(outbox, &expected).await, expected);
    }
    let due = outbox.claim(later(4999), 10).await.unwrap();
    assert_eq!(due, [], "not before its time");
    let due = outbox.claim(later(5000), 10).await.unwrap();
    assert_eq!(due.len(), 1);
    outbox
        .record_outcome(&due[0], &SendOutcome::Expired, later(5000))
        .await
        .unwrap();
}

async fn a_receipt_may_be_faster_than_the_end_of_its_try(commits: &dyn Commit, outbox: &dyn SmsOutbox) {
    let mut leased = Message {
        gateway: Some("main".to_owned()),
        provider_id: Some("SM-6".to_owned()),
        ..message(NOW)
    };
    leased.lease(NOW);
    kept(commits, leased.clone()).await;
    let receipt = DeliveryReceipt {
        provider_id: "SM-6".to_owned(),
        state: MessageState::Delivered,
        error: None,
    };
    assert!(outbox.receipt("main", &receipt, later(3)).await.unwrap());
    let outcome = sent("main", "SM-6");
    outbox.record_outcome(&leased, &outcome, later(7)).await.unwrap();
    let mut expected = leased;
    expected.record_outcome(1, outcome, later(7));
    expected.state = MessageState::Delivered;
    assert_eq!(read(outbox, &expected).await, expected);
}

/// A store that was away may keep the end of a try when another has begun.
async fn an_older_try_undoes_nothing_of_a_younger_one(commits: &dyn Commit, outbox: &dyn SmsOutbox) {
    let mut first = message(NOW);
    first.lease(NOW);
    kept(commits, first.clone()).await;
    let late = NOW.plus(MESSAGE_LEASE);
    let claimed = outbox.claim(late, 100).await.unwrap();
    let second = claimed.into_iter().find(|message| message.id == first.id).unwrap();
    let again = SendOutcome::Again {
        at: late,
        reason: "down".to_owned(),
    };
    for untaken in [again, SendOutcome::Expired] {
        outbox.record_outcome(&first, &untaken, late).await.unwrap();
        assert_eq!(read(outbox, &second).await, second);
    }
    outbox
        .record_outcome(&first, &sent("main", "SM-8"), late)
        .await
        .unwrap();
    assert_eq!(
        read(outbox, &second).await.state,
        MessageState::Sent,
        "a text that was taken is"
    );
}

/// However a store writes them: those of messages that have changed or gone spoil none of the others.
async fn of_many_ends_at_once_each_counts(commits: &dyn Commit, outbox: &dyn SmsOutbox) {
    let mut leased = Vec::new();
    for _ in 0..150 {
        let mut message = message(NOW);
        message.lease(NOW);
        leased.push(kept(commits, message).await);
    }
    let mut gone = message(NOW);
    gone.lease(NOW);
    let claimed = outbox.claim(NOW.plus(MESSAGE_LEASE), 40).await.unwrap();
    assert!(
        claimed
            .iter()
            .any(|claimed| leased.iter().any(|leased| leased.id == claimed.id))
    );
    let ends = |at: usize| match at % 3 {
        0 => sent("main", &format!("SM-9-{at}")),
        1 => SendOutcome::Failed {
            reason: format!("no such number, {at}"),
        },
        _ => SendOutcome::Expired,
    };
    let outcome = leased
        .iter()
        .chain([&gone])
        .enumerate()
        .map(|(at, message)| async move {
            outbox.record_outcome(message, &ends(at), later(7)).await.unwrap();
        });
    join_all(outcome).await;
    for (at, leased) in leased.into_iter().enumerate() {
        let mut expected = claimed
            .iter()
            .find(|message| message.id == leased.id)
            .unwrap_or(&leased)
            .clone();
        expected.record_outcome(leased.tries, ends(at), later(7));
        assert_eq!(read(outbox, &expected).await, expected);
    }
    assert_eq!(outbox.message(&gone.id).await.unwrap(), None);
}

async fn receipts_lead_forward_alone(commits: &dyn Commit, outbox: &dyn SmsOutbox) {
    let (one, other) = (kept(commits, message(NOW)).await, kept(commits, message(NOW)).await);
    let claimed = outbox.claim(NOW, 10).await.unwrap();
    assert_eq!(claimed.len(), 2);
    outbox.record_outcome(&one, &sent("main", "SM-7"), NOW).await.unwrap();
    // Another gateway may give the same id.
    outbox
        .record_outcome(&other, &sent("backup", "SM-7"), NOW)
        .await
        .unwrap();
    let receipt = |state: MessageState, error: Option<&str>| DeliveryReceipt {
        provider_id: "SM-7".to_owned(),
        state,
        error: error.map(str::to_owned),
    };
    let mut at = 0;
    for (told, expected, error) in [
        (receipt(MessageState::Sent, None), MessageState::Sent, None),
        (
            receipt(MessageState::Undelivered, Some("30003")),
            MessageState::Undelivered,
            Some("30003"),
        ),
        (
            receipt(MessageState::Sent, None),
            MessageState::Undelivered,
            Some("30003"),
        ),
        (receipt(MessageState::Delivered, None), MessageState::Delivered, None),
        (
            receipt(MessageState::Undelivered, Some("30005")),
            MessageState::Delivered,
            None,
        ),
        (receipt(MessageState::Delivered, None), MessageState::Delivered, None),
    ] {
        at += 1;
        assert!(outbox.receipt("main", &told, later(at)).await.unwrap());
        let now = read(outbox, &one).await;
        assert_eq!((now.state, now.error.as_deref()), (expected, error), "{told:?}");
    }
    assert_eq!(
        read(outbox, &other).await.state,
        MessageState::Sent,
        "of another gateway"
    );
    let stranger = DeliveryReceipt {
        provider_id: "SM-8".to_owned(),
        ..receipt(MessageState::Delivered, None)
    };
    assert!(!outbox.receipt("main", &stranger, NOW).await.unwrap());
}

async fn messages_are_found(commits: &dyn Commit, outbox: &dyn SmsOutbox) {
    let (whose, to) = (user().id, number());
    let mut made = Vec::new();
    for at in 0..4 {
        let next = Message {
            user: (at < 3).then(|| whose.clone()),
            to: if at > 0 { to.clone() } else { number() },
            state: if at == 2 {
                MessageState::Failed
            } else {
                MessageState::Sent
            },
            due_at: None,
            ..message(later(10_000 + at))
        };
        made.insert(0, kept(commits, next).await);
    }
    let query = |user: bool, number: bool, state: Option<MessageState>| MessageQuery {
        user: user.then(|| whose.clone()),
        to: number.then(|| to.clone()),
        state,
        limit: 100,
        offset: 0,
    };
    for (query, expected) in [
        (query(true, false, None), vec![1, 2, 3]),
        (query(false, true, None), vec![0, 1, 2]),
        (query(true, true, None), vec![1, 2]),
        (query(true, true, Some(MessageState::Failed)), vec![1]),
    ] {
        let (found, total) = outbox.messages(&query).await.unwrap();
        let expected: Vec<_> = expected.into_iter().map(|at: usize| made[at].clone()).collect();
        assert_eq!(found, expected, "{query:?}");
        assert_eq!(usize::try_from(total).unwrap(), expected.len());
    }
    let page = MessageQuery {
        limit: 1,
        offset: 1,
        ..query(true, false, None)
    };
    assert_eq!(outbox.messages(&page).await.unwrap(), (vec![made[2].clone()], 3));
}

async fn what_waits_is_not_forgotten(commits: &dyn Commit, outbox: &dyn SmsOutbox) {
    let at = NOW.minus(Duration::from_secs(86_400));
    let waiting = kept(commits, message(at)).await;
    let done = Message {
        due_at: None,
        ..message(at)
    };
    let done = kept(commits, done).await;
    assert_eq!(outbox.forget_messages(at).await.unwrap(), 0, "before, not at");
    assert_eq!(
        outbox.forget_messages(at.plus(Duration::from_millis(1))).await.unwrap(),
        1
    );
    assert_eq!(outbox.message(&done.id).await.unwrap(), None);
    assert_eq!(read(outbox, &waiting).await, waiting);
}
