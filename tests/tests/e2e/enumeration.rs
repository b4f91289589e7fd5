//! Whether anybody has a number: what an unknown number leads to, and that nobody learns it where that is kept.

use std::time::Duration;

use phoneproof_tests::{Answer, Browser, TestApp, text};
use reqwest::Method;
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse battery";

async fn protected() -> TestApp {
    TestApp::with("PHONEPROOF__ENUMERATION_PROTECTION__ENABLED", "true")
        .spawn()
        .await
}

/// The code to `number`: answers do not wait for it.
async fn code_to(app: &TestApp, number: &str) -> String {
    let _ = app.text_once(number, |text| text["status"] == "sent").await;
    app.code(number).await
}

/// Whose number it may be that a stranger asks about.
const KINDS: [&str; 6] = ["nobody", "user", "with a password", "held", "banned", "locked"];

/// A new number of that kind.
async fn number_of(app: &TestApp, kind: &str) -> String {
    let number = app.number();
    let mut user = json!({ "phone_number": [number], "first_name": "Ada" });
    match kind {
        "nobody" => return number,
        "with a password" => user["password"] = json!(PASSWORD),
        "held" => user["phone_number_identification_status"] = json!(["reserved"]),
        "banned" => user["banned"] = json!(true),
        "locked" => user["locked"] = json!(true),
        _ => {}
    }
    let made = app.back_end().json(Method::POST, "/v1/users", &user).await;
    let _ = made.resource();
    number
}

/// What a stranger sees of an answer, but for what differs anyway: ids, the number that was typed, the trace.
fn seen(answer: &Answer, number: &str) -> Value {
    fn masked(value: &Value, number: &str) -> Value {
        match value {
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| {
                    let value = match name.as_str() {
                        "clerk_trace_id" => json!("[trace]"),
                        _ => masked(value, number),
                    };
                    (name.clone(), value)
                })
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Value::Array(items) => items.iter().map(|item| masked(item, number)).collect(),
            Value::String(text) if text == number => json!("[number]"),
            Value::String(text) => {
                let is_id = ["client_", "sia_", "sua_", "idn_", "user_", "sess_"]
                    .iter()
                    .any(|prefix| text.strip_prefix(prefix).is_some_and(|rest| rest.len() == 27));
                if is_id { json!("[id]") } else { value.clone() }
            }
            Value::Number(at) if at.as_i64().is_some_and(|at| at > 1_700_000_000_000) => json!("[time]"),
            _ => value.clone(),
        }
    }
    let mut headers: Vec<&str> = answer.headers.keys().map(reqwest::header::HeaderName::as_str).collect();
    headers.sort_unstable();
    json!({
        "status": answer.status,
        "headers": headers,
        "retry_after": answer.header("retry-after"),
        "body": masked(&answer.json, number),
    })
}

/// All that a stranger sees who tries to sign in.
async fn signing_in(app: &TestApp, number: &str) -> Vec<Value> {
    let browser = Browser::new(app);
    let mut all = Vec::new();
    let begun = browser.post("/v1/client/sign_ins", &[("identifier", number)]).await;
    all.push(seen(&begun, number));
    let path = format!("/v1/client/sign_ins/{}", text(&begun.response()["id"]));
    let factors = begun.response()["supported_first_factors"].clone();
    let factor = text(&factors[0]["phone_number_id"]).to_owned();
    let attempt = format!("{path}/attempt_first_factor");
    let prepare = format!("{path}/prepare_first_factor");
    let (code, password) = (("strategy", "phone_code"), ("strategy", "password"));
    let reset = ("strategy", "reset_password_phone_code");
    let wrong = ("code", "000000");
    let mut step = async |path: &str, form: &[(&str, &str)]| all.push(seen(&browser.post(path, form).await, number));
    step(&attempt, &[code, wrong]).await;
    step(&prepare, &[code, ("phone_number_id", &factor)]).await;
    step(&prepare, &[code, ("phone_number_id", &factor)]).await;
    step(
        &prepare,
        &[code, ("phone_number_id", "idn_000000000000000000000000000")],
    )
    .await;
    step(&attempt, &[reset, wrong]).await;
    for _ in 0..6 {
        step(&attempt, &[code, wrong]).await;
    }
    step(&attempt, &[password, ("password", "wrong horse battery")]).await;
    app.clock.advance(Duration::from_secs(31));
    step(&prepare, &[code]).await;
    app.clock.advance(Duration::from_secs(601));
    step(&attempt, &[code, wrong]).await;
    step(&prepare, &[reset]).await;
    step(&attempt, &[reset, wrong]).await;
    step(&attempt, &[("strategy", "backup_code"), wrong]).await;
    step(&format!("{path}/prepare_second_factor"), &[code]).await;
    step(&format!("{path}/reset_password"), &[("password", "another horse")]).await;
    step("/v1/client/sign_ups", &[("transfer", "true")]).await;
    let sign_ins = "/v1/client/sign_ins";
    step(sign_ins, &[("identifier", number), code]).await;
    step(sign_ins, &[("identifier", number), reset]).await;
    step(sign_ins, &[("identifier", number), ("password", "wrong horse battery")]).await;
    step(sign_ins, &[("identifier", number), password, ("password", "")]).await;
    step(sign_ins, &[("identifier", number), ("strategy", "backup_code")]).await;
    all.push(seen(&browser.get("/v1/client").await, number));
    all
}

/// All that a stranger sees who tries to sign up.
async fn signing_up(app: &TestApp, number: &str) -> Vec<Value> {
    let browser = Browser::new(app);
    let mut all = Vec::new();
    let begun = browser
        .post(
            "/v1/client/sign_ups",
            &[("phone_number", number), ("password", PASSWORD)],
        )
        .await;
    all.push(seen(&begun, number));
    let path = format!("/v1/client/sign_ups/{}", text(&begun.response()["id"]));
    let code = ("strategy", "phone_code");
    let (prepare, attempt) = (
        format!("{path}/prepare_verification"),
        format!("{path}/attempt_verification"),
    );
    let mut step = async |path: &str, form: &[(&str, &str)]| all.push(seen(&browser.post(path, form).await, number));
    step(&attempt, &[code, ("code", "000000")]).await;
    step(&prepare, &[code]).await;
    step(&prepare, &[code]).await;
    for _ in 0..6 {
        step(&attempt, &[code, ("code", "000000")]).await;
    }
    app.clock.advance(Duration::from_secs(31));
    step(&prepare, &[code]).await;
    app.clock.advance(Duration::from_secs(601));
    step(&attempt, &[code, ("code", "000000")]).await;
    step(&format!("{path}?_method=PATCH"), &[("phone_number", number), code]).await;
    step("/v1/client/sign_ups", &[("phone_number", number), code]).await;
    all.push(seen(&browser.get("/v1/client").await, number));
    all
}

/// All that a user sees who adds the number to the own account.
async fn adding(app: &TestApp, number: &str) -> Vec<Value> {
    let user = app.user(&format!("user_{}", number.trim_start_matches('+')));
    let mut all = Vec::new();
    let added = user.post("/v1/me/phone_numbers", &[("phone_number", number)]).await;
    all.push(seen(&added, number));
    let path = format!("/v1/me/phone_numbers/{}", text(&added.response()["id"]));
    let mut step = async |step: &str, form: &[(&str, &str)]| {
        all.push(seen(&user.post(&format!("{path}/{step}"), form).await, number));
    };
    step("attempt_verification", &[("code", "000000")]).await;
    step("prepare_verification", &[("strategy", "phone_code")]).await;
    for _ in 0..6 {
        step("attempt_verification", &[("code", "000000")]).await;
    }
    app.clock.advance(Duration::from_secs(31));
    step("prepare_verification", &[("strategy", "phone_code")]).await;
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn known_and_unknown_numbers_get_the_same_answers() {
    let app = protected().await;
    let flag = app.nobody().get("/v1/environment").await.json;
    assert_eq!(
        flag["user_settings"]["attack_protection"]["enumeration_protection"]["enabled"],
        true
    );
    let mut unknown: Option<[Vec<Value>; 3]> = None;
    for kind in KINDS {
        let numbers = [
            number_of(&app, kind).await,
            number_of(&app, kind).await,
            number_of(&app, kind).await,
        ];
        let answers = [
            signing_in(&app, &numbers[0]).await,
            signing_up(&app, &numbers[1]).await,
            adding(&app, &numbers[2]).await,
        ];
        for told in answers.iter().flatten() {
            let body = told.to_string();
            for telling in [
                "form_identifier_not_found",
                "form_identifier_exists",
                "Ada",
                "user_banned",
                "user_locked",
            ] {
                assert!(!body.contains(telling), "{kind}: {body}");
            }
        }
        match &unknown {
            None => unknown = Some(answers),
            Some(unknown) => {
                for (flow, (known, unknown)) in answers.iter().zip(unknown).enumerate() {
                    assert_eq!(known.len(), unknown.len());
                    for (step, (known, unknown)) in known.iter().zip(unknown).enumerate() {
                        assert_eq!(known, unknown, "{kind}: flow {flow}, step {step}");
                    }
                }
            }
        }
        if kind == "nobody" {
            // Nobody's phone rings for a sign-in, and somebody's does for a sign-up.
            assert_eq!(app.text_to(&numbers[0]).await["status"], "expired");
            let _ = app.text_once(&numbers[1], |text| text["status"] == "sent").await;
        } else {
            let _ = app.text_once(&numbers[0], |text| text["status"] != "sending").await;
            assert_eq!(app.text_to(&numbers[1]).await["status"], "expired", "{kind}");
            assert_eq!(app.text_to(&numbers[2]).await["status"], "expired", "{kind}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_tell_nothing_either() {
    let app = TestApp::with("PHONEPROOF__ENUMERATION_PROTECTION__ENABLED", "true")
        .option("PHONEPROOF__LIMITS__CODES_PER_NUMBER", "2/1h")
        .option("PHONEPROOF__LIMITS__CODES_PER_USER", "1/1h")
        .option("PHONEPROOF__LIMITS__ATTEMPTS_PER_NUMBER", "7/1h")
        .option("PHONEPROOF__LOCKOUT__ATTEMPTS", "3")
        .spawn()
        .await;
    let mut unknown: Option<Vec<Value>> = None;
    for kind in KINDS {
        let number = number_of(&app, kind).await;
        let answers = signing_in(&app, &number).await;
        assert!(answers.iter().any(|answer| answer["status"] == 429));
        match &unknown {
            None => unknown = Some(answers),
            Some(unknown) => {
                for (step, (known, unknown)) in answers.iter().zip(unknown).enumerate() {
                    assert_eq!(known, unknown, "{kind}: step {step}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_owner_did_before_tells_nothing() {
    let app = TestApp::with("PHONEPROOF__ENUMERATION_PROTECTION__ENABLED", "true")
        .option("PHONEPROOF__LIMITS__CODES_PER_NUMBER", "2/1h")
        .option("PHONEPROOF__LIMITS__CODE_WAITS_SECONDS", "30,600")
        .option("PHONEPROOF__LIMITS__ATTEMPTS_PER_NUMBER", "3/1h")
        .spawn()
        .await;
    let number = number_of(&app, "with a password").await;
    let owner = Browser::new(&app);
    assert_eq!(signed_in_by_code(&app, &owner, &number).await, "complete");
    let added = app.number();
    let own = owner.post("/v1/me/phone_numbers", &[("phone_number", &added)]).await;
    let own = format!("/v1/me/phone_numbers/{}", text(&own.response()["id"]));
    let _ = owner
        .post(&format!("{own}/prepare_verification"), &[("strategy", "phone_code")])
        .await
        .response();
    let unowned = [app.number(), app.number()];
    let (known, unknown) = (signing_in(&app, &number).await, signing_in(&app, &unowned[0]).await);
    for (step, (known, unknown)) in known.iter().zip(&unknown).enumerate() {
        assert_eq!(known, unknown, "sign-in, step {step}");
    }
    let (known, unknown) = (signing_up(&app, &number).await, signing_up(&app, &unowned[0]).await);
    for (step, (known, unknown)) in known.iter().zip(&unknown).enumerate() {
        assert_eq!(known, unknown, "sign-up after it, step {step}");
    }
    let (known, unknown) = (signing_up(&app, &added).await, signing_up(&app, &unowned[1]).await);
    for (step, (known, unknown)) in known.iter().zip(&unknown).enumerate() {
        assert_eq!(known, unknown, "sign-up with what somebody is adding, step {step}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_keeps_nobody_from_signing_in_by_a_code() {
    for strict in ["true", "false"] {
        let app = TestApp::with("PHONEPROOF__ENUMERATION_PROTECTION__ENABLED", strict)
            .option("PHONEPROOF__LIMITS__ATTEMPTS_PER_NUMBER", "3/1h")
            .spawn()
            .await;
        let number = number_of(&app, "with a password").await;
        for _ in 0..12 {
            let stranger = Browser::new(&app);
            let form = [("identifier", number.as_str()), ("password", "wrong horse battery")];
            let refused = stranger.post("/v1/client/sign_ins", &form).await;
            assert!([422, 429].contains(&refused.status), "{refused:#?}");
        }
        assert_eq!(
            signed_in_by_code(&app, &Browser::new(&app), &number).await,
            "complete",
            "{strict}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_protection_opens_no_sign_in_where_numbers_identify_nobody() {
    let app = TestApp::with("PHONEPROOF__ENUMERATION_PROTECTION__ENABLED", "true")
        .option("PHONEPROOF__PHONE_NUMBERS__USED_FOR_FIRST_FACTOR", "false")
        .spawn()
        .await;
    let number = number_of(&app, "with a password").await;
    for more in [
        vec![("password", PASSWORD)],
        vec![("strategy", "phone_code")],
        vec![("strategy", "reset_password_phone_code")],
    ] {
        let form: Vec<_> = [("identifier", number.as_str())].into_iter().chain(more).collect();
        let refused = Browser::new(&app).post("/v1/client/sign_ins", &form).await;
        assert!((400..500).contains(&refused.status), "{form:?}: {refused:#?}");
    }
}

/// The status of a sign-in by the code to `number`.
async fn signed_in_by_code(app: &TestApp, browser: &Browser, number: &str) -> Value {
    let form = [("identifier", number), ("strategy", "phone_code")];
    let begun = browser.post("/v1/client/sign_ins", &form).await.response().clone();
    let path = format!("/v1/client/sign_ins/{}", text(&begun["id"]));
    let code = code_to(app, number).await;
    let form = [("strategy", "phone_code"), ("code", code.as_str())];
    let done = browser.post(&format!("{path}/attempt_first_factor"), &form).await;
    done.response()["status"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_number_signs_in_as_ever() {
    let app = protected().await;
    let number = app.number();
    let user = json!({ "phone_number": [number], "password": PASSWORD, "first_name": "Ada" });
    let _ = app.back_end().json(Method::POST, "/v1/users", &user).await.resource();
    let browser = Browser::new(&app);
    let form = [("identifier", number.as_str()), ("strategy", "phone_code")];
    let begun = browser.post("/v1/client/sign_ins", &form).await.response().clone();
    let path = format!("/v1/client/sign_ins/{}", text(&begun["id"]));
    let code = code_to(&app, &number).await;
    let form = [("strategy", "phone_code"), ("code", code.as_str())];
    let done = browser.post(&format!("{path}/attempt_first_factor"), &form).await;
    assert_eq!(done.response()["status"], "complete");
    assert_eq!(done.response()["user_data"]["first_name"], "Ada");
    let _ = browser.delete("/v1/client/sessions").await;

    let form = [("identifier", number.as_str()), ("password", PASSWORD)];
    let done = browser.post("/v1/client/sign_ins", &form).await;
    assert_eq!(done.response()["status"], "complete");
    let second = app.number();
    let added = browser.post("/v1/me/phone_numbers", &[("phone_number", &second)]).await;
    let own = format!("/v1/me/phone_numbers/{}", text(&added.response()["id"]));
    let _ = browser
        .post(&format!("{own}/prepare_verification"), &[("strategy", "phone_code")])
        .await
        .response();
    let code = code_to(&app, &second).await;
    let _ = browser
        .post(&format!("{own}/attempt_verification"), &[("code", &code)])
        .await
        .response();
    let reserved = browser.patch(&own, &[("reserved_for_second_factor", "true")]).await;
    let backup = text(&reserved.response()["backup_codes"][0]).to_owned();
    let _ = browser.delete("/v1/client/sessions").await;

    // Reset the password, with the second factor at the end.
    app.clock.advance(Duration::from_secs(60));
    let reset = ("strategy", "reset_password_phone_code");
    let begun = browser
        .post("/v1/client/sign_ins", &[("identifier", number.as_str()), reset])
        .await;
    let path = format!("/v1/client/sign_ins/{}", text(&begun.response()["id"]));
    let code = code_to(&app, &number).await;
    let half = browser
        .post(&format!("{path}/attempt_first_factor"), &[reset, ("code", &code)])
        .await;
    assert_eq!(half.response()["status"], "needs_new_password");
    let half = browser
        .post(&format!("{path}/reset_password"), &[("password", "another horse")])
        .await;
    assert_eq!(half.response()["status"], "needs_second_factor");
    let form = [("strategy", "backup_code"), ("code", backup.as_str())];
    let done = browser.post(&format!("{path}/attempt_second_factor"), &form).await;
    assert_eq!(done.response()["status"], "complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_proves_a_number_is_told_what_keeps_the_account_closed() {
    let app = protected().await;
    for (kind, code) in [("banned", "user_banned"), ("locked", "user_locked")] {
        let number = number_of(&app, kind).await;
        let browser = Browser::new(&app);
        let form = [("identifier", number.as_str()), ("strategy", "phone_code")];
        let begun = browser.post("/v1/client/sign_ins", &form).await.response().clone();
        let path = format!("/v1/client/sign_ins/{}", text(&begun["id"]));
        let sent = code_to(&app, &number).await;
        let form = [("strategy", "phone_code"), ("code", sent.as_str())];
        let refused = browser.post(&format!("{path}/attempt_first_factor"), &form).await;
        refused.is_error(403, code);
        assert_eq!(browser.get("/v1/client").await.response()["sessions"], json!([]));
    }
}

/// `signIn.create({ signUpIfMissing: true })`, with the protection and without.
#[tokio::test(flavor = "multi_thread")]
async fn a_right_code_to_an_unknown_number_leads_to_a_sign_up() {
    for app in [TestApp::spawn().await, protected().await] {
        let number = app.number();
        let browser = Browser::new(&app);
        let form = [("identifier", number.as_str()), ("sign_up_if_missing", "true")];
        let begun = browser.post("/v1/client/sign_ins", &form).await.response().clone();
        assert_eq!(begun["status"], "needs_first_factor");
        let factor = &begun["supported_first_factors"][0];
        assert_eq!(
            (&factor["strategy"], &factor["safe_identifier"]),
            (&json!("phone_code"), &json!(number))
        );
        let path = format!("/v1/client/sign_ins/{}", text(&begun["id"]));
        let form = [
            ("strategy", "phone_code"),
            ("phone_number_id", text(&factor["phone_number_id"])),
        ];
        let _ = browser
            .post(&format!("{path}/prepare_first_factor"), &form)
            .await
            .response();
        let code = code_to(&app, &number).await;
        let attempt = format!("{path}/attempt_first_factor");
        let wrong = app.wrong_code(&number).await;
        browser
            .post(&attempt, &[("strategy", "phone_code"), ("code", &wrong)])
            .await
            .is_error(422, "form_code_incorrect");
        let early = browser.post("/v1/client/sign_ups", &[("transfer", "true")]).await;
        early.is_error(400, "account_transfer_invalid");
        let proven = browser
            .post(&attempt, &[("strategy", "phone_code"), ("code", &code)])
            .await;
        proven.is_error(404, "sign_up_if_missing_transfer");
        let client = &proven.json["client"];
        assert_eq!(
            client["sign_in"]["first_factor_verification"]["status"], "transferable",
            "the card looks there: {proven:#?}"
        );
        let form = [
            ("transfer", "true"),
            ("unsafe_metadata", r#"{"plan":"pro"}"#),
            ("first_name", "Ada"),
        ];
        let done = browser.post("/v1/client/sign_ups", &form).await;
        assert_eq!(done.response()["status"], "complete", "{done:#?}");
        assert_eq!(done.response()["phone_number"], number.as_str());
        assert_eq!(done.json["client"]["sign_in"], Value::Null);
        let me = browser.get("/v1/me").await.response().clone();
        assert_eq!(me["id"], done.response()["created_user_id"]);
        assert_eq!(
            (&me["first_name"], &me["unsafe_metadata"]["plan"]),
            (&json!("Ada"), &json!("pro"))
        );
        let own = &me["phone_numbers"][0]["verification"];
        assert_eq!(
            (&own["status"], &own["strategy"]),
            (&json!("verified"), &json!("phone_code"))
        );
        let again = Browser::new(&app)
            .post("/v1/client/sign_ups", &[("transfer", "true")])
            .await;
        again.is_error(400, "account_transfer_invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_call_signs_in_whoever_has_the_number() {
    let app = TestApp::spawn().await;
    let number = number_of(&app, "with a password").await;
    let browser = Browser::new(&app);
    let form = [
        ("identifier", number.as_str()),
        ("strategy", "phone_code"),
        ("sign_up_if_missing", "true"),
    ];
    let begun = browser.post("/v1/client/sign_ins", &form).await.response().clone();
    assert_eq!(begun["user_data"], Value::Null);
    let path = format!("/v1/client/sign_ins/{}", text(&begun["id"]));
    let code = app.code(&number).await;
    let form = [("strategy", "phone_code"), ("code", code.as_str())];
    let done = browser.post(&format!("{path}/attempt_first_factor"), &form).await;
    assert_eq!(done.response()["status"], "complete");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_number_leads_to_a_sign_up_by_a_code_alone_and_where_one_may_sign_up() {
    let app = TestApp::spawn().await;
    let number = app.number();
    let missing = ("sign_up_if_missing", "true");
    for more in [
        vec![("password", PASSWORD)],
        vec![("strategy", "password"), ("password", PASSWORD)],
        vec![("strategy", "reset_password_phone_code")],
        vec![("strategy", "ticket"), ("ticket", "x")],
    ] {
        let form: Vec<_> = [("identifier", number.as_str()), missing]
            .into_iter()
            .chain(more)
            .collect();
        let refused = Browser::new(&app).post("/v1/client/sign_ins", &form).await;
        refused
            .is_error(422, "sign_up_if_missing_strategy_not_supported")
            .about("strategy");
    }
    let form = [("identifier", "+442079460958"), missing, ("strategy", "phone_code")];
    let refused = Browser::new(&app).post("/v1/client/sign_ins", &form).await;
    refused.is_error(403, "unsupported_country_code");
    let transfer = Browser::new(&app)
        .post("/v1/client/sign_ins", &[("transfer", "true")])
        .await;
    transfer.is_error(400, "account_transfer_invalid");

    let closed = TestApp::with("PHONEPROOF__SIGN_UP__OPEN", "false").spawn().await;
    let form = [("identifier", number.as_str()), missing];
    let refused = Browser::new(&closed).post("/v1/client/sign_ins", &form).await;
    refused
        .is_error(422, "sign_up_if_missing_not_allowed")
        .about("sign_up_if_missing");
}
