//! Signing up, out and in, with cookies, as a browser does it.

use phoneproof_tests::{Browser, TestApp, text};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_up_is_signed_in_at_once() {
    let app = TestApp::spawn().await;
    let browser = Browser::new(&app);
    let nobody = browser.get("/v1/client").await;
    assert_eq!(nobody.json, json!({ "response": null, "client": null }));
    let number = app.number();
    let done = browser.sign_up(&app, &number).await;
    let (sign_up, client) = (&done["response"], &done["client"]);
    assert_eq!(sign_up["created_session_id"], client["last_active_session_id"]);
    let session = &client["sessions"][0];
    assert_eq!(
        (&session["status"], &session["factor_verification_age"]),
        (&json!("active"), &json!([0, -1]))
    );
    assert_eq!(session["user"]["id"], sign_up["created_user_id"]);
    assert_eq!(
        session["user"]["phone_numbers"][0]["verification"]["status"],
        "verified"
    );
    assert_eq!(session["public_user_data"]["identifier"], number.as_str());
    assert!(text(&session["last_active_token"]["jwt"]).split('.').count() == 3);

    let again = browser.get("/v1/client").await;
    assert_eq!(again.response()["sessions"][0]["id"], session["id"]);
    let me = browser.get("/v1/me").await;
    assert_eq!(me.response()["id"], sign_up["created_user_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_signs_out_and_in_again() {
    let app = TestApp::spawn().await;
    let browser = Browser::new(&app);
    let number = app.number();
    let first = browser.sign_up(&app, &number).await;
    let out = browser.delete("/v1/client/sessions").await;
    assert_eq!((out.status, &out.json["response"]["sessions"]), (200, &json!([])));
    browser.get("/v1/me").await.is_error(401, "signed_out");
    app.clock.advance(std::time::Duration::from_secs(60));
    let done = browser.first_factor(&app, &number).await;
    assert_eq!(done["status"], "complete");
    assert_ne!(done["created_session_id"], first["response"]["created_session_id"]);
    assert_eq!(
        browser.get("/v1/me").await.response()["id"],
        first["response"]["created_user_id"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_second_factor_there_is_no_session_before_it() {
    let app = TestApp::spawn().await;
    let browser = Browser::new(&app);
    let (number, second) = (app.number(), app.number());
    browser.sign_up(&app, &number).await;
    let (id, codes) = browser.add_second_factor(&app, &second).await;
    assert_eq!(codes.len(), 10);
    let _ = browser.delete("/v1/client/sessions").await;
    app.clock.advance(std::time::Duration::from_secs(60));

    let half = browser.first_factor(&app, &number).await;
    assert_eq!(
        (&half["status"], &half["created_session_id"]),
        (&json!("needs_second_factor"), &Value::Null)
    );
    let factors = half["supported_second_factors"].as_array().unwrap();
    assert_eq!(factors[0]["phone_number_id"], id.as_str());
    assert_eq!(
        factors[0]["safe_identifier"],
        format!("+1******{}", &second[second.len() - 4..])
    );
    assert_eq!(factors[1], json!({ "strategy": "backup_code" }));
    assert_eq!(browser.get("/v1/client").await.response()["sessions"], json!([]));
    browser.get("/v1/me").await.is_error(401, "signed_out");

    let path = format!("/v1/client/sign_ins/{}", text(&half["id"]));
    let prepare = format!("{path}/prepare_second_factor");
    let _ = browser.post(&prepare, &[("strategy", "phone_code")]).await.response();
    let attempt = format!("{path}/attempt_second_factor");
    let wrong = app.wrong_code(&second).await;
    let refused = browser
        .post(&attempt, &[("strategy", "phone_code"), ("code", &wrong)])
        .await;
    refused.is_error(422, "form_code_incorrect").about("code");
    let code = app.code(&second).await;
    let done = browser
        .post(&attempt, &[("strategy", "phone_code"), ("code", &code)])
        .await;
    assert_eq!(done.response()["status"], "complete");
    let session = &done.json["client"]["sessions"][0];
    assert_eq!(session["factor_verification_age"], json!([0, 0]));

    // And with a backup code, which works once.
    let _ = browser.delete("/v1/client/sessions").await;
    for status in [200, 422] {
        app.clock.advance(std::time::Duration::from_secs(60));
        let half = browser.first_factor(&app, &number).await;
        let attempt = format!("/v1/client/sign_ins/{}/attempt_second_factor", text(&half["id"]));
        let form = [("strategy", "backup_code"), ("code", codes[0].as_str())];
        assert_eq!(browser.post(&attempt, &form).await.status, status);
        let _ = browser.delete("/v1/client/sessions").await;
    }
    // A number set aside as second factor names nobody.
    let refused = browser.post("/v1/client/sign_ins", &[("identifier", &second)]).await;
    refused.is_error(422, "form_identifier_not_found").about("identifier");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_signs_in_and_is_reset_by_code() {
    let app = TestApp::spawn().await;
    let browser = Browser::new(&app);
    let number = app.number();
    let form = [("phone_number", number.as_str()), ("password", "correct horse battery")];
    let sign_up = browser.post("/v1/client/sign_ups", &form).await.response().clone();
    assert_eq!(sign_up["has_password"], true);
    let path = format!("/v1/client/sign_ups/{}", text(&sign_up["id"]));
    let _ = browser
        .post(&format!("{path}/prepare_verification"), &[("strategy", "phone_code")])
        .await;
    let code = app.code(&number).await;
    let form = [("strategy", "phone_code"), ("code", code.as_str())];
    let _ = browser
        .post(&format!("{path}/attempt_verification"), &form)
        .await
        .response();
    let _ = browser.delete("/v1/client/sessions").await;

    let wrong = [("identifier", number.as_str()), ("password", "wrong horse battery")];
    let refused = browser.post("/v1/client/sign_ins", &wrong).await;
    refused.is_error(422, "form_password_incorrect").about("password");
    let right = [("identifier", number.as_str()), ("password", "correct horse battery")];
    assert_eq!(
        browser.post("/v1/client/sign_ins", &right).await.response()["status"],
        "complete"
    );
    let _ = browser.delete("/v1/client/sessions").await;
    app.clock.advance(std::time::Duration::from_secs(60));

    let form = [
        ("identifier", number.as_str()),
        ("strategy", "reset_password_phone_code"),
    ];
    let sign_in = browser.post("/v1/client/sign_ins", &form).await.response().clone();
    let path = format!("/v1/client/sign_ins/{}", text(&sign_in["id"]));
    let code = app.code(&number).await;
    let form = [("strategy", "reset_password_phone_code"), ("code", code.as_str())];
    let half = browser.post(&format!("{path}/attempt_first_factor"), &form).await;
    assert_eq!(half.response()["status"], "needs_new_password");
    assert_eq!(half.json["client"]["sessions"], json!([]));
    let short = browser
        .post(&format!("{path}/reset_password"), &[("password", "short")])
        .await;
    short.is_error(422, "form_password_length_too_short").about("password");
    let form = [("password", "another horse"), ("sign_out_of_other_sessions", "true")];
    let done = browser.post(&format!("{path}/reset_password"), &form).await;
    assert_eq!(done.response()["status"], "complete");
    let _ = browser.delete("/v1/client/sessions").await;
    let old = browser.post("/v1/client/sign_ins", &right).await;
    old.is_error(422, "form_password_incorrect");
    let new = [("identifier", number.as_str()), ("password", "another horse")];
    assert_eq!(
        browser.post("/v1/client/sign_ins", &new).await.response()["status"],
        "complete"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_of_the_back_end_signs_in_once() {
    let app = TestApp::spawn().await;
    let number = app.number();
    let user = Browser::new(&app).sign_up(&app, &number).await["response"]["created_user_id"].clone();
    let ticket = app
        .back_end()
        .json(reqwest::Method::POST, "/v1/sign_in_tokens", &json!({ "user_id": user }))
        .await;
    let ticket = text(&ticket.resource()["token"]).to_owned();
    let form = [("strategy", "ticket"), ("ticket", ticket.as_str())];
    let browser = Browser::new(&app);
    let done = browser.post("/v1/client/sign_ins", &form).await;
    assert_eq!(done.response()["status"], "complete");
    assert_eq!(browser.get("/v1/me").await.response()["id"], user);
    let again = Browser::new(&app).post("/v1/client/sign_ins", &form).await;
    again.is_error(400, "sign_in_token_already_used_code");
    let forged = [("strategy", "ticket"), ("ticket", &ticket[..ticket.len() - 1])];
    let refused = Browser::new(&app).post("/v1/client/sign_ins", &forged).await;
    refused.is_error(400, "ticket_invalid_code");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_touched_ended_and_answers_401_afterwards() {
    let app = TestApp::spawn().await;
    let browser = Browser::new(&app);
    let done = browser.sign_up(&app, &app.number()).await;
    let path = format!("/v1/client/sessions/{}", text(&done["client"]["sessions"][0]["id"]));
    let touched = browser
        .post(&format!("{path}/touch"), &[("active_organization_id", "")])
        .await;
    assert_eq!(touched.response()["status"], "active");
    let token = browser.post(&format!("{path}/tokens"), &[]).await;
    assert_eq!(token.resource()["object"], "token");
    let ended = browser.post(&format!("{path}/end"), &[]).await;
    assert_eq!(ended.response()["status"], "ended");
    assert_eq!(ended.json["client"]["sessions"], json!([]));
    for call in ["touch", "tokens", "end"] {
        let refused = browser.post(&format!("{path}/{call}"), &[]).await;
        refused.is_error(401, "authentication_invalid");
    }
}
