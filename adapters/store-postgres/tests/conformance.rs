//! The contracts of the storage ports.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use phoneproof_domain::change::Stores;
use phoneproof_domain::conformance;
use phoneproof_store_postgres::testing::Database;
use phoneproof_store_postgres::{Options, PostgresStore};

async fn store() -> (PostgresStore, Database) {
    let database = Database::create();
    let store = PostgresStore::open(&Options::at(database.url())).await.unwrap();
    (store, database)
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_the_repository() {
    let (store, _database) = store().await;
    conformance::repository::all(Stores::of(&store)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_the_directory() {
    let (store, _database) = store().await;
    conformance::user_directory::all(Stores::of(&store), &store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_the_health_check() {
    let (store, _database) = store().await;
    conformance::store_health::all(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_the_limiter() {
    let (store, _database) = store().await;
    conformance::limiter::all(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_the_instance_directory() {
    let (store, _database) = store().await;
    conformance::instance_directory::all(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_the_signing_keys() {
    let (store, _database) = store().await;
    conformance::signing_keys::all(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_the_event_outbox() {
    let (store, _database) = store().await;
    conformance::event_outbox::all(Stores::of(&store), &store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_clients_and_tickets() {
    let (store, _database) = store().await;
    let ports = conformance::clients::Ports {
        stores: Stores::of(&store),
        directory: &store,
    };
    conformance::clients::all(ports).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_the_sms_outbox() {
    let (store, _database) = store().await;
    conformance::sms_outbox::all(Stores::of(&store), &store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract_of_the_archive() {
    let ((source, _database), (target, _other)) = (store().await, store().await);
    conformance::archive::all(ports(&source), ports(&target)).await;
}

fn ports(store: &PostgresStore) -> conformance::archive::Ports<'_> {
    conformance::archive::Ports {
        archive: store,
        stores: Stores::of(store),
        keys: store,
        limiter: store,
        instance: store,
    }
}
