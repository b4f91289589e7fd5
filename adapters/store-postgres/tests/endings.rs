//! The ends of tries that come together are written together, and none is kept by another one's trouble.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use phoneproof_domain::ports::{SmsOutbox, UnitOfWork, Write};
use phoneproof_domain::{Message, MessageState, Settled, Timestamp};
use phoneproof_store_postgres::testing::Database;
use phoneproof_store_postgres::{Options, PostgresStore};

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

async fn store() -> (PostgresStore, Database) {
    let database = Database::create();
    (
        PostgresStore::open(&Options::at(database.url())).await.unwrap(),
        database,
    )
}

/// So many texts that are being tried.
async fn leased(store: &PostgresStore, count: usize) -> Vec<Message> {
    let mut texts = Vec::with_capacity(count);
    for at in 0..count {
        let mut text = Message {
            id: format!("sms_2b1Ug0kTf5Wx9Qh3Zr7YcVnA{at:03}").parse().unwrap(),
            to: "+14155552671".parse().unwrap(),
            user: None,
            phone_number: None,
            sealed: Some("sealed".to_owned()),
            state: MessageState::Queued,
            gateway: None,
            provider_id: None,
            tries: 0,
            unsettled: 0,
            segments: 0,
            error: None,
            due_at: Some(NOW),
            expires_at: NOW.plus(Duration::from_secs(600)),
            created_at: NOW,
            updated_at: NOW,
        };
        text.lease(NOW);
        let write = Write::Message(Box::new(text.clone()));
        store.commit_all(vec![write]).await.unwrap();
        texts.push(text);
    }
    texts
}

async fn are_expired(store: &PostgresStore, texts: &[Message]) {
    for text in texts {
        let kept = store.message(&text.id).await.unwrap().unwrap();
        assert_eq!(kept.state, MessageState::Expired);
    }
}

/// On one thread: all are told before the first is written.
#[tokio::test]
async fn those_that_come_together_share_a_transaction() {
    let (store, _database) = store().await;
    let texts = leased(&store, 100).await;
    let before = store.stats();
    let settled = join_all(texts.iter().map(|text| store.settle(text, &Settled::Expired, NOW))).await;
    assert!(settled.iter().all(Result::is_ok), "{settled:?}");
    let after = store.stats();
    assert_eq!(after.commits - before.commits, 100);
    assert_eq!(after.groups - before.groups, 2, "64, and the rest");
    are_expired(&store, &texts).await;
}

#[expect(clippy::disallowed_methods, reason = "what is promised is real time")]
fn clock() -> Instant {
    Instant::now()
}

#[tokio::test]
async fn a_text_that_somebody_holds_keeps_no_other_from_being_settled() {
    let (store, database) = store().await;
    let texts = leased(&store, 5).await;
    let (other, driver) = tokio_postgres::connect(&database.url(), tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(driver);
    let held = format!(
        "BEGIN; SELECT FROM sms_messages WHERE id = '{}' FOR UPDATE",
        texts[1].id
    );
    other.batch_execute(&held).await.unwrap();

    let start = clock();
    let settle = async |text: &Message| {
        let settled = store.settle(text, &Settled::Expired, NOW).await;
        (settled.is_ok(), start.elapsed())
    };
    let late = async {
        let waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        while other.query_opt(waiting, &[]).await.unwrap().is_none() {}
        settle(&texts[4]).await
    };
    let (settled, late) = tokio::join!(join_all(texts[..4].iter().map(settle)), late);
    for (at, (ok, took)) in settled.into_iter().chain([late]).enumerate() {
        assert_eq!(ok, at != 1, "{at}");
        let most = if at == 1 { 2000 } else { 1000 };
        assert!(took < Duration::from_millis(most), "{at}: {took:?}");
    }

    other.batch_execute("ROLLBACK").await.unwrap();
    store.settle(&texts[1], &Settled::Expired, NOW).await.unwrap();
    are_expired(&store, &texts).await;
}
