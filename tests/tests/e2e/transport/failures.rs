//! When something breaks: a panic, the store.

use std::sync::Arc;
use std::time::{Duration, Instant};

use phoneproof_domain::User;
use phoneproof_domain::ports::{MockRepository, StoreError, StoreHealth};
use phoneproof_tests::{FakeCarrier, Setup, TestApp};
use reqwest::Method;
use serde_json::json;

const PAGE: &str = "https://app.example.com";
const NUMBERS: &str = "/v1/me/phone_numbers";

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_an_error_of_one_request() {
    let carrier = Arc::new(FakeCarrier::new(|_| panic!("the carrier's library is broken")));
    let app = Setup::default()
        .gateway(carrier.clone())
        .option("PHONEPROOF__SERVER__ALLOWED_ORIGINS", PAGE)
        // No wait between codes, so that the clock stands still: past the lease the outbox would try the texts again.
        .option("PHONEPROOF__LIMITS__ENABLED", "false")
        .spawn()
        .await;
    let user = app.user("user_a");
    let path = format!("{NUMBERS}/{}", app.added_number(&user, &app.number()).await);
    let prepare = format!("{path}/prepare_verification");
    // More often than there are threads: none of them may die of it.
    for _ in 0..8 {
        let failed = user
            .send(user.request(Method::POST, &prepare).header("origin", PAGE))
            .await;
        failed.is_error(500, "internal_clerk_error");
        assert_eq!(failed.header("access-control-allow-origin"), Some(PAGE));
        assert_eq!(failed.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(failed.header("cache-control"), Some("no-store"));
        assert!(!failed.text.contains("broken"), "{}", failed.text);
    }
    assert_eq!(carrier.given().len(), 8);
    // The code was committed before it was to be sent.
    assert_eq!(user.get(&path).await.response()["verification"]["status"], "unverified");
    let metrics = app.nobody().get("/metrics").await.text;
    assert!(metrics.contains(r#"status="500"} 8"#), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_gone_ends_readiness_and_not_life() {
    let app = TestApp::spawn().await;
    let nobody = app.nobody();
    let serves = async || {
        let health = nobody.get("/v1/health").await;
        assert_eq!(health.resource(), &json!({ "status": "ok", "store": "ok" }));
        assert_eq!(nobody.get("/v1/ready").await.resource(), &json!({ "status": "ready" }));
    };
    serves().await;
    app.store.take_away();
    // A process that says it is ill is restarted, which mends no database.
    let health = nobody.get("/v1/health").await;
    assert_eq!(health.resource(), &json!({ "status": "ok", "store": "unavailable" }));
    let away = nobody.get("/v1/ready").await;
    assert_eq!((away.status, &away.json), (503, &json!({ "status": "unavailable" })));
    assert_eq!(
        (away.header("retry-after"), away.header("content-type")),
        (Some("2"), Some("application/json"))
    );
    app.store.bring_back();
    serves().await;
}

/// A store that never answers.
struct Silent;

#[async_trait::async_trait]
impl StoreHealth for Silent {
    async fn check(&self) -> Result<(), StoreError> {
        std::future::pending().await
    }
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "what is promised is real time")]
async fn a_store_that_is_silent_is_waited_for_two_seconds_at_most() {
    let app = Setup::default()
        .adapters(|adapters| adapters.store.health = Arc::new(Silent))
        .spawn()
        .await;
    let (nobody, asked) = (app.nobody(), Instant::now());
    let (health, ready) = tokio::join!(nobody.get("/v1/health"), nobody.get("/v1/ready"));
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert_eq!(health.resource(), &json!({ "status": "ok", "store": "unavailable" }));
    assert_eq!((ready.status, ready.header("retry-after")), (503, Some("2")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_is_503_and_names_no_cause() {
    let app = Setup::default()
        .adapters(|adapters| {
            let mut store = MockRepository::<User>::new();
            store
                .expect_load()
                .returning(|_| Err(StoreError::Unavailable("disk on fire".into())));
            adapters.store.repository = Arc::new(store);
        })
        .spawn()
        .await;
    let (user, back_end) = (app.user("user_a"), app.back_end());
    for answer in [
        user.get("/v1/me").await,
        user.post(NUMBERS, &[("phone_number", "+14155552671")]).await,
        user.post("/v1/me/backup_codes", &[]).await,
        back_end.get("/v1/users/user_a").await,
        back_end.delete("/v1/users/user_a").await,
    ] {
        answer.is_error(503, "service_unavailable");
        assert_eq!(answer.header("retry-after"), Some("2"));
        assert!(!answer.text.contains("fire"), "{}", answer.text);
    }
    // What needs no store goes on.
    user.get("/v1/nothing").await.is_error(404, "resource_not_found");
}
