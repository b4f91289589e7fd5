//! The schema: brought up to date by whoever comes first, refused where it is newer than the program.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::time::Duration;

use futures_util::future::join_all;
use phoneproof_domain::ports::{Aggregate, Change, Charge, Commit, Decision, Limiter, Repository, Window};
use phoneproof_domain::{Failures, Timestamp, User};
use phoneproof_store_postgres::testing::Database;
use phoneproof_store_postgres::{OpenError, Options, PostgresStore};

fn user() -> User {
    User::new("user_a".parse().unwrap(), Timestamp::from_millis(1_795_000_000_000))
}

#[tokio::test]
async fn an_empty_database_is_brought_up_to_date_and_then_left_alone() {
    let database = Database::create_empty();
    let options = Options::at(database.url());
    let names = PostgresStore::pending_migrations(&options).await.unwrap();
    assert!(!names.is_empty());
    let unmigrated = Options {
        migrate: false,
        ..options.clone()
    };
    let refused = PostgresStore::open(&unmigrated).await.err().unwrap();
    assert!(matches!(&refused, OpenError::MigrationsPending { names: pending, .. } if *pending == names));
    assert!(refused.to_string().contains("phoneproof migrate"), "{refused}");

    assert_eq!(PostgresStore::migrate(&options).await.unwrap(), names);
    let store = PostgresStore::open(&unmigrated).await.unwrap();
    store.commit(vec![User::write(Change::Create(user()))]).await.unwrap();
    // Beside a process that runs.
    assert_eq!(PostgresStore::migrate(&options).await.unwrap(), [""; 0]);
    let users: &dyn Repository<User> = &store;
    assert_eq!(users.load(&user().id).await.unwrap().unwrap().aggregate, user());
}

#[tokio::test]
async fn wrong_tries_of_before_the_ledgers_lock_nobody_for_good() {
    let database = Database::create_empty();
    for before in [
        include_str!("../migrations/2026-11-25-000000_create_store/up.sql"),
        include_str!("../migrations/2026-11-25-120000_create_copies/up.sql"),
        "CREATE TABLE __diesel_schema_migrations (
             version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
         INSERT INTO __diesel_schema_migrations (version) VALUES ('20261125000000'), ('20261125120000');
         INSERT INTO users (id, revision, public_metadata, private_metadata, unsafe_metadata, banned,
             delete_self_enabled, created_at_ms, updated_at_ms, failures, locked_until_ms)
         VALUES ('a', 1, '{}', '{}', '{}', FALSE, TRUE, 0, 0, NULL, 9),
             ('b', 1, '{}', '{}', '{}', FALSE, TRUE, 0, 0, '{\"recent\":[4,5],\"in_a_row\":100}', 253370764800000),
             ('c', 1, '{}', '{}', '{}', FALSE, TRUE, 0, 0, '{\"recent\":[4,5],\"in_a_row\":2}', 4102444800000),
             ('d', 1, '{}', '{}', '{}', FALSE, TRUE, 0, 0, NULL, 4102444800000)",
    ] {
        let _ = database.query(before);
    }
    let store = PostgresStore::open(&Options::at(database.url())).await.unwrap();
    let users: &dyn Repository<User> = &store;
    let by_back_end = Some(Timestamp::from_millis(4_102_444_800_000));
    for (id, locked_until) in [
        ("a", Some(Timestamp::from_millis(9))),
        ("b", None),
        ("c", None),
        ("d", by_back_end),
    ] {
        let read = users.load(&id.parse().unwrap()).await.unwrap().unwrap().aggregate;
        assert_eq!((read.failures, read.locked_until), (Failures::default(), locked_until));
        assert_eq!((read.credentials_generation, read.texted_notices), (0, Vec::new()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_may_start_at_once() {
    let database = Database::create_empty();
    let options = Options::at(database.url());
    let all = PostgresStore::pending_migrations(&options).await.unwrap().len();
    let starts = join_all((0..8).map(|_| PostgresStore::migrate(&options))).await;
    let applied: usize = starts.into_iter().map(|start| start.unwrap().len()).sum();
    assert_eq!(applied, all);
}

#[tokio::test]
async fn events_that_were_counted_before_they_had_numbers_count_on() {
    let database = Database::create();
    // The schema before the migration.
    let _ = database.query(
        "DROP TRIGGER limits_number ON limits; DROP FUNCTION number_limit, charge_limits;
         ALTER TABLE limits DROP COLUMN sequence; CREATE INDEX limits_key ON limits (key, at_ms);
         DELETE FROM __diesel_schema_migrations WHERE version = '20261128130000'",
    );
    // As an earlier version counts.
    let count = "INSERT INTO limits (key, at_ms, forget_at_ms)
                 VALUES ('a', 1000, 61000), ('b', 1, 60001), ('a', 0, 60000), ('a', 1000, 61000)";
    let _ = database.query(count);
    let options = Options::at(database.url());
    let applied = PostgresStore::migrate(&options).await.unwrap();
    assert_eq!(applied, ["2026-11-28-130000_number_limits"]);
    let _ = database.query(count);
    let numbers = database.query("SELECT key || sequence || ' at ' || at_ms FROM limits ORDER BY key, sequence");
    let expected = [
        "a1 at 0",
        "a2 at 1000",
        "a3 at 1000",
        "a4 at 1000",
        "a5 at 0",
        "a6 at 1000",
        "b1 at 1",
        "b2 at 1",
    ];
    assert_eq!(numbers, expected);
    let store = PostgresStore::open(&options).await.unwrap();
    let charge = |limit| Charge {
        key: "a".to_owned(),
        windows: vec![Window {
            limit,
            span: Duration::from_secs(60),
        }],
        waits: Vec::new(),
        waits_span: Duration::ZERO,
    };
    let now = Timestamp::from_millis(2000);
    assert!(matches!(
        store.charge(&[charge(6)], now).await.unwrap(),
        Decision::Limited { .. }
    ));
    assert_eq!(store.charge(&[charge(7)], now).await.unwrap(), Decision::Allowed);
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let database = Database::create();
    let _ = database.query("INSERT INTO __diesel_schema_migrations (version) VALUES ('20990101000000')");
    let refused = PostgresStore::open(&Options::at(database.url())).await.err().unwrap();
    assert!(matches!(&refused, OpenError::NewerSchema { version, .. } if version == "20990101000000"));
}

#[tokio::test]
async fn what_cannot_be_opened_is_said_in_one_line_without_the_password() {
    let database = Database::create();
    let nobody = database.url().replace("postgres@", "nobody:s3cret@");
    let nowhere = "postgres://me:s3cret@127.0.0.1:1/x".to_owned();
    let none = format!("{}_none", database.url());
    for (url, words) in [
        (nobody, ["refuses", "nobody"]),
        (nowhere, ["no PostgreSQL answers", "127.0.0.1:1/x"]),
        (none, ["refuses", "does not exist"]),
    ] {
        let message = PostgresStore::open(&Options::at(url)).await.err().unwrap().to_string();
        for word in words {
            assert!(message.contains(word), "{message}");
        }
        assert!(!message.contains("s3cret") && message.lines().count() == 1, "{message}");
    }
}

#[tokio::test]
async fn a_standby_is_refused() {
    let database = Database::create();
    let name = database.name();
    database.query_beside(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    let refused = PostgresStore::open(&Options::at(database.url())).await.err().unwrap();
    assert!(matches!(refused, OpenError::ReadOnly { .. }), "{refused}");
}
