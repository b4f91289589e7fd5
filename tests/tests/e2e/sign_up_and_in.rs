//! Signing up, out and in, with cookies, as a browser does it.

use std::time::Duration;

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

/// The newer custom-flow API names the strategy of a password, and a channel with every code.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_names_its_strategy_or_not() {
    let app = TestApp::spawn().await;
    let number = app.number();
    let browser = Browser::new(&app);
    let password = [("strategy", "password"), ("password", "correct horse battery")];
    let named = [
        password[0],
        password[1],
        ("phone_number", number.as_str()),
        ("first_name", "Ada"),
        ("unsafe_metadata", r#"{"plan":"pro"}"#),
        ("legal_accepted", "true"),
        ("locale", "en-US"),
    ];
    let created = browser.post("/v1/client/sign_ups", &named).await.response().clone();
    let without = Browser::new(&app).post("/v1/client/sign_ups", &named[1..]).await;
    let masked = |sign_up: &Value| {
        let mut sign_up = sign_up.clone();
        sign_up["id"] = Value::Null;
        sign_up
    };
    assert_eq!(
        masked(&created),
        masked(without.response()),
        "the strategy adds nothing"
    );
    assert_eq!(
        (&created["status"], &created["has_password"], &created["first_name"]),
        (&json!("missing_requirements"), &json!(true), &json!("Ada"))
    );
    let unasked = &created["verifications"]["phone_number"];
    assert_eq!(
        (&unasked["status"], &unasked["next_action"]),
        (&Value::Null, &json!("needs_prepare"))
    );
    let path = format!("/v1/client/sign_ups/{}", text(&created["id"]));
    let changed = browser.patch(&path, &password).await;
    assert_eq!(masked(changed.response()), masked(&created));

    for (form, status, code, param) in [
        (
            vec![("strategy", "password")],
            422,
            "form_conditional_param_missing",
            "password",
        ),
        (
            vec![("strategy", "password"), ("password", "")],
            422,
            "form_conditional_param_missing",
            "password",
        ),
        (
            vec![("strategy", "backup_code")],
            422,
            "form_param_value_invalid",
            "strategy",
        ),
        (vec![("strategy", "ticket")], 422, "form_param_missing", "ticket"),
        (
            vec![("strategy", "ticket"), ("ticket", "x")],
            400,
            "ticket_invalid_code",
            "",
        ),
    ] {
        for refused in [
            browser.post("/v1/client/sign_ups", &form).await,
            browser.patch(&path, &form).await,
        ] {
            refused.is_error(status, code);
            if !param.is_empty() {
                refused.about(param);
            }
        }
    }

    let prepare = format!("{path}/prepare_verification");
    let form = [("strategy", "phone_code"), ("channel", "sms")];
    let prepared = browser.post(&prepare, &form).await;
    assert_eq!(
        prepared.response()["verifications"]["phone_number"]["status"],
        "unverified"
    );
    let code = app.code(&number).await;
    let form = [("strategy", "phone_code"), ("code", code.as_str())];
    let done = browser.post(&format!("{path}/attempt_verification"), &form).await;
    assert_eq!(done.response()["status"], "complete");
    // `finalize()`
    let session = text(&done.response()["created_session_id"]).to_owned();
    let touch = format!("/v1/client/sessions/{session}/touch");
    let touched = browser.post(&touch, &[("intent", "select_session")]).await;
    assert_eq!(touched.response()["status"], "active");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_that_is_changed_sends_a_code_at_once_if_asked_to() {
    let app = TestApp::spawn().await;
    let (browser, number) = (Browser::new(&app), app.number());
    let begun = browser.post("/v1/client/sign_ups", &[("first_name", "Ada")]).await;
    let path = format!("/v1/client/sign_ups/{}", text(&begun.response()["id"]));
    let refused = browser.patch(&path, &[("strategy", "phone_code")]).await;
    refused.is_error(422, "form_param_missing").about("phone_number");
    let form = [("phone_number", number.as_str()), ("strategy", "phone_code")];
    let sent = browser.patch(&path, &form).await.response().clone();
    assert_eq!(sent["verifications"]["phone_number"]["status"], "unverified");
    let again = browser.patch(&path, &[("strategy", "phone_code")]).await;
    again.is_error(429, "verification_code_too_many_requests");
    // Another number discards the proof, and the code that was out with it.
    let old = app.code(&number).await;
    let other = app.number();
    let form = [("phone_number", other.as_str()), ("strategy", "phone_code")];
    let _ = browser.patch(&path, &form).await.response();
    let attempt = format!("{path}/attempt_verification");
    let refused = browser
        .post(&attempt, &[("strategy", "phone_code"), ("code", &old)])
        .await;
    assert_eq!(refused.status, 422, "{refused:#?}");
    let code = app.code(&other).await;
    let done = browser
        .post(&attempt, &[("strategy", "phone_code"), ("code", &code)])
        .await;
    assert_eq!(done.response()["phone_number"], other.as_str());
    assert_eq!(done.response()["status"], "complete");
}

/// `signIn.password()`, `signIn.phoneCode`, `signIn.resetPasswordPhoneCode`, `signIn.mfa`, parameter by parameter.
#[tokio::test(flavor = "multi_thread")]
async fn the_newer_custom_flows_sign_in() {
    let app = TestApp::spawn().await;
    let (number, second) = (app.number(), app.number());
    let browser = Browser::new(&app);
    browser.sign_up(&app, &number).await;
    let set = [("new_password", "correct horse battery")];
    let _ = browser.post("/v1/me/change_password", &set).await.response();
    let sign_out = async || browser.delete("/v1/client/sessions").await;
    let _ = sign_out().await;
    let around = [("locale", "en-US"), ("timezone", "Europe/Zurich")];

    let form = [
        ("identifier", number.as_str()),
        ("password", "correct horse battery"),
        around[0],
    ];
    let done = browser.post("/v1/client/sign_ins", &form).await;
    assert_eq!(done.response()["status"], "complete", "password()");
    let (_, codes) = browser.add_second_factor(&app, &second).await;
    let _ = sign_out().await;

    app.clock.advance(Duration::from_secs(60));
    let begun = browser
        .post(
            "/v1/client/sign_ins",
            &[("identifier", number.as_str()), around[0], around[1]],
        )
        .await;
    let begun = begun.response().clone();
    let path = format!("/v1/client/sign_ins/{}", text(&begun["id"]));
    let factor = text(&begun["supported_first_factors"][0]["phone_number_id"]).to_owned();
    let code_to = async |step: &str, strategy: &str, factor: &str| {
        let form = [("phone_number_id", factor), ("strategy", strategy), ("channel", "sms")];
        let prepared = browser.post(&format!("{path}/prepare_{step}"), &form).await;
        let _ = prepared.response();
    };
    code_to("first_factor", "phone_code", &factor).await;
    let code = app.code(&number).await;
    let form = [("code", code.as_str()), ("strategy", "phone_code")];
    let half = browser.post(&format!("{path}/attempt_first_factor"), &form).await;
    assert_eq!(
        half.response()["status"],
        "needs_second_factor",
        "phoneCode.verifyCode()"
    );
    let factor = text(&half.response()["supported_second_factors"][0]["phone_number_id"]).to_owned();
    code_to("second_factor", "phone_code", &factor).await;
    let code = app.code(&second).await;
    let form = [("code", code.as_str()), ("strategy", "phone_code")];
    let done = browser.post(&format!("{path}/attempt_second_factor"), &form).await;
    assert_eq!(done.response()["status"], "complete", "mfa.verifyPhoneCode()");
    let _ = sign_out().await;

    app.clock.advance(Duration::from_secs(60));
    let begun = browser.post("/v1/client/sign_ins", &[("identifier", &number)]).await;
    let begun = begun.response().clone();
    let path = format!("/v1/client/sign_ins/{}", text(&begun["id"]));
    let strategy = ("strategy", "reset_password_phone_code");
    let factor = text(&begun["supported_first_factors"][0]["phone_number_id"]).to_owned();
    let form = [("phone_number_id", factor.as_str()), strategy];
    let _ = browser
        .post(&format!("{path}/prepare_first_factor"), &form)
        .await
        .response();
    let code = app.code(&number).await;
    let half = browser
        .post(
            &format!("{path}/attempt_first_factor"),
            &[("code", code.as_str()), strategy],
        )
        .await;
    assert_eq!(half.response()["status"], "needs_new_password");
    let form = [("password", "another horse"), ("sign_out_of_other_sessions", "true")];
    let half = browser.post(&format!("{path}/reset_password"), &form).await;
    assert_eq!(half.response()["status"], "needs_second_factor");
    let form = [("code", codes[0].as_str()), ("strategy", "backup_code")];
    let done = browser.post(&format!("{path}/attempt_second_factor"), &form).await;
    assert_eq!(done.response()["status"], "complete", "mfa.verifyBackupCode()");
}
