//! The shapes of answers, their headers, and parameters that nobody asked for.

use std::collections::BTreeSet;

use phoneproof_tests::{Answer, TestApp};
use serde_json::{Value, json};

const NUMBERS: &str = "/v1/me/phone_numbers";

#[expect(clippy::unwrap_used, reason = "an answer that is no object has failed the test")]
#[track_caller]
fn enveloped(answer: &Answer, object: &str) {
    let keys: Vec<&str> = answer.json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["client", "response"], "{answer:#?}");
    assert_eq!(
        (&answer.json["client"], &answer.response()["object"]),
        (&Value::Null, &json!(object))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_users_api_has_an_envelope_but_for_the_list() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let (first, _) = app.verified_number(&user).await;
    let (second, _) = app.verified_number(&user).await;
    let path = format!("{NUMBERS}/{first}");
    enveloped(&user.get("/v1/me").await, "user");
    enveloped(&user.patch("/v1/me", &[]).await, "user");
    enveloped(&user.get(&path).await, "phone_number");
    let on = [("reserved_for_second_factor", "true")];
    enveloped(&user.patch(&format!("{NUMBERS}/{second}"), &on).await, "phone_number");
    enveloped(&user.post("/v1/me/backup_codes", &[]).await, "backup_code");
    let added = user.post(NUMBERS, &[("phone_number", &app.number())]).await;
    enveloped(&added, "phone_number");
    let path = format!("{NUMBERS}/{}", added.response()["id"].as_str().unwrap());
    enveloped(
        &user.post(&format!("{path}/prepare_verification"), &[]).await,
        "phone_number",
    );
    enveloped(&user.delete(&path).await, "phone_number");
    let list = user.get(NUMBERS).await;
    assert_eq!(list.resource().as_array().map(Vec::len), Some(2));
    assert_eq!(
        app.nobody().get("/v1/health").await.resource(),
        &json!({ "status": "ok", "store": "ok" })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_forbids_keeping_and_guessing() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    for answer in [
        user.get("/v1/me").await,
        user.post(NUMBERS, &[("phone_number", "x")]).await,
        user.get("/v1/nothing").await,
        user.post("/v1/me", &[]).await,
        app.nobody().get("/v1/me").await,
        app.back_end().get("/v1/users").await,
        app.nobody().get("/v1/health").await,
        app.nobody().get("/v1/ready").await,
        app.nobody().get("/metrics").await,
        app.nobody().get("/dev/inbox").await,
    ] {
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:#?}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{answer:#?}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{answer:#?}");
        assert!(
            answer.header("server").is_none() && answer.header("set-cookie").is_none(),
            "{answer:#?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_a_trace_id_of_its_own() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let mut ids = BTreeSet::new();
    for path in ["/v1/me", "/v1/me", "/v1/nothing", "/v1/health", "/v1/users"] {
        let answer = user.get(path).await;
        let id = answer.header("x-request-id").unwrap().to_owned();
        assert!(
            id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{id}"
        );
        if answer.status != 200 {
            assert_eq!(answer.json["clerk_trace_id"], json!(id));
        }
        assert!(ids.insert(id));
    }
    // A client's own id is not believed.
    let request = user
        .request(reqwest::Method::GET, "/v1/nothing")
        .header("x-request-id", "0".repeat(32));
    assert_ne!(
        user.send(request).await.header("x-request-id"),
        Some("0".repeat(32).as_str())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_sdks_send_on_their_own_is_accepted() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let query = "__clerk_api_version=2026-08-20&_clerk_js_version=6.40.0&_clerk_session_id=sess_x&rotating_token_nonce=x\
                 &_clerk_retry_attempt=1&__domain=&__clerk_testing_token=x&_is_native=1&debug=1&a=1&a=2";
    let number = app.number();
    let extra = [
        ("phone_number", number.as_str()),
        ("locale", "en-GB"),
        ("timezone", "Europe/Zurich"),
        ("captcha_token", ""),
        ("captcha_widget_type", "smart"),
        ("tab_state", "visible"),
        ("organization_id", ""),
        ("intent", "focus"),
        ("channel", "sms"),
        ("default", "true"),
        ("proof_token", "x"),
        ("reserved_for_second_factor", ""),
    ];
    let added = user.post(&format!("{NUMBERS}/?{query}"), &extra).await;
    let path = format!("{NUMBERS}/{}", added.response()["id"].as_str().unwrap());
    let strategy = [("strategy", "phone_code"), ("locale", "en"), ("channel", "")];
    let _ = user
        .post(&format!("{path}/prepare_verification?{query}"), &strategy)
        .await
        .response();
    let code = app.code(&number).await;
    let attempt = [("code", code.as_str()), ("strategy", "phone_code"), ("locale", "en")];
    let verified = user
        .post(&format!("{path}/attempt_verification?{query}"), &attempt)
        .await;
    assert_eq!(verified.response()["verification"]["status"], "verified");
    assert_eq!(user.get(&format!("/v1/me?{query}")).await.response()["id"], "user_a");
    let list = app.back_end().get(&format!("/v1/users?{query}&paginated=true")).await;
    assert_eq!(list.resource().as_array().map(Vec::len), Some(1));
}
