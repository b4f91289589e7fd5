//! The schema: brought up to date by whoever comes first, refused where it is newer than the program.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use futures_util::future::join_all;
use phoneproof_domain::ports::{Change, Repository};
use phoneproof_domain::{Timestamp, User};
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
    store.commit(Change::Create(user())).await.unwrap();
    // Beside a process that runs.
    assert_eq!(PostgresStore::migrate(&options).await.unwrap(), [""; 0]);
    let users: &dyn Repository<User> = &store;
    assert_eq!(users.load(&user().id).await.unwrap().unwrap().aggregate, user());
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
