//! Migrations on an empty and on a filled database.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use diesel::connection::SimpleConnection;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use phoneproof_domain::ports::{Change, Repository};
use phoneproof_domain::{Timestamp, User};
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
    store.commit(Change::Create(user())).await.unwrap();
}

#[tokio::test]
async fn they_keep_what_is_there() {
    let folder = tempdir().unwrap();
    let options = Options::at(folder.path().join("test.db"));
    let store = SqliteStore::open(options.clone()).unwrap();
    store.commit(Change::Create(user())).await.unwrap();
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
async fn plans_rest_on_nothing_that_a_table_once_had() {
    let folder = tempdir().unwrap();
    let options = Options::at(folder.path().join("test.db"));
    let statistics = || {
        let mut connection = SqliteConnection::establish(options.path.to_str().unwrap()).unwrap();
        let count = sql::<BigInt>("(SELECT count(*) FROM sqlite_schema WHERE name LIKE 'sqlite_stat%')");
        diesel::select(count).get_result::<i64>(&mut connection).unwrap()
    };
    let store = SqliteStore::open(options.clone()).unwrap();
    store.commit(Change::Create(user())).await.unwrap();
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
