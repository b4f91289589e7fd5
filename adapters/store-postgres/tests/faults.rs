//! The database locked, cut off, corrupt: an answer within two seconds, and recovery without a restart.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use phoneproof_domain::ports::{
    Aggregate, Change, Charge, Commit, CommitError, Limiter, Repository, SmsOutbox, StoreError, StoreHealth,
    UserDirectory, UserFilter, Write,
};
use phoneproof_domain::{
    Message, MessageState, PhoneNumber, SendOutcome, Timestamp, User, UserPhones, UserPhonesParts, Verification,
};
use phoneproof_store_postgres::testing::Database;
use phoneproof_store_postgres::{Options, PostgresStore};

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

async fn store(connections: usize) -> (PostgresStore, Database) {
    let database = Database::create();
    let options = Options {
        connections,
        ..Options::at(database.url())
    };
    (PostgresStore::open(&options).await.unwrap(), database)
}

fn users(store: &PostgresStore) -> &dyn Repository<User> {
    store
}

fn user(id: &str) -> User {
    User::new(id.parse().unwrap(), NOW)
}

fn with_number(id: &str) -> User {
    let number = PhoneNumber {
        verification: Verification::ByAdmin,
        ..PhoneNumber::unverified(
            "idn_2b1Ug0kTf5Wx9Qh3Zr7YcVnAd4E".parse().unwrap(),
            "+14155552671".parse().unwrap(),
            NOW,
        )
    };
    let parts = UserPhonesParts {
        primary: Some(number.id.clone()),
        numbers: vec![number],
        ..UserPhonesParts::default()
    };
    User {
        phones: UserPhones::restore(parts).unwrap(),
        ..user(id)
    }
}

#[expect(clippy::disallowed_methods, reason = "what is promised is real time")]
fn clock() -> Instant {
    Instant::now()
}

/// Somebody else's transaction on the same database.
async fn other(database: &Database) -> tokio_postgres::Client {
    let (client, driver) = tokio_postgres::connect(&database.url(), tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(driver);
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_table_answers_in_time_and_recovers() {
    let (store, database) = store(2).await;
    store
        .commit(vec![User::write(Change::Create(user("before")))])
        .await
        .unwrap();
    let other = other(&database).await;
    other
        .batch_execute("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();

    let asked = clock();
    let before = "before".parse().unwrap();
    // More than there are connections: some wait for one in vain.
    let commits =
        join_all((0..8).map(|at| store.commit(vec![User::write(Change::Create(user(&format!("during_{at}"))))])));
    let (health, commits, load) = tokio::join!(store.check(), commits, users(&store).load(&before));
    let waited = asked.elapsed();
    assert!(matches!(health, Err(StoreError::Unavailable(_))), "{health:?}");
    assert!(matches!(load, Err(StoreError::Unavailable(_))), "{load:?}");
    for commit in commits {
        assert!(
            matches!(commit, Err(CommitError::Store(StoreError::Unavailable(_)))),
            "{commit:?}"
        );
    }
    assert!(waited < Duration::from_secs(2), "{waited:?}");

    other.batch_execute("ROLLBACK").await.unwrap();
    store.check().await.unwrap();
    store
        .commit(vec![User::write(Change::Create(user("after")))])
        .await
        .unwrap();
    assert!(users(&store).load(&before).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_is_not_waited_for() {
    // The system takes the connection, and nobody answers.
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let options = Options::at(format!("postgres://me@{}/x", mute.local_addr().unwrap()));
    let start = clock();
    let error = PostgresStore::open(&options).await.err().unwrap().to_string();
    assert!(error.contains("has not let us in within 5000 ms"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_is_in_nobodys_way_waits_for_nobody_long() {
    let (store, database) = store(1).await;
    store
        .commit(vec![User::write(Change::Create(user("a")))])
        .await
        .unwrap();
    let other = other(&database).await;
    other.batch_execute("BEGIN; LOCK TABLE users").await.unwrap();
    let start = clock();
    let found = store.count(&UserFilter::default()).await;
    assert!(matches!(found, Err(StoreError::Unavailable(_))), "{found:?}");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    other.batch_execute("ROLLBACK").await.unwrap();
    assert!(store.count(&UserFilter::default()).await.is_ok());
}

/// So many texts that are being tried.
async fn leased(store: &PostgresStore, count: usize) -> Vec<Message> {
    let mut texts = Vec::with_capacity(count);
    for at in 0..count {
        let id = format!("sms_2b1Ug0kTf5Wx9Qh3Zr7YcVnA{at:03}").parse().unwrap();
        let to = "+14155552671".parse().unwrap();
        let mut text = Message::queued(id, to, NOW, NOW.plus(Duration::from_secs(600)));
        text.lease(NOW);
        let write = Write::Message(Box::new(text.clone()));
        store.commit(vec![write]).await.unwrap();
        texts.push(text);
    }
    texts
}

#[tokio::test]
async fn a_text_that_somebody_holds_keeps_no_other_from_being_settled() {
    let (store, database) = store(16).await;
    let texts = leased(&store, 5).await;
    let other = other(&database).await;
    let held = format!(
        "BEGIN; SELECT FROM sms_messages WHERE id = '{}' FOR UPDATE",
        texts[1].id
    );
    other.batch_execute(&held).await.unwrap();

    let start = clock();
    let settle = async |text: &Message| {
        let settled = store.record_outcome(text, &SendOutcome::Expired, NOW).await;
        (settled.is_ok(), start.elapsed())
    };
    // In no transaction, in which it would see the same activity for ever.
    let watcher = self::other(&database).await;
    let late = async {
        while waiting(&watcher).await == 0 {
            assert!(start.elapsed() < Duration::from_secs(1), "nobody waits");
        }
        settle(&texts[4]).await
    };
    let (settled, late) = tokio::join!(join_all(texts[..4].iter().map(settle)), late);
    for (at, (ok, took)) in settled.into_iter().chain([late]).enumerate() {
        assert_eq!(ok, at != 1, "{at}");
        let most = if at == 1 { 2000 } else { 1000 };
        assert!(took < Duration::from_millis(most), "{at}: {took:?}");
    }

    other.batch_execute("ROLLBACK").await.unwrap();
    store
        .record_outcome(&texts[1], &SendOutcome::Expired, NOW)
        .await
        .unwrap();
    for text in &texts {
        let kept = store.message(&text.id).await.unwrap().unwrap();
        assert_eq!(kept.state, MessageState::Expired);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_end_of_a_try_does_not_wait_for_the_disk() {
    let (store, database) = store(1).await;
    let other = other(&database).await;
    other
        .batch_execute(
            "CREATE TABLE seen (setting TEXT NOT NULL);
             CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 INSERT INTO seen VALUES (TG_TABLE_NAME || ' ' || current_setting('synchronous_commit'));
                 RETURN NEW;
             END $$;
             CREATE TRIGGER see BEFORE INSERT OR UPDATE ON sms_messages FOR EACH ROW EXECUTE FUNCTION see();
             CREATE TRIGGER see BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION see();",
        )
        .await
        .unwrap();
    let text = leased(&store, 1).await.remove(0);
    store.record_outcome(&text, &SendOutcome::Expired, NOW).await.unwrap();
    // On the same connection: there is one.
    store
        .commit(vec![User::write(Change::Create(user("a")))])
        .await
        .unwrap();
    let seen = other.query("SELECT setting FROM seen", &[]).await.unwrap();
    let seen: Vec<String> = seen.iter().map(|row| row.get(0)).collect();
    assert_eq!(seen, ["sms_messages on", "sms_messages off", "users on"]);
    let kept = store.message(&text.id).await.unwrap().unwrap();
    assert_eq!(kept.state, MessageState::Expired);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_cut_are_opened_again() {
    let (store, database) = store(4).await;
    for at in 0..5 {
        database.cut_off();
        // The first to meet a connection that has ended may hear of it.
        let id = format!("user_{at}");
        let mut tries = 0;
        while store
            .commit(vec![User::write(Change::Create(user(&id)))])
            .await
            .is_err()
        {
            tries += 1;
            assert!(tries <= 4, "it does not recover");
        }
        assert!(users(&store).load(&id.parse().unwrap()).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_leaves_leaves_no_half_change_and_no_lock() {
    let (store, _database) = store(1).await;
    store
        .commit(vec![User::write(Change::Create(user("a")))])
        .await
        .unwrap();
    for _ in 0..50 {
        let before = users(&store).load(&"a".parse().unwrap()).await.unwrap().unwrap();
        let mut after = before.aggregate.clone();
        after.sessions_generation += 1;
        let commit = store.commit(vec![User::write(Change::Replace { before, after })]);
        // It is polled once, and dropped; rarely it is done by then.
        let _ = futures_util::FutureExt::now_or_never(commit);
    }
    // The only connection is of use, and nobody holds the row.
    let before = users(&store).load(&"a".parse().unwrap()).await.unwrap().unwrap();
    let after = before.aggregate.clone();
    let settled = store.commit(vec![User::write(Change::Replace { before, after })]).await;
    assert!(matches!(settled, Ok(()) | Err(CommitError::Stale)), "{settled:?}");
    // What was committed is counted, whoever waited for it: the first one, those that were left, and the last.
    let left = users(&store).load(&"a".parse().unwrap()).await.unwrap().unwrap();
    let left = (left.aggregate.sessions_generation - user("a").sessions_generation).unsigned_abs();
    assert!(left > 0);
    assert_eq!(store.stats().commits, 1 + left + u64::from(settled.is_ok()));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_wait_for_each_other_both_end() {
    use phoneproof_domain::ports::Revision;
    let database = Database::create();
    let name = database.name();
    // Nobody waits a second for each deadlock.
    database.query_beside(&format!("ALTER DATABASE {name} SET deadlock_timeout = '50ms'"));
    let store = PostgresStore::open(&Options::at(database.url())).await.unwrap();
    for id in ["a", "b"] {
        store.commit(vec![User::write(Change::Create(user(id)))]).await.unwrap();
    }
    // Two users in one unit of work, once in this order and once in the other.
    let write = async |ids: [&str; 2]| store.commit(changes(&store, &ids).await).await;
    for _ in 0..20 {
        let (one, other) = tokio::join!(write(["a", "b"]), write(["b", "a"]));
        let outcomes = [&one, &other];
        assert!(
            outcomes
                .iter()
                .all(|outcome| matches!(outcome, Ok(()) | Err(CommitError::Stale))),
            "{outcomes:?}"
        );
        assert!(outcomes.iter().any(|outcome| outcome.is_ok()), "{outcomes:?}");
    }
    let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
    let (a, b) = tokio::join!(users(&store).load(&a), users(&store).load(&b));
    let (a, b) = (a.unwrap().unwrap(), b.unwrap().unwrap());
    assert_eq!(
        a.aggregate.sessions_generation, b.aggregate.sessions_generation,
        "both or none"
    );
    assert!(a.revision > Revision(0));
}

/// How many connections to the database wait for a lock.
async fn waiting(watcher: &tokio_postgres::Client) -> i64 {
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    watcher.query_one(waiting, &[]).await.unwrap().get(0)
}

/// What changes these users, in this order, in one unit of work.
async fn changes(store: &PostgresStore, ids: &[&str]) -> Vec<Write> {
    let mut writes = Vec::new();
    for id in ids {
        let before = users(store).load(&id.parse().unwrap()).await.unwrap().unwrap();
        let mut after = before.aggregate.clone();
        after.sessions_generation += 1;
        writes.push(Write::User(Box::new(Change::Replace { before, after })));
    }
    writes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_loses_a_deadlock_is_retried() {
    let database = Database::create();
    let name = database.name();
    // The store's connections check for deadlocks after 50 ms and the others after a minute, so PostgreSQL rolls back the
    // store's change.
    database.query_beside(&format!("ALTER DATABASE {name} SET deadlock_timeout = '50ms'"));
    let store = PostgresStore::open(&Options::at(database.url())).await.unwrap();
    for id in ["a", "b", "c"] {
        store.commit(vec![User::write(Change::Create(user(id)))]).await.unwrap();
    }
    let (first, second, watcher) = (other(&database).await, other(&database).await, other(&database).await);
    let hold = |id: &str| format!("SELECT FROM users WHERE id = '{id}' FOR UPDATE");
    for (holder, id) in [(&first, "b"), (&second, "c")] {
        let begin = format!("SET deadlock_timeout = '1min'; BEGIN; {}", hold(id));
        holder.batch_execute(&begin).await.unwrap();
    }
    let writes = changes(&store, &["a", "b", "c"]).await;
    let release = async {
        // The change holds a, and waits for b.
        while waiting(&watcher).await < 1 {}
        let wanted = hold("a");
        let wait_for_a = second.batch_execute(&wanted);
        let close_the_cycle = async {
            while waiting(&watcher).await < 2 {}
            // The change takes b and then waits for c, whose holder waits for a: a deadlock.
            first.batch_execute("ROLLBACK").await.unwrap();
        };
        let (got_a, ()) = tokio::join!(wait_for_a, close_the_cycle);
        got_a.unwrap();
        second.batch_execute("ROLLBACK").await.unwrap();
    };
    let (written, ()) = tokio::join!(store.commit(writes), release);
    written.unwrap();
    for id in ["a", "b", "c"] {
        let now = users(&store).load(&id.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(now.aggregate.sessions_generation, user(id).sessions_generation + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_rolled_back_for_another_is_tried_five_times() {
    // The messages are those of a server with `lc_messages = 'de_DE'`.
    const UNDO: &str = "
        CREATE SEQUENCE undone;
        CREATE TABLE undo (code TEXT NOT NULL, times BIGINT NOT NULL);
        CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE asked undo;
        BEGIN
            SELECT * INTO asked FROM undo;
            IF nextval('undone') <= asked.times THEN
                RAISE EXCEPTION USING MESSAGE = 'Verklemmung entdeckt', ERRCODE = asked.code,
                    DETAIL = 'Prozess 1 wartet auf Prozess 2.', HINT = 'Einzelheiten im Serverlog.';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER undo BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION undo();
        CREATE TRIGGER undo BEFORE INSERT ON limits FOR EACH ROW EXECUTE FUNCTION undo();";
    let (store, database) = store(4).await;
    for id in ["a", "b"] {
        store.commit(vec![User::write(Change::Create(user(id)))]).await.unwrap();
    }
    let other = other(&database).await;
    other.batch_execute(UNDO).await.unwrap();
    let charge = [Charge {
        key: "a".to_owned(),
        windows: Vec::new(),
        waits: Vec::new(),
        waits_span: Duration::from_secs(60),
    }];
    for code in ["40P01", "40001"] {
        for times in [1, 4, 5] {
            let undo = format!("TRUNCATE undo; INSERT INTO undo VALUES ('{code}', {times});");
            let tries = async || -> i64 {
                let tries = other
                    .query_one("SELECT last_value FROM undone", &[])
                    .await
                    .unwrap()
                    .get(0);
                other.batch_execute("SELECT setval('undone', 1, false)").await.unwrap();
                tries
            };
            // Written as one statement, as several, and after statements that read.
            for ids in [&["a"][..], &["a", "b"][..]] {
                other.batch_execute(&undo).await.unwrap();
                let written = store.commit(changes(&store, ids).await).await;
                if times < 5 {
                    written.unwrap();
                    // Of several users each is written once more.
                    assert_eq!(tries().await, times + i64::try_from(ids.len()).unwrap(), "{code}");
                } else {
                    assert!(
                        matches!(written, Err(CommitError::Store(StoreError::Unavailable(_)))),
                        "{written:?}"
                    );
                    assert_eq!(tries().await, 5, "{code}");
                }
            }
            let charged = store.charge(&charge, NOW).await;
            assert_eq!(charged.is_ok(), times < 5, "{code}: {charged:?}");
            assert_eq!(tries().await, (times + 1).min(5), "{code}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_row_is_named() {
    for (damage, place) in [
        (
            "ALTER TABLE phone_numbers DROP CONSTRAINT phone_numbers_verification_state_check; \
             UPDATE phone_numbers SET verification_state = 'nonsense'",
            "phone_numbers idn_2b1Ug0kTf5Wx9Qh3Zr7YcVnAd4E",
        ),
        (
            "UPDATE phone_numbers SET number = '4155552671'",
            "phone_numbers idn_2b1Ug0kTf5Wx9Qh3Zr7YcVnAd4E",
        ),
        ("UPDATE users SET public_metadata = '[1]'", "users corrupt"),
        ("UPDATE users SET first_name = E'a\\n'", "users corrupt"),
        (
            "UPDATE users SET primary_phone_number_id = NULL",
            "phone_numbers of corrupt",
        ),
    ] {
        let (store, database) = store(2).await;
        store
            .commit(vec![User::write(Change::Create(with_number("corrupt")))])
            .await
            .unwrap();
        let _ = database.query(damage);
        let answer = users(&store).load(&"corrupt".parse().unwrap()).await;
        let Err(error @ StoreError::Corrupt { .. }) = answer else {
            panic!("{damage}: {answer:?}")
        };
        assert_eq!(error.to_string(), format!("the store holds a corrupt row in {place}"));
        // It spoils nobody else's day.
        store
            .commit(vec![User::write(Change::Create(user("another")))])
            .await
            .unwrap();
        assert!(users(&store).load(&"another".parse().unwrap()).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_is_not_healthy() {
    let (store, database) = store(2).await;
    store.check().await.unwrap();
    let name = database.name();
    database.query_beside(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    database.cut_off();
    while !matches!(store.check().await, Err(StoreError::Unavailable(cause)) if cause.to_string().contains("read-only"))
    {
    }
    database.query_beside(&format!("ALTER DATABASE {name} RESET default_transaction_read_only"));
    database.cut_off();
    while store.check().await.is_err() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_text_can_hold_is_found_nowhere() {
    let (store, _database) = store(2).await;
    store
        .commit(vec![User::write(Change::Create(user("a")))])
        .await
        .unwrap();
    for filter in [
        UserFilter {
            query: Some("a\0".to_owned()),
            ..UserFilter::default()
        },
        UserFilter {
            phone_number_query: Some("\0".to_owned()),
            ..UserFilter::default()
        },
    ] {
        assert_eq!(store.count(&filter).await.unwrap(), 0);
    }
}
