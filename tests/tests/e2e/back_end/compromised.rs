//! Passwords that others know, as a back end found out.

use phoneproof_tests::{Browser, TestApp, text};
use reqwest::Method;
use serde_json::json;

use super::{made, user_path};

const PASSWORD: &str = "correct horse battery";

#[tokio::test(flavor = "multi_thread")]
async fn a_compromised_password_signs_in_no_more_and_is_reset_by_code() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let number = app.number();
    let user = made(&back_end, &json!({ "phone_number": [number], "password": PASSWORD })).await;
    let form = [("identifier", number.as_str()), ("password", PASSWORD)];
    let browser = Browser::new(&app);
    assert_eq!(
        browser.post("/v1/client/sign_ins", &form).await.response()["status"],
        "complete"
    );
    let call = async |what: &str, body: serde_json::Value| {
        let path = format!("{}/password/{what}", user_path(&user));
        back_end.json(Method::POST, &path, &body).await
    };
    let _ = call("set_compromised", json!({})).await.resource();
    let _ = browser.get("/v1/me").await.response();
    let _ = call("set_compromised", json!({ "revoke_all_sessions": true }))
        .await
        .resource();
    browser.get("/v1/me").await.is_error(401, "signed_out");

    let wrong = [form[0], ("password", "wrong horse battery")];
    for _ in 0..12 {
        // The right one is no wrong try: it closes nothing, however often.
        let refused = browser.post("/v1/client/sign_ins", &form).await;
        refused.is_error(422, "form_password_compromised").about("password");
    }
    let refused = browser.post("/v1/client/sign_ins", &wrong).await;
    refused.is_error(422, "form_password_incorrect");
    // It is still the user's, for whoever asks by secret key.
    let path = format!("{}/verify_password", user_path(&user));
    let known = back_end
        .json(Method::POST, &path, &json!({ "password": PASSWORD }))
        .await;
    assert_eq!(known.resource()["verified"], true);

    let _ = call("unset_compromised", json!({})).await.resource();
    assert_eq!(
        browser.post("/v1/client/sign_ins", &form).await.response()["status"],
        "complete"
    );
    let _ = browser.delete("/v1/client/sessions").await;
    let _ = call("set_compromised", json!({})).await.resource();

    let reset = ("strategy", "reset_password_phone_code");
    let begun = browser.post("/v1/client/sign_ins", &[form[0], reset]).await;
    let path = format!("/v1/client/sign_ins/{}", text(&begun.response()["id"]));
    let code = app.code(&number).await;
    let half = browser
        .post(&format!("{path}/attempt_first_factor"), &[reset, ("code", &code)])
        .await;
    assert_eq!(half.response()["status"], "needs_new_password");
    let done = browser
        .post(&format!("{path}/reset_password"), &[("password", "another horse")])
        .await;
    assert_eq!(done.response()["status"], "complete");
    let _ = browser.delete("/v1/client/sessions").await;
    let anew = [form[0], ("password", "another horse")];
    assert_eq!(
        browser.post("/v1/client/sign_ins", &anew).await.response()["status"],
        "complete",
        "a new password is nobody else's"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_not_there_is_not_compromised() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let user = made(&back_end, &json!({ "phone_number": [app.number()] })).await;
    for what in ["set_compromised", "unset_compromised"] {
        let path = format!("{}/password/{what}", user_path(&user));
        let refused = back_end.json(Method::POST, &path, &json!({})).await;
        refused.is_error(400, "no_password_set");
    }
}
