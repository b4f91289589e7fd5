//! `prepareVerification()` and `attemptVerification(code)`.

use std::sync::Arc;
use std::time::Duration;

use phoneproof_domain::ports::SendError;
use phoneproof_tests::{Actor, FakeCarrier, Setup, TestApp};
use serde_json::json;

/// A number of a user, with the paths of its methods.
struct Numbered {
    number: String,
    path: String,
    prepare: String,
    attempt: String,
}

async fn numbered(app: &TestApp, user: &Actor, number: &str) -> Numbered {
    let path = format!("/v1/me/phone_numbers/{}", app.added_number(user, number).await);
    let (prepare, attempt) = (
        format!("{path}/prepare_verification"),
        format!("{path}/attempt_verification"),
    );
    Numbered {
        number: number.to_owned(),
        path,
        prepare,
        attempt,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_code_verifies_once() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let phone = numbered(&app, &user, &app.number()).await;
    let prepared = user.post(&phone.prepare, &[("strategy", "phone_code")]).await;
    assert_eq!(
        prepared.response()["verification"],
        json!({
            "object": "verification_otp",
            "status": "unverified",
            "strategy": "phone_code",
            "attempts": 0,
            "expire_at": 1_800_000_600_000_i64,
            "channel": "sms",
        })
    );
    let code = app.code(&phone.number).await;
    assert!(
        code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()),
        "{code}"
    );

    let verified = user
        .post(&phone.attempt, &[("code", &format!(" {code} "))])
        .await
        .response()
        .clone();
    assert_eq!(verified["verification"]["status"], "verified");
    assert_eq!(verified["verification"]["attempts"], 1);
    assert_eq!(
        user.get("/v1/me").await.response()["primary_phone_number_id"],
        verified["id"]
    );

    user.post(&phone.attempt, &[("code", &code)])
        .await
        .is_error(400, "verification_already_verified");
    user.post(&phone.prepare, &[])
        .await
        .is_error(400, "verification_already_verified");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_codes_count_and_the_last_one_fails_the_verification() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let phone = numbered(&app, &user, &app.number()).await;
    user.post(&phone.attempt, &[("code", "123456")])
        .await
        .is_error(400, "verification_missing");
    let _ = user.post(&phone.prepare, &[]).await.response();
    let (right, wrong) = (app.code(&phone.number).await, app.wrong_code(&phone.number).await);

    for counted in 1..=4 {
        user.post(&phone.attempt, &[("code", &wrong)])
            .await
            .is_error(422, "form_code_incorrect")
            .about("code");
        let shown = user.get(&phone.path).await.response()["verification"].clone();
        assert_eq!(
            (&shown["status"], &shown["attempts"]),
            (&json!("unverified"), &json!(counted))
        );
    }
    // What cannot be a code is no try.
    user.post(&phone.attempt, &[("code", "12345")])
        .await
        .is_error(422, "form_code_incorrect");
    user.post(&phone.attempt, &[("code", "")])
        .await
        .is_error(422, "form_param_nil")
        .about("code");
    assert_eq!(user.get(&phone.path).await.response()["verification"]["attempts"], 4);

    for code in [&wrong, &right] {
        user.post(&phone.attempt, &[("code", code)])
            .await
            .is_error(400, "verification_failed");
    }
    let shown = user.get(&phone.path).await.response()["verification"].clone();
    assert_eq!((&shown["status"], &shown["attempts"]), (&json!("failed"), &json!(5)));

    app.clock.advance(Duration::from_secs(30));
    let anew = user.post(&phone.prepare, &[]).await.response()["verification"].clone();
    assert_eq!((&anew["status"], &anew["attempts"]), (&json!("unverified"), &json!(0)));
    let code = app.code(&phone.number).await;
    let verified = user.post(&phone.attempt, &[("code", &code)]).await;
    assert_eq!(verified.response()["verification"]["status"], "verified");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_code_kills_the_old_one() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let phone = numbered(&app, &user, &app.number()).await;
    let mut codes: Vec<String> = Vec::new();
    // Two draws are alike once in a million times: then draw again.
    while codes.len() < 2 {
        let _ = user.post(&phone.prepare, &[]).await.response();
        let code = app.code(&phone.number).await;
        if codes.first() != Some(&code) {
            codes.push(code);
        }
        app.clock.advance(Duration::from_secs(30));
    }
    user.post(&phone.attempt, &[("code", &codes[0])])
        .await
        .is_error(422, "form_code_incorrect");
    let verified = user.post(&phone.attempt, &[("code", &codes[1])]).await;
    assert_eq!(verified.response()["verification"]["attempts"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_expires_after_ten_minutes_to_the_millisecond() {
    for (waited, in_time) in [(599_999, true), (600_000, false)] {
        let app = TestApp::spawn().await;
        let user = app.user("user_a");
        let phone = numbered(&app, &user, &app.number()).await;
        let _ = user.post(&phone.prepare, &[]).await.response();
        let code = app.code(&phone.number).await;
        app.clock.advance(Duration::from_millis(waited));
        let shown = if in_time { "unverified" } else { "expired" };
        assert_eq!(user.get(&phone.path).await.response()["verification"]["status"], shown);
        let answer = user.post(&phone.attempt, &[("code", &code)]).await;
        if in_time {
            assert_eq!(answer.response()["verification"]["status"], "verified");
        } else {
            answer.is_error(400, "verification_expired");
            assert_eq!(
                user.get(&phone.path).await.response()["verification"]["status"],
                "expired"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_code_is_asked_for_after_thirty_seconds() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let phone = numbered(&app, &user, &app.number()).await;
    let _ = user.post(&phone.prepare, &[]).await.response();
    app.clock.advance(Duration::from_millis(10_500));
    let refused = user.post(&phone.prepare, &[]).await;
    refused.is_error(429, "verification_code_too_many_requests");
    assert_eq!(refused.header("retry-after"), Some("20"));
    app.clock.advance(Duration::from_secs(20));
    let _ = user.post(&phone.prepare, &[]).await.response();

    let unlimited = TestApp::with("PHONEPROOF__LIMITS__ENABLED", "false").spawn().await;
    let user = unlimited.user("user_a");
    let phone = numbered(&unlimited, &user, &unlimited.number()).await;
    for _ in 0..3 {
        let _ = user.post(&phone.prepare, &[]).await.response();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_to_verify_a_number_owns_it() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.user("user_ada"), app.user("user_bob"));
    let number = app.number();
    let (hers, his) = (numbered(&app, &ada, &number).await, numbered(&app, &bob, &number).await);
    let _ = ada.post(&hers.prepare, &[]).await.response();
    let her_code = app.code(&number).await;
    let _ = bob.post(&his.prepare, &[]).await.response();
    let his_code = app.code(&number).await;
    let won = ada.post(&hers.attempt, &[("code", &her_code)]).await;
    assert_eq!(won.response()["verification"]["status"], "verified");
    let lost = bob.post(&his.attempt, &[("code", &his_code)]).await;
    lost.is_error(422, "form_identifier_exists").about("phone_number");
    app.clock.advance(Duration::from_secs(60));
    bob.post(&his.prepare, &[])
        .await
        .is_error(422, "form_identifier_exists")
        .about("phone_number");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_users_number_is_an_unknown_one() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.user("user_ada"), app.user("user_bob"));
    let hers = numbered(&app, &ada, &app.number()).await;
    let _ = ada.post(&hers.prepare, &[]).await.response();
    let code = app.code(&hers.number).await;
    let unknown = "/v1/me/phone_numbers/idn_000000000000000000000000000".to_owned();
    for path in [hers.path.clone(), unknown, "/v1/me/phone_numbers/x".to_owned()] {
        for answer in [
            bob.get(&path).await,
            bob.patch(&path, &[("reserved_for_second_factor", "true")]).await,
            bob.delete(&path).await,
            bob.post(&format!("{path}/prepare_verification"), &[]).await,
            bob.post(&format!("{path}/attempt_verification"), &[("code", &code)])
                .await,
        ] {
            answer.is_error(404, "resource_not_found");
        }
    }
    assert_eq!(ada.get(&hers.path).await.response()["verification"]["attempts"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_refuses_is_told() {
    let carrier = Arc::new(FakeCarrier::new(|_| Err(SendError::Rejected("landline".into()))));
    let app = Setup::default().gateway(carrier.clone()).spawn().await;
    let user = app.user("user_a");
    let phone = numbered(&app, &user, &app.number()).await;
    user.post(&phone.prepare, &[]).await.is_error(400, "sms_send_error");
    let given = carrier.given();
    assert_eq!((given.len(), given[0].to.as_str()), (1, phone.number.as_str()));
}
