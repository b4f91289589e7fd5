//! The database locked, gone, corrupt: an answer within two seconds, and recovery without a restart.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use phoneproof_domain::ports::{
    Aggregate, Change, Commit, CommitError, Repository, StoreError, StoreHealth, UserDirectory, UserFilter,
};
use phoneproof_domain::{PhoneNumber, Timestamp, User, UserPhones, UserPhonesParts, Verification};
use phoneproof_store_sqlite::{Options, SqliteStore};
use tempfile::{TempDir, tempdir};

/// The store as what keeps users.
fn users(store: &SqliteStore) -> &dyn Repository<User> {
    store
}

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

fn store() -> (TempDir, PathBuf, SqliteStore) {
    let folder = tempdir().unwrap();
    let path = folder.path().join("test.db");
    let store = SqliteStore::open(Options::at(&path)).unwrap();
    (folder, path, store)
}

/// Somebody else's connection to the same file.
fn other(path: &std::path::Path) -> SqliteConnection {
    SqliteConnection::establish(path.to_str().unwrap()).unwrap()
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

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_database_answers_in_time_and_recovers() {
    let (_folder, path, store) = store();
    store
        .commit(vec![User::write(Change::Create(user("before")))])
        .await
        .unwrap();
    let mut other = other(&path);
    other.batch_execute("BEGIN IMMEDIATE").unwrap();

    let asked = clock();
    let commit = async {
        // One that finds the thread waiting already, and is not made to wait anew.
        tokio::time::sleep(Duration::from_millis(500)).await;
        store.commit(vec![User::write(Change::Create(user("later")))]).await
    };
    let before = "before".parse().unwrap();
    let (health, first, second, load) = tokio::join!(
        store.check(),
        store.commit(vec![User::write(Change::Create(user("during")))]),
        commit,
        users(&store).load(&before),
    );
    let waited = asked.elapsed();
    assert!(matches!(health, Err(StoreError::Unavailable(_))), "{health:?}");
    for answer in [first, second] {
        assert!(
            matches!(answer, Err(CommitError::Store(StoreError::Unavailable(_)))),
            "{answer:?}"
        );
    }
    assert!(load.unwrap().is_some(), "reading goes on");
    assert!(waited < Duration::from_secs(2), "{waited:?}");

    other.batch_execute("ROLLBACK").unwrap();
    store.check().await.unwrap();
    store
        .commit(vec![User::write(Change::Create(user("during")))])
        .await
        .unwrap();
}

#[tokio::test]
async fn a_database_whose_file_is_gone_is_not_healthy() {
    let (_folder, path, store) = store();
    store.check().await.unwrap();
    let aside = path.with_extension("aside");
    fs::rename(&path, &aside).unwrap();
    assert!(matches!(store.check().await, Err(StoreError::Unavailable(_))));
    fs::rename(&aside, &path).unwrap();
    store.check().await.unwrap();
}

#[tokio::test]
async fn a_corrupt_row_is_named() {
    for (damage, place) in [
        (
            "UPDATE phone_numbers SET verification_state = 'nonsense'",
            "phone_numbers idn_2b1Ug0kTf5Wx9Qh3Zr7YcVnAd4E",
        ),
        (
            "UPDATE phone_numbers SET number = '4155552671'",
            "phone_numbers idn_2b1Ug0kTf5Wx9Qh3Zr7YcVnAd4E",
        ),
        (
            "UPDATE phone_numbers SET attempts = 3",
            "phone_numbers idn_2b1Ug0kTf5Wx9Qh3Zr7YcVnAd4E",
        ),
        ("UPDATE users SET public_metadata = '[1]'", "users corrupt"),
        ("UPDATE users SET first_name = 'a' || char(10)", "users corrupt"),
        (
            "UPDATE users SET primary_phone_number_id = NULL",
            "phone_numbers of corrupt",
        ),
        (
            "INSERT INTO backup_codes VALUES ('corrupt', 0, x'00', NULL)",
            "backup_codes corrupt 0",
        ),
    ] {
        let (_folder, path, store) = store();
        store
            .commit(vec![User::write(Change::Create(with_number("corrupt")))])
            .await
            .unwrap();
        other(&path)
            .batch_execute(&format!("PRAGMA ignore_check_constraints = ON; {damage}"))
            .unwrap();
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

#[tokio::test]
async fn a_search_that_is_slow_keeps_nobody_from_loading() {
    let (_folder, _path, store) = store();
    store
        .commit(vec![User::write(Change::Create(user("somebody")))])
        .await
        .unwrap();
    // More searches than there are readers; each waits for the one before.
    let filter = UserFilter::default();
    let searches = futures_util::future::join_all((0..50).map(|_| store.count(&filter)));
    let somebody = "somebody".parse().unwrap();
    let (counts, loaded) = tokio::join!(searches, users(&store).load(&somebody));
    assert!(counts.into_iter().all(|count| count.unwrap() == 1));
    assert!(loaded.unwrap().is_some());
}
