//! What the tests of faults under load share: how much load, how long an answer may take, and what the probes say.

use std::time::{Duration, Instant};

use phoneproof_tests::Actor;
use serde_json::json;
use tokio::sync::{Mutex, MutexGuard};

pub(super) const SECRET_KEY: &str = "sk_test_0123456789abcdef";
pub(super) const CLIENTS: usize = 8;
/// Acknowledged changes before the fault, and after it.
pub(super) const CHANGES: usize = 200;
/// Refusals before the fault ends: each client has met it more than once.
pub(super) const REFUSALS: usize = 3 * CLIENTS;
/// Two seconds are promised; a machine that runs all tests at once adds to them.
pub(super) const IN_TIME: Duration = Duration::from_secs(5);

/// One fault at a time: on a machine of two cores they would slow each other down, and answers in time are measured.
pub(super) async fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}

#[expect(clippy::disallowed_methods, reason = "what is promised is real time")]
pub(super) fn clock() -> Instant {
    Instant::now()
}

/// What the probes say; both answer in time.
pub(super) async fn probes(nobody: &Actor) -> (u16, String) {
    let asked = clock();
    let (ready, health) = tokio::join!(nobody.get("/v1/ready"), nobody.get("/v1/health"));
    assert!(asked.elapsed() < IN_TIME, "{:?}", asked.elapsed());
    assert_eq!(health.resource()["status"], "ok");
    if ready.status != 200 {
        assert_eq!((ready.status, ready.header("retry-after")), (503, Some("2")));
        assert_eq!(ready.json, json!({ "status": "unavailable" }));
    }
    let store = health.json["store"].as_str().unwrap_or_default();
    (ready.status, store.to_owned())
}
