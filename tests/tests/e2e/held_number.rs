//! A number that a back end holds for a user (`reserved`): it signs its user in once it is proven, and nobody else gets it.

use std::time::Duration;

use phoneproof_tests::{Browser, TestApp, text};
use reqwest::Method;
use serde_json::{Value, json};

/// A user for whom `number` is held, beside the `verified` numbers.
async fn holding(app: &TestApp, number: &str, verified: &[&str]) -> Value {
    let numbers: Vec<&str> = verified.iter().copied().chain([number]).collect();
    let status: Vec<&str> = verified.iter().map(|_| "verified").chain(["reserved"]).collect();
    let body = json!({
        "phone_number": numbers, "phone_number_identification_status": status, "password": "correct horse battery",
    });
    let user = app.back_end().json(Method::POST, "/v1/users", &body).await;
    user.resource().clone()
}

/// The number as the back end is shown it.
async fn shown(app: &TestApp, user: &Value, number: &str) -> Value {
    let path = format!("/v1/users/{}", text(&user["id"]));
    let user = app.back_end().get(&path).await.resource().clone();
    let numbers = user["phone_numbers"].as_array().into_iter().flatten();
    let found = numbers.into_iter().find(|shown| shown["phone_number"] == number);
    found.cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_number_signs_in_by_the_code_that_proves_it() {
    let app = TestApp::spawn().await;
    let number = app.number();
    let user = holding(&app, &number, &[]).await;
    let held = shown(&app, &user, &number).await;
    assert_eq!((&held["reserved"], &held["verification"]), (&json!(true), &Value::Null));
    assert_eq!(user["primary_phone_number_id"], Value::Null);

    let browser = Browser::new(&app);
    let begun = browser.post("/v1/client/sign_ins", &[("identifier", &number)]).await;
    let factors = begun.response()["supported_first_factors"].clone();
    assert_eq!(
        factors,
        json!([{
            "strategy": "phone_code", "phone_number_id": held["id"], "safe_identifier": number, "primary": false,
        }]),
        "nothing but a code to it proves it"
    );
    let with_password = [("identifier", number.as_str()), ("password", "correct horse battery")];
    let refused = browser.post("/v1/client/sign_ins", &with_password).await;
    refused.is_error(400, "strategy_for_user_invalid");

    let begun = browser.post("/v1/client/sign_ins", &[("identifier", &number)]).await;
    let path = format!("/v1/client/sign_ins/{}", text(&begun.response()["id"]));
    let prepare = format!("{path}/prepare_first_factor");
    let _ = browser.post(&prepare, &[("strategy", "phone_code")]).await.response();
    let attempt = format!("{path}/attempt_first_factor");
    let wrong = app.wrong_code(&number).await;
    let refused = browser
        .post(&attempt, &[("strategy", "phone_code"), ("code", &wrong)])
        .await;
    refused.is_error(422, "form_code_incorrect");
    assert_eq!(shown(&app, &user, &number).await["reserved"], true);
    let code = app.code(&number).await;
    let done = browser
        .post(&attempt, &[("strategy", "phone_code"), ("code", &code)])
        .await;
    assert_eq!(done.response()["status"], "complete");
    let me = browser.get("/v1/me").await.response().clone();
    assert_eq!((&me["id"], &me["primary_phone_number_id"]), (&user["id"], &held["id"]));
    let proven = &me["phone_numbers"][0];
    assert_eq!(
        (
            &proven["reserved"],
            &proven["verification"]["status"],
            &proven["verification"]["strategy"]
        ),
        (&json!(false), &json!("verified"), &json!("phone_code"))
    );

    // From now on it is a number like any other.
    let _ = browser.delete("/v1/client/sessions").await;
    assert_eq!(
        browser.post("/v1/client/sign_ins", &with_password).await.response()["status"],
        "complete"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_number_is_proven_with_the_second_factor_and_not_before() {
    let app = TestApp::spawn().await;
    let (held, second) = (app.number(), app.number());
    let user = holding(&app, &held, &[&second]).await;
    let second_id = text(&user["phone_numbers"][0]["id"]).to_owned();
    let reserve = json!({ "reserved_for_second_factor": true });
    let path = format!("/v1/phone_numbers/{second_id}");
    let _ = app.back_end().json(Method::PATCH, &path, &reserve).await.resource();

    let browser = Browser::new(&app);
    let half = browser.first_factor(&app, &held).await;
    assert_eq!(half["status"], "needs_second_factor");
    assert_eq!(
        shown(&app, &user, &held).await["reserved"],
        true,
        "the second factor is missing"
    );
    let path = format!("/v1/client/sign_ins/{}", text(&half["id"]));
    let prepare = format!("{path}/prepare_second_factor");
    let _ = browser.post(&prepare, &[("strategy", "phone_code")]).await.response();
    let code = app.code(&second).await;
    let attempt = format!("{path}/attempt_second_factor");
    let done = browser
        .post(&attempt, &[("strategy", "phone_code"), ("code", &code)])
        .await;
    assert_eq!(
        done.response()["status"],
        "complete",
        "the proof has not ended the sign-in"
    );
    assert_eq!(shown(&app, &user, &held).await["verification"]["status"], "verified");
}

#[tokio::test(flavor = "multi_thread")]
async fn to_prove_a_held_number_ends_the_other_sessions_of_its_user() {
    let app = TestApp::spawn().await;
    let (held, verified) = (app.number(), app.number());
    let _ = holding(&app, &held, &[&verified]).await;
    let (other, browser) = (Browser::new(&app), Browser::new(&app));
    assert_eq!(other.first_factor(&app, &verified).await["status"], "complete");
    assert_eq!(browser.first_factor(&app, &held).await["status"], "complete");
    assert_eq!(browser.get("/v1/me").await.status, 200);
    assert_eq!(other.get("/v1/me").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_gets_a_held_number() {
    let app = TestApp::spawn().await;
    let number = app.number();
    // Somebody else was about to prove it when it became the user's.
    let (early, early_number) = (Browser::new(&app), app.number());
    early.sign_up(&app, &early_number).await;
    let added = early.post("/v1/me/phone_numbers", &[("phone_number", &number)]).await;
    let path = format!("/v1/me/phone_numbers/{}", text(&added.response()["id"]));
    let prepare = format!("{path}/prepare_verification");
    let _ = early.post(&prepare, &[("strategy", "phone_code")]).await.response();
    let code = app.code(&number).await;
    let sign_up = Browser::new(&app);
    let begun = sign_up.post("/v1/client/sign_ups", &[("phone_number", &number)]).await;
    let begun = format!("/v1/client/sign_ups/{}", text(&begun.response()["id"]));

    let user = holding(&app, &number, &[]).await;
    early
        .post(&format!("{path}/attempt_verification"), &[("code", &code)])
        .await
        .is_error(422, "form_identifier_exists");
    app.clock.advance(Duration::from_secs(60));
    sign_up
        .post(&format!("{begun}/prepare_verification"), &[("strategy", "phone_code")])
        .await
        .is_error(422, "form_identifier_exists");
    Browser::new(&app)
        .post("/v1/client/sign_ups", &[("phone_number", &number)])
        .await
        .is_error(422, "form_identifier_exists");
    let other = Browser::new(&app);
    other.sign_up(&app, &app.number()).await;
    other
        .post("/v1/me/phone_numbers", &[("phone_number", &number)])
        .await
        .is_error(422, "form_identifier_exists");
    let body = json!({ "phone_number": [number] });
    let another = app.back_end().json(Method::POST, "/v1/users", &body).await;
    another.is_error(422, "form_identifier_exists");
    assert_eq!(shown(&app, &user, &number).await["reserved"], true);
}
