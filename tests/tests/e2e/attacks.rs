//! What must not work, tried over HTTP.

use std::time::Duration;

use futures_util::future::join_all;
use phoneproof_tests::{Browser, TestApp, text};
use reqwest::Method;
use reqwest::header::ORIGIN;
use serde_json::{Value, json};

/// The client cookie of a browser.
fn client_cookie(browser: &Browser) -> String {
    browser.cookie("__client").unwrap_or_default()
}

/// A browser in which nobody is signed in, with a sign-in that waits for the second factor; and a backup code.
async fn at_second_factor(app: &TestApp) -> (Browser, String, Vec<String>) {
    let browser = Browser::new(app);
    let (number, second) = (app.number(), app.number());
    browser.sign_up(app, &number).await;
    let (_, codes) = browser.add_second_factor(app, &second).await;
    let _ = browser.delete("/v1/client/sessions").await;
    app.clock.advance(Duration::from_secs(60));
    let half = browser.first_factor(app, &number).await;
    (browser, format!("/v1/client/sign_ins/{}", text(&half["id"])), codes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planted_client_is_worthless_once_its_victim_has_signed_in() {
    let app = TestApp::spawn().await;
    let attacker = Browser::new(&app);
    let _ = attacker.post("/v1/client", &[]).await;
    let planted = client_cookie(&attacker);
    assert!(!planted.is_empty());
    let victim = Browser::new(&app);
    victim.set_cookie("__client", &planted);
    victim.sign_up(&app, &app.number()).await;
    assert_ne!(
        client_cookie(&victim),
        planted,
        "the token is another one after signing up"
    );
    let seen = attacker.get("/v1/client").await;
    assert_eq!(seen.json["response"], Value::Null, "{seen:#?}");
    attacker.get("/v1/me").await.is_error(401, "signed_out");
    assert_eq!(victim.get("/v1/me").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_another_browser_can_be_touched() {
    let app = TestApp::spawn().await;
    let (victim, attacker) = (Browser::new(&app), Browser::new(&app));
    attacker.sign_up(&app, &app.number()).await;
    let number = app.number();
    let done = victim.sign_up(&app, &number).await;
    let session = text(&done["client"]["sessions"][0]["id"]).to_owned();
    let phone = text(&done["client"]["sessions"][0]["user"]["phone_numbers"][0]["id"]).to_owned();
    for (call, form) in [
        ("touch", vec![]),
        ("tokens", vec![]),
        ("end", vec![]),
        ("remove", vec![]),
        ("verify", vec![("level", "first_factor")]),
        (
            "verify/prepare_first_factor",
            vec![("strategy", "phone_code"), ("phone_number_id", phone.as_str())],
        ),
        (
            "verify/attempt_first_factor",
            vec![("strategy", "phone_code"), ("code", "000000")],
        ),
    ] {
        let refused = attacker
            .post(&format!("/v1/client/sessions/{session}/{call}"), &form)
            .await;
        assert!([401, 404].contains(&refused.status), "{call}: {refused:#?}");
    }
    let refused = attacker.post(&format!("/v1/me/sessions/{session}/revoke"), &[]).await;
    refused.is_error(404, "resource_not_found");
    let number_path = format!("/v1/me/phone_numbers/{phone}");
    attacker.get(&number_path).await.is_error(404, "resource_not_found");
    attacker.delete(&number_path).await.is_error(404, "resource_not_found");
    let reserve = [("reserved_for_second_factor", "true")];
    attacker
        .patch(&number_path, &reserve)
        .await
        .is_error(404, "resource_not_found");

    let other = app.number();
    let sign_up = Browser::new(&app);
    let begun = sign_up.post("/v1/client/sign_ups", &[("phone_number", &other)]).await;
    let path = format!("/v1/client/sign_ups/{}", text(&begun.response()["id"]));
    let stranger = Browser::new(&app);
    for browser in [&attacker, &stranger] {
        for call in ["prepare_verification", "attempt_verification"] {
            let form = [("strategy", "phone_code"), ("code", "000000")];
            let refused = browser.post(&format!("{path}/{call}"), &form).await;
            refused.is_error(404, "resource_not_found");
        }
        browser.get(&path).await.is_error(404, "resource_not_found");
    }
    let sign_in = Browser::new(&app);
    let begun = sign_in.post("/v1/client/sign_ins", &[("identifier", &number)]).await;
    let path = format!("/v1/client/sign_ins/{}", text(&begun.response()["id"]));
    for browser in [&attacker, &stranger] {
        for call in [
            "prepare_first_factor",
            "attempt_first_factor",
            "prepare_second_factor",
            "attempt_second_factor",
        ] {
            let form = [
                ("strategy", "phone_code"),
                ("phone_number_id", phone.as_str()),
                ("code", "000000"),
            ];
            let refused = browser.post(&format!("{path}/{call}"), &form).await;
            refused.is_error(404, "resource_not_found");
        }
        browser.get(&path).await.is_error(404, "resource_not_found");
    }
    // And the victim has noticed nothing.
    assert_eq!(victim.get("/v1/me").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_second_factor_without_the_first() {
    let app = TestApp::spawn().await;
    let browser = Browser::new(&app);
    let number = app.number();
    browser.sign_up(&app, &number).await;
    let (_, codes) = browser.add_second_factor(&app, &app.number()).await;
    let _ = browser.delete("/v1/client/sessions").await;
    let begun = browser.post("/v1/client/sign_ins", &[("identifier", &number)]).await;
    let path = format!("/v1/client/sign_ins/{}", text(&begun.response()["id"]));
    let prepare = format!("{path}/prepare_second_factor");
    let early = browser.post(&prepare, &[("strategy", "phone_code")]).await;
    early.is_error(400, "client_state_invalid");
    let attempt = format!("{path}/attempt_second_factor");
    let form = [("strategy", "backup_code"), ("code", codes[0].as_str())];
    browser
        .post(&attempt, &form)
        .await
        .is_error(400, "client_state_invalid");
    assert_eq!(browser.get("/v1/client").await.response()["sessions"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_for_its_purpose_its_number_and_its_user_alone() {
    let app = TestApp::spawn().await;
    let (one, two) = (Browser::new(&app), Browser::new(&app));
    let (first, second) = (app.number(), app.number());
    one.sign_up(&app, &first).await;
    two.sign_up(&app, &second).await;
    let _ = one.delete("/v1/client/sessions").await;
    let _ = two.delete("/v1/client/sessions").await;
    app.clock.advance(Duration::from_secs(60));
    // The same person asks for a code in two sign-ins: each code fits its own.
    let mut paths = Vec::new();
    let mut codes = Vec::new();
    for (browser, number) in [(&one, &first), (&two, &second)] {
        let begun = browser.post("/v1/client/sign_ins", &[("identifier", number)]).await;
        let path = format!("/v1/client/sign_ins/{}", text(&begun.response()["id"]));
        let factor = text(&begun.response()["supported_first_factors"][0]["phone_number_id"]).to_owned();
        let form = [("strategy", "phone_code"), ("phone_number_id", factor.as_str())];
        let _ = browser
            .post(&format!("{path}/prepare_first_factor"), &form)
            .await
            .response();
        paths.push(path);
        codes.push(app.code(number).await);
    }
    assert_ne!(codes[0], codes[1], "one in a million");
    let form = [("strategy", "phone_code"), ("code", codes[1].as_str())];
    let refused = one.post(&format!("{}/attempt_first_factor", paths[0]), &form).await;
    refused.is_error(422, "form_code_incorrect");

    // A code to sign in is none to reset the password, to verify a number or to reverify.
    let form = [("strategy", "reset_password_phone_code"), ("code", codes[0].as_str())];
    let refused = one.post(&format!("{}/attempt_first_factor", paths[0]), &form).await;
    refused.is_error(400, "verification_strategy_invalid");
    let form = [("strategy", "phone_code"), ("code", codes[0].as_str())];
    let done = one.post(&format!("{}/attempt_first_factor", paths[0]), &form).await;
    assert_eq!(done.response()["status"], "complete");
    // The same code twice: neither on the sign-in that is over, nor on a new one, nor on the session.
    let again = one.post(&format!("{}/attempt_first_factor", paths[0]), &form).await;
    assert_eq!(again.status / 100, 4, "{again:#?}");
    let session = text(&done.response()["created_session_id"]).to_owned();
    let _ = one
        .post(
            &format!("/v1/client/sessions/{session}/verify"),
            &[("level", "first_factor")],
        )
        .await
        .response();
    let stale = one
        .post(
            &format!("/v1/client/sessions/{session}/verify/attempt_first_factor"),
            &form,
        )
        .await;
    stale.is_error(400, "verification_missing");
    let _ = one.delete("/v1/client/sessions").await;
    let begun = one.post("/v1/client/sign_ins", &[("identifier", &first)]).await;
    let path = format!("/v1/client/sign_ins/{}", text(&begun.response()["id"]));
    let stale = one.post(&format!("{path}/attempt_first_factor"), &form).await;
    stale.is_error(400, "verification_missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_tries_at_once_with_one_backup_code_one_signs_in() {
    let app = TestApp::spawn().await;
    let (first, path, codes) = at_second_factor(&app).await;
    let attempt = format!("{path}/attempt_second_factor");
    let form = [("strategy", "backup_code"), ("code", codes[0].as_str())];
    let answers = join_all((0..64).map(|_| first.post(&attempt, &form))).await;
    let passed = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(passed, 1);
    let unused = first.get("/v1/client").await;
    assert_eq!(unused.response()["sessions"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_get_stays_a_get_whatever_it_smuggles() {
    let app = TestApp::spawn().await;
    let browser = Browser::new(&app);
    browser.sign_up(&app, &app.number()).await;
    for path in [
        "/v1/client/sessions?_method=DELETE",
        "/v1/me?_method=DELETE",
        "/v1/client?_method=DELETE",
    ] {
        let _ = browser.get(path).await;
        assert_eq!(browser.get("/v1/me").await.status, 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_is_sent_away() {
    let app = TestApp::spawn().await;
    let browser = Browser::new(&app);
    browser.sign_up(&app, &app.number()).await;
    for origin in [
        "https://evil.example",
        "null",
        "http://127.0.0.1",
        "http://localhost.evil.example",
    ] {
        for (method, path) in [
            (Method::POST, "/v1/client/sessions?_method=DELETE"),
            (Method::GET, "/v1/client"),
            (Method::GET, "/v1/me"),
        ] {
            let request = app
                .nobody()
                .request(method.clone(), path)
                .header(ORIGIN, origin)
                .header("Cookie", format!("__client={}", client_cookie(&browser)));
            let refused = app.nobody().send(request).await;
            refused.is_error(400, "origin_invalid");
            assert_eq!(
                refused.header("access-control-allow-origin"),
                None,
                "{method} {path} {origin}"
            );
        }
    }
    // Without any origin a change is not taken either: no browser leaves it out.
    let request = app
        .nobody()
        .request(Method::POST, "/v1/client/sessions?_method=DELETE")
        .header("Cookie", format!("__client={}", client_cookie(&browser)));
    app.nobody().send(request).await.is_error(400, "origin_missing");
    assert_eq!(browser.get("/v1/me").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_leads_to_allowed_places_alone() {
    let app = TestApp::spawn().await;
    let browser = Browser::new(&app);
    browser.sign_up(&app, &app.number()).await;
    for url in [
        "https://evil.example/",
        "//evil.example/",
        "javascript:alert(1)",
        "http://127.0.0.1:1@evil.example/",
        "http://evil.example\\@127.0.0.1/",
        "data:text/html,x",
        "",
    ] {
        let escaped = percent_encoding::utf8_percent_encode(url, percent_encoding::NON_ALPHANUMERIC);
        let path = format!("/v1/client/handshake?redirect_url={escaped}");
        let request = app
            .nobody()
            .request(Method::GET, &path)
            .header("Cookie", format!("__client={}", client_cookie(&browser)));
        let refused = app.nobody().send(request).await;
        assert_eq!(refused.status / 100, 4, "{url}: {refused:#?}");
        assert_eq!(refused.header("location"), None, "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_does_not_outlive_what_it_rests_on() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let delete = async |path: String| back_end.json(Method::DELETE, &path, &json!({})).await;
    let post = async |path: String| back_end.json(Method::POST, &path, &json!({})).await;
    for act in ["ban", "delete", "mfa", "phone_number", "password"] {
        let (browser, other) = (Browser::new(&app), app.number());
        let number = app.number();
        let done = browser.sign_up(&app, &number).await;
        let user = text(&done["response"]["created_user_id"]).to_owned();
        let session = text(&done["response"]["created_session_id"]).to_owned();
        browser.add_second_factor(&app, &other).await;
        let token = format!("/v1/client/sessions/{session}/tokens");
        assert_eq!(browser.post(&token, &[]).await.status, 200);
        let did = match act {
            "ban" => post(format!("/v1/users/{user}/ban")).await,
            "delete" => delete(format!("/v1/users/{user}")).await,
            "mfa" => delete(format!("/v1/users/{user}/mfa")).await,
            "phone_number" => {
                let body = json!({ "phone_number": app.number() });
                back_end
                    .json(Method::PUT, &format!("/v1/users/{user}/phone_number"), &body)
                    .await
            }
            _ => {
                let body = json!({ "password": "correct horse battery", "sign_out_of_other_sessions": true });
                back_end.json(Method::PATCH, &format!("/v1/users/{user}"), &body).await
            }
        };
        assert_eq!(did.status, 200, "{act}: {did:#?}");
        let over = browser.post(&token, &[]).await;
        over.is_error(401, "authentication_invalid");
        browser.get("/v1/me").await.is_error(401, "signed_out");
        assert_eq!(
            browser.get("/v1/client").await.response()["sessions"],
            json!([]),
            "{act}"
        );
        assert_eq!(
            back_end.get(&format!("/v1/sessions/{session}")).await.resource()["status"],
            "revoked",
            "{act}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_turns_on_a_second_factor_stays_and_the_other_devices_are_out() {
    let app = TestApp::spawn().await;
    let (here, there) = (Browser::new(&app), Browser::new(&app));
    let number = app.number();
    here.sign_up(&app, &number).await;
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(there.first_factor(&app, &number).await["status"], "complete");
    let second = app.number();
    let (id, _) = here.add_second_factor(&app, &second).await;
    assert_eq!(here.get("/v1/me").await.status, 200);
    there.get("/v1/me").await.is_error(401, "signed_out");
    let off = [("reserved_for_second_factor", "false")];
    here.patch(&format!("/v1/me/phone_numbers/{id}"), &off)
        .await
        .is_error(403, "session_reverification_required");
    here.reverify(&app, &second).await;
    assert_eq!(
        here.patch(&format!("/v1/me/phone_numbers/{id}"), &off).await.status,
        200
    );
    assert_eq!(here.get("/v1/me").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_second_factor_is_required_the_last_one_stays() {
    let app = TestApp::with("PHONEPROOF__SECOND_FACTOR__REQUIRED", "true")
        .spawn()
        .await;
    let browser = Browser::new(&app);
    browser.sign_up(&app, &app.number()).await;
    browser.get("/v1/me").await;
    let second = app.number();
    let (id, _) = browser.add_second_factor(&app, &second).await;
    browser.reverify(&app, &second).await;
    let path = format!("/v1/me/phone_numbers/{id}");
    let off = [("reserved_for_second_factor", "false")];
    browser
        .patch(&path, &off)
        .await
        .is_error(400, "second_factor_deletion_not_allowed");
    browser
        .delete(&path)
        .await
        .is_error(400, "second_factor_deletion_not_allowed");
    let (another, _) = browser.add_second_factor(&app, &app.number()).await;
    assert_eq!(browser.delete(&path).await.status, 200);
    let last = browser.delete(&format!("/v1/me/phone_numbers/{another}")).await;
    last.is_error(400, "second_factor_deletion_not_allowed");
}
