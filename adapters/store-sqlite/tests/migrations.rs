//! Migrations on an empty and on a filled database.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use phoneproof_domain::ports::{Aggregate, Change, Charge, Commit, Decision, Limiter, Repository, Window};
use phoneproof_domain::{Failures, Timestamp, User};
use phoneproof_store_sqlite::{OpenError, Options, SqliteStore};
use tempfile::tempdir;

fn user() -> User {
    User::new("a".parse().unwrap(), Timestamp::from_millis(0))
}

#[tokio::test]
async fn they_are_applied_once() {
    let folder = tempdir().unwrap();
    let options = Options {
        migrate: false,
        ..Options::at(folder.path().join("test.db"))
    };
    let pending = SqliteStore::pending_migrations(&options).unwrap();
    assert_eq!(pending[0], "2026-11-24-000000_create_users");
    assert!(!options.path.exists(), "asking makes no file");
    let error = SqliteStore::open(options.clone()).unwrap_err();
    assert!(matches!(&error, OpenError::MigrationsPending { names, .. } if *names == pending));
    assert!(error.to_string().contains("run `phoneproof migrate`"), "{error}");

    assert_eq!(SqliteStore::migrate(&options).unwrap(), pending);
    assert_eq!(SqliteStore::migrate(&options).unwrap(), [""; 0]);
    assert_eq!(SqliteStore::pending_migrations(&options).unwrap(), [""; 0]);
    let store = SqliteStore::open(options).unwrap();
    store.commit(vec![User::write(Change::Create(user()))]).await.unwrap();
}

#[tokio::test]
async fn they_keep_what_is_there() {
    let folder = tempdir().unwrap();
    let options = Options::at(folder.path().join("test.db"));
    let store = SqliteStore::open(options.clone()).unwrap();
    store.commit(vec![User::write(Change::Create(user()))]).await.unwrap();
    // Beside a process that runs, and after it.
    assert_eq!(SqliteStore::migrate(&options).unwrap(), [""; 0]);
    drop(store);
    assert_eq!(SqliteStore::migrate(&options).unwrap(), [""; 0]);
    let store = SqliteStore::open(options).unwrap();
    let users: &dyn Repository<User> = &store;
    assert_eq!(users.load(&user().id).await.unwrap().unwrap().aggregate, user());
}

#[test]
fn numbers_are_kept_when_their_table_is_made_anew() {
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");
    let folder = tempdir().unwrap();
    let options = Options::at(folder.path().join("test.db"));
    let mut connection = SqliteConnection::establish(options.path.to_str().unwrap()).unwrap();
    while !SqliteStore::pending_migrations(&options).unwrap()[0].ends_with("shorten_number_indexes") {
        connection.run_next_migration(MIGRATIONS).unwrap();
    }
    connection
        .batch_execute(
            "INSERT INTO users (id, revision, public_metadata, private_metadata, unsafe_metadata, banned,
                 delete_self_enabled, created_at_ms, updated_at_ms)
             VALUES ('a', 1, '{}', '{}', '{}', 0, 1, 1, 2);
             INSERT INTO phone_numbers (user_id, id, number, held, reserved_for_second_factor, default_second_factor,
                 verification_state, attempts, code_hash, prepared_at_ms, expires_at_ms, created_at_ms, updated_at_ms,
                 by_back_end)
             VALUES
                 ('a', 'idn_2', '+14155552671', 1, 1, 1, 'by_code', 3, NULL, NULL, 4, 5, 6, NULL),
                 ('a', 'idn_1', '+14155552672', 0, 0, 0, 'running', 0, zeroblob(32), 7, 8, 9, 10, '{\"x\": 11}');",
        )
        .unwrap();
    let mut numbers = || {
        let all = sql::<Text>(
            "(SELECT json_group_array(json_array(user_id, id, number, held, reserved_for_second_factor,
                 default_second_factor, verification_state, attempts, hex(code_hash), prepared_at_ms, expires_at_ms,
                 created_at_ms, updated_at_ms, by_back_end) ORDER BY id) FROM phone_numbers)",
        );
        diesel::select(all).get_result::<String>(&mut connection).unwrap()
    };
    let before = numbers();
    assert!(before.contains("{\\\"x\\\": 11}"), "{before}");
    SqliteStore::migrate(&options).unwrap();
    assert_eq!(numbers(), before);
}

#[tokio::test]
async fn wrong_tries_of_before_the_ledgers_lock_nobody_for_good() {
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");
    let folder = tempdir().unwrap();
    let options = Options::at(folder.path().join("test.db"));
    let mut connection = SqliteConnection::establish(options.path.to_str().unwrap()).unwrap();
    while !SqliteStore::pending_migrations(&options).unwrap()[0].ends_with("bind_attempts_to_credentials") {
        connection.run_next_migration(MIGRATIONS).unwrap();
    }
    connection
        .batch_execute(
            "INSERT INTO users (id, revision, public_metadata, private_metadata, unsafe_metadata, banned,
                 delete_self_enabled, created_at_ms, updated_at_ms, failures, locked_until_ms)
             VALUES ('a', 1, '{}', '{}', '{}', 0, 1, 0, 0, NULL, 9),
                 ('b', 1, '{}', '{}', '{}', 0, 1, 0, 0, '{\"recent\":[4,5],\"in_a_row\":100}', 253370764800000),
                 ('c', 1, '{}', '{}', '{}', 0, 1, 0, 0, '{\"recent\":[4,5],\"in_a_row\":2}', 4102444800000),
                 ('d', 1, '{}', '{}', '{}', 0, 1, 0, 0, NULL, 4102444800000);",
        )
        .unwrap();
    let store = SqliteStore::open(options).unwrap();
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

#[tokio::test]
async fn events_that_were_counted_before_they_had_numbers_count_on() {
    const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");
    let folder = tempdir().unwrap();
    let options = Options::at(folder.path().join("test.db"));
    let mut connection = SqliteConnection::establish(options.path.to_str().unwrap()).unwrap();
    while !SqliteStore::pending_migrations(&options).unwrap()[0].ends_with("number_limits") {
        connection.run_next_migration(MIGRATIONS).unwrap();
    }
    // As an earlier version counts.
    let count = "INSERT INTO limits (key, at_ms, forget_at_ms)
                 VALUES ('a', 1000, 61000), ('b', 1, 60001), ('a', 0, 60000), ('a', 1000, 61000)";
    connection.batch_execute(count).unwrap();
    let store = SqliteStore::open(options).unwrap();
    connection.batch_execute(count).unwrap();
    let mut numbers = |key: &str| {
        let numbers =
            sql::<Text>("(SELECT json_group_array(sequence || ' at ' || at_ms ORDER BY sequence) FROM limits")
                .sql(" WHERE key = ")
                .bind::<Text, _>(key)
                .sql(")");
        diesel::select(numbers).get_result::<String>(&mut connection).unwrap()
    };
    let expected = r#"["1 at 0","2 at 1000","3 at 1000","4 at 1000","5 at 0","6 at 1000"]"#;
    assert_eq!(numbers("a"), expected);
    assert_eq!(numbers("b"), r#"["1 at 1","2 at 1"]"#);
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
async fn plans_rest_on_nothing_that_a_table_once_had() {
    let folder = tempdir().unwrap();
    let options = Options::at(folder.path().join("test.db"));
    let statistics = || {
        let mut connection = SqliteConnection::establish(options.path.to_str().unwrap()).unwrap();
        let count = sql::<BigInt>("(SELECT count(*) FROM sqlite_schema WHERE name LIKE 'sqlite_stat%')");
        diesel::select(count).get_result::<i64>(&mut connection).unwrap()
    };
    let store = SqliteStore::open(options.clone()).unwrap();
    store.commit(vec![User::write(Change::Create(user()))]).await.unwrap();
    drop(store);
    assert_eq!(statistics(), 0);
}

#[test]
fn many_processes_may_start_at_once() {
    let folder = tempdir().unwrap();
    let options = Options::at(folder.path().join("test.db"));
    let applied: usize = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| SqliteStore::migrate(&options).unwrap().len()))
            .collect();
        starts.into_iter().map(|start| start.join().unwrap()).sum()
    });
    let all = SqliteStore::pending_migrations(&Options::at(folder.path().join("none.db"))).unwrap();
    assert_eq!(applied, all.len());
}
