//! Verifications that a back end drives (contract 8.4).

use std::time::Duration;

use phoneproof_tests::{Actor, Answer, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

use super::{id, made};

async fn prepare(back_end: &Actor, number: &str) -> Answer {
    let path = format!("/v1/phone_numbers/{number}/prepare_verification");
    back_end.json(Method::POST, &path, &json!({})).await
}

async fn attempt(back_end: &Actor, number: &str, verification: &Value, code: &str) -> Answer {
    let path = format!("/v1/phone_numbers/{number}/attempt_verification");
    let body = json!({ "verification_id": verification["id"], "code": code });
    back_end.json(Method::POST, &path, &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outcome_stands_in_the_verification() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let spelled = app.number();
    let user = made(&back_end, &json!({ "phone_number": [spelled] })).await;
    let number = id(&user["phone_numbers"][0]);
    let verification = prepare(&back_end, &number).await.resource().clone();
    assert_eq!(
        (&verification["status"], &verification["attempts"]),
        (&json!("unverified"), &json!(0))
    );
    let wrong = app.wrong_code(&spelled).await;
    let tried = attempt(&back_end, &number, &verification, &wrong).await;
    assert_eq!(
        (&tried.resource()["status"], &tried.resource()["attempts"]),
        (&json!("unverified"), &json!(1))
    );
    let code = app.code(&spelled).await;
    let done = attempt(&back_end, &number, &verification, &code).await;
    assert_eq!(
        (&done.resource()["status"], &done.resource()["id"]),
        (&json!("verified"), &verification["id"])
    );
    let again = attempt(&back_end, &number, &verification, &code).await;
    again.is_error(400, "verification_already_verified");
    // The number's own verification is another one.
    let shown = back_end.get(&format!("/v1/phone_numbers/{number}")).await;
    assert_eq!(shown.resource()["verification"]["strategy"], "admin");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_code_proves_a_number_that_was_not_proven() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let spelled = app.number();
    let user = made(&back_end, &json!({ "phone_number": [app.number()] })).await;
    let body = json!({ "user_id": user["id"], "phone_number": spelled });
    let number = id(back_end.json(Method::POST, "/v1/phone_numbers", &body).await.resource());
    let first = prepare(&back_end, &number).await.resource().clone();
    let too_soon = prepare(&back_end, &number).await;
    too_soon.is_error(429, "verification_code_too_many_requests");
    app.clock.advance(Duration::from_secs(60));
    let old_code = app.code(&spelled).await;
    let second = prepare(&back_end, &number).await.resource().clone();
    // A new code takes the place of the last.
    attempt(&back_end, &number, &first, &old_code)
        .await
        .is_error(404, "resource_not_found");
    let code = app.code(&spelled).await;
    let done = attempt(&back_end, &number, &second, &code).await;
    assert_eq!(done.resource()["status"], "verified");
    let shown = back_end.get(&format!("/v1/phone_numbers/{number}")).await;
    assert_eq!(
        (
            &shown.resource()["verification"]["status"],
            &shown.resource()["verification"]["strategy"]
        ),
        (&json!("verified"), &json!("phone_code"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_wrong_codes_and_time_close_it() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let spelled = app.number();
    let user = made(&back_end, &json!({ "phone_number": [spelled] })).await;
    let number = id(&user["phone_numbers"][0]);
    let verification = prepare(&back_end, &number).await.resource().clone();
    let wrong = app.wrong_code(&spelled).await;
    for status in ["unverified", "unverified", "unverified", "unverified", "failed"] {
        let tried = attempt(&back_end, &number, &verification, &wrong).await;
        assert_eq!(tried.resource()["status"], status);
    }
    let code = app.code(&spelled).await;
    let late = attempt(&back_end, &number, &verification, &code).await;
    assert_eq!(late.resource()["status"], "failed");

    app.clock.advance(Duration::from_secs(60));
    let verification = prepare(&back_end, &number).await.resource().clone();
    let code = app.code(&spelled).await;
    app.clock.advance(Duration::from_secs(600));
    let late = attempt(&back_end, &number, &verification, &code).await;
    assert_eq!(late.resource()["status"], "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_malformed_or_unknown_is_refused() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let user = made(&back_end, &json!({ "phone_number": [app.number()] })).await;
    let number = id(&user["phone_numbers"][0]);
    prepare(&back_end, "idn_nobody")
        .await
        .is_error(404, "resource_not_found");
    app.nobody()
        .json(
            Method::POST,
            &format!("/v1/phone_numbers/{number}/prepare_verification"),
            &json!({}),
        )
        .await
        .is_error(401, "clerk_key_invalid");
    attempt(&back_end, &number, &json!({ "id": "ver_1" }), "123456")
        .await
        .is_error(404, "resource_not_found");
    attempt(&back_end, &number, &json!({ "id": null }), "123456")
        .await
        .is_error(422, "form_param_missing")
        .about("verification_id");
    let verification = prepare(&back_end, &number).await.resource().clone();
    attempt(&back_end, &number, &verification, "12345")
        .await
        .is_error(422, "form_code_incorrect")
        .about("code");
}
