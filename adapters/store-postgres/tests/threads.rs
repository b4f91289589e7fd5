//! Many runtimes on one store, as an HTTP server has them: never more connections than configured.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Barrier;

use futures_util::future::join_all;
use phoneproof_domain::ports::{Aggregate, Change, Commit, Repository, UserDirectory, UserFilter};
use phoneproof_domain::{Timestamp, User};
use phoneproof_store_postgres::testing::Database;
use phoneproof_store_postgres::{Options, PostgresStore};
use tokio::runtime::{Builder, Runtime};

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

/// More at once than there are connections.
const CROWD: usize = 40;

fn open(database: &Database, connections: usize) -> (Runtime, PostgresStore) {
    let options = Options {
        connections,
        ..Options::at(database.url())
    };
    let main = Builder::new_multi_thread().enable_all().build().unwrap();
    let store = main.block_on(PostgresStore::open(&options)).unwrap();
    (main, store)
}

fn worker() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

async fn crowd(store: &PostgresStore, name: &str) {
    let users = (0..CROWD).map(|at| User::new(format!("{name}_{at}").parse().unwrap(), NOW));
    for committed in join_all(users.map(|user| store.commit(vec![User::write(Change::Create(user))]))).await {
        committed.unwrap();
    }
    let first = format!("{name}_0").parse().unwrap();
    let users: &dyn Repository<User> = store;
    assert!(users.load(&first).await.unwrap().is_some());
}

fn connections(database: &Database) -> usize {
    let count = database.query(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'phoneproof'",
    );
    count[0].parse().unwrap()
}

/// A crowd on each of `threads` threads and on the main runtime, all at once; how many connections are open then.
fn crowds(database: &Database, main: &Runtime, store: &PostgresStore, threads: usize) -> usize {
    let (done, counted) = (Barrier::new(threads + 1), Barrier::new(threads + 1));
    let (done, counted) = (&done, &counted);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                let worker = worker();
                worker.block_on(crowd(store, &format!("thread_{thread}")));
                done.wait();
                counted.wait();
            });
        }
        main.block_on(crowd(store, "main"));
        done.wait();
        let open = connections(database);
        counted.wait();
        open
    })
}

#[test]
fn threads_share_the_connections() {
    let database = Database::create();
    let (main, store) = open(&database, 8);
    let open = crowds(&database, &main, &store, 2);
    assert!((1..=8).contains(&open), "{open}");
    // The connections outlive the threads that used them.
    main.block_on(crowd(&store, "after"));
    let count = main.block_on(store.count(&UserFilter::default())).unwrap();
    assert_eq!(usize::try_from(count).unwrap(), 4 * CROWD);
}

#[test]
fn there_may_be_more_threads_than_connections() {
    let database = Database::create();
    let (main, store) = open(&database, 3);
    let open = crowds(&database, &main, &store, 4);
    assert!((1..=3).contains(&open), "{open}");
}

#[test]
fn a_thread_gets_new_connections_after_they_broke() {
    let database = Database::create();
    let (_main, store) = open(&database, 4);
    let users: &dyn Repository<User> = &store;
    worker().block_on(async {
        crowd(&store, "before").await;
        database.cut_off();
        let before = "before_0".parse().unwrap();
        // Each that was open may fail once.
        let loads = join_all((0..CROWD).map(|_| users.load(&before))).await;
        let failed = loads.into_iter().filter(Result::is_err).count();
        assert!(failed <= 4, "{failed}");
        crowd(&store, "after").await;
    });
}
