//! The contracts of the storage ports, on a file.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use phoneproof_domain::change::Stores;
use phoneproof_domain::conformance;
use phoneproof_store_sqlite::{Options, SqliteStore};
use tempfile::{TempDir, tempdir};

fn store() -> (TempDir, SqliteStore) {
    let folder = tempdir().unwrap();
    let store = SqliteStore::open(Options::at(folder.path().join("test.db"))).unwrap();
    (folder, store)
}

#[tokio::test]
async fn keeps_the_contract_of_the_repository() {
    let (_folder, store) = store();
    conformance::repository::all(Stores::of(&store)).await;
}

#[tokio::test]
async fn keeps_the_contract_of_the_directory() {
    let (_folder, store) = store();
    conformance::user_directory::all(Stores::of(&store), &store).await;
}

#[tokio::test]
async fn keeps_the_contract_of_the_health_check() {
    let (_folder, store) = store();
    conformance::store_health::all(&store).await;
}

#[tokio::test]
async fn keeps_the_contract_of_the_limiter() {
    let (_folder, store) = store();
    conformance::limiter::all(&store).await;
}

#[tokio::test]
async fn keeps_the_contract_of_the_instance_directory() {
    let (_folder, store) = store();
    conformance::instance_directory::all(&store).await;
}

#[tokio::test]
async fn keeps_the_contract_of_the_signing_keys() {
    let (_folder, store) = store();
    conformance::signing_keys::all(&store).await;
}

#[tokio::test]
async fn keeps_the_contract_of_the_event_outbox() {
    let (_folder, store) = store();
    conformance::event_outbox::all(Stores::of(&store), &store).await;
}

#[tokio::test]
async fn keeps_the_contract_of_clients_and_tickets() {
    let (_folder, store) = store();
    let ports = conformance::clients::Ports {
        stores: Stores::of(&store),
        directory: &store,
    };
    conformance::clients::all(ports).await;
}

#[tokio::test]
async fn keeps_the_contract_of_the_sms_outbox() {
    let (_folder, store) = store();
    conformance::sms_outbox::all(Stores::of(&store), &store).await;
}

#[tokio::test]
async fn keeps_the_contract_of_the_archive() {
    let ((_folder, source), (_other, target)) = (store(), store());
    conformance::archive::all(ports(&source), ports(&target)).await;
}

fn ports(store: &SqliteStore) -> conformance::archive::Ports<'_> {
    conformance::archive::Ports {
        archive: store,
        stores: Stores::of(store),
        keys: store,
        limiter: store,
        instance: store,
    }
}
