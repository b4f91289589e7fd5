//! A request loads its client once, and its user once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use phoneproof_domain::ports::{Aggregate, Loaded, Repository, StoreError};
use phoneproof_tests::{Answer, Browser, Setup, TestApp};

/// A repository that counts its loads.
struct Counting<A: Aggregate> {
    repository: Arc<dyn Repository<A>>,
    loads: Arc<AtomicUsize>,
}

#[async_trait]
impl<A: Aggregate> Repository<A> for Counting<A> {
    async fn load(&self, id: &A::Id) -> Result<Option<Loaded<A>>, StoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.repository.load(id).await
    }
}

/// How many clients and users were loaded, by request.
#[derive(Default)]
struct Loads {
    clients: Arc<AtomicUsize>,
    users: Arc<AtomicUsize>,
    by_request: Vec<(&'static str, [usize; 2])>,
}

impl Loads {
    /// An app whose loads are counted.
    async fn of_app() -> (Self, TestApp) {
        let loads = Self::default();
        let (clients, users) = (loads.clients.clone(), loads.users.clone());
        let setup = Setup::default().adapters(|adapters| {
            let store = &mut adapters.store;
            store.clients = Arc::new(Counting {
                repository: store.clients.clone(),
                loads: clients,
            });
            store.repository = Arc::new(Counting {
                repository: store.repository.clone(),
                loads: users,
            });
        });
        (loads, setup.spawn().await)
    }

    /// Counts the loads of one request, which must succeed.
    async fn count(&mut self, name: &'static str, request: impl Future<Output = Answer>) -> Answer {
        let _ = self.take();
        let answer = request.await;
        assert_eq!(answer.status, 200, "{name}: {answer:#?}");
        let loads = self.take();
        self.by_request.push((name, loads));
        answer
    }

    fn take(&self) -> [usize; 2] {
        [&self.clients, &self.users].map(|loads| loads.swap(0, Ordering::SeqCst))
    }

    /// Asserts how many clients and users each of the requests loaded.
    fn are(&self, clients_and_users: [usize; 2]) {
        let others = self
            .by_request
            .iter()
            .filter(|(_, loads)| *loads != clients_and_users)
            .collect::<Vec<_>>();
        assert!(others.is_empty(), "clients and users loaded: {others:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_a_session_loads_its_client_and_its_user_once() {
    let (mut loads, app) = Loads::of_app().await;
    let browser = Browser::new(&app);
    let done = browser.sign_up(&app, &app.number()).await;
    let session = done["response"]["created_session_id"].as_str().unwrap();
    let session = format!("/v1/client/sessions/{session}");

    loads.count("client", browser.get("/v1/client")).await;
    loads.count("session", browser.get(&session)).await;
    loads
        .count("touch", browser.post(&format!("{session}/touch"), &[]))
        .await;
    loads
        .count("tokens", browser.post(&format!("{session}/tokens"), &[]))
        .await;
    loads.count("me", browser.get("/v1/me")).await;
    loads
        .count("update", browser.patch("/v1/me", &[("first_name", "Ada")]))
        .await;

    let number = app.number();
    let form = [("phone_number", number.as_str())];
    let added = loads
        .count("add number", browser.post("/v1/me/phone_numbers", &form))
        .await;
    let path = format!("/v1/me/phone_numbers/{}", added.response()["id"].as_str().unwrap());
    let form = [("strategy", "phone_code")];
    loads
        .count("prepare", browser.post(&format!("{path}/prepare_verification"), &form))
        .await;
    let code = app.code(&number).await;
    let form = [("code", code.as_str())];
    loads
        .count("attempt", browser.post(&format!("{path}/attempt_verification"), &form))
        .await;
    let form = [("reserved_for_second_factor", "true")];
    loads.count("second factor", browser.patch(&path, &form)).await;
    loads.are([1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_by_token_loads_its_user_once() {
    let (mut loads, app) = Loads::of_app().await;
    let user = app.user("user_1");
    let number = app.number();
    let form = [("phone_number", number.as_str())];
    let added = loads
        .count("add number", user.post("/v1/me/phone_numbers", &form))
        .await;
    let path = format!("/v1/me/phone_numbers/{}", added.response()["id"].as_str().unwrap());
    let form = [("strategy", "phone_code")];
    loads
        .count("prepare", user.post(&format!("{path}/prepare_verification"), &form))
        .await;
    let code = app.code(&number).await;
    let form = [("code", code.as_str())];
    loads
        .count("attempt", user.post(&format!("{path}/attempt_verification"), &form))
        .await;
    loads.count("me", user.get("/v1/me")).await;
    loads
        .count("update", user.patch("/v1/me", &[("first_name", "Ada")]))
        .await;
    loads.are([0, 1]);
}
