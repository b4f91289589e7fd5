//! Migrations on an empty and on a filled database.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
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
