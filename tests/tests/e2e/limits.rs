//! Limits over HTTP: what is over is 429 with a true `Retry-After`; in parallel, across instances and restarts.

use std::time::Duration;

use futures_util::future::join_all;
use phoneproof_tests::{Answer, Browser, TestApp, TestStore, text};
use reqwest::Method;
use serde_json::json;

/// Starts a sign-up with `number` in a browser of its own and asks for a code.
async fn ask(app: &TestApp, number: &str) -> Answer {
    let browser = Browser::new(app);
    let begun = browser.post("/v1/client/sign_ups", &[("phone_number", number)]).await;
    if begun.status != 200 {
        return begun;
    }
    let path = format!("/v1/client/sign_ups/{}", text(&begun.response()["id"]));
    let form = [("strategy", "phone_code")];
    browser.post(&format!("{path}/prepare_verification"), &form).await
}

fn retry_after(answer: &Answer) -> u64 {
    answer
        .header("retry-after")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

fn accepted(answers: &[Answer]) -> usize {
    let (accepted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    for answer in &refused {
        assert_eq!(answer.status, 429, "{answer:#?}");
        assert!(retry_after(answer) > 0, "{answer:#?}");
    }
    accepted.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_true_to_the_second() {
    let app = TestApp::with("PHONEPROOF__LIMITS__CODES_PER_NUMBER", "3/1h")
        .spawn()
        .await;
    let number = app.number();
    for _ in 0..3 {
        assert_eq!(ask(&app, &number).await.status, 200);
        app.clock.advance(Duration::from_secs(60));
    }
    let refused = ask(&app, &number).await;
    refused.is_error(429, "verification_code_too_many_requests");
    assert_eq!(retry_after(&refused), 3600 - 180);
    app.clock.advance(Duration::from_secs(3600 - 180 - 1));
    let early = ask(&app, &number).await;
    assert_eq!((early.status, retry_after(&early)), (429, 1));
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(ask(&app, &number).await.status, 200);
    // The window slides: that one took the place of the first; the second leaves a minute later.
    assert_eq!(retry_after(&ask(&app, &number).await), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_spared_whoever_asks_and_whatever_for() {
    let app = TestApp::with("PHONEPROOF__LIMITS__CODES_PER_NUMBER", "2/1h")
        .spawn()
        .await;
    let number = app.number();
    assert_eq!(ask(&app, &number).await.status, 200);
    let user = app.user("user_a");
    let path = format!("/v1/me/phone_numbers/{}", app.added_number(&user, &number).await);
    let prepare = format!("{path}/prepare_verification");
    assert_eq!(user.post(&prepare, &[("strategy", "phone_code")]).await.status, 200);
    let other = app.user("user_b");
    let path = format!("/v1/me/phone_numbers/{}", app.added_number(&other, &number).await);
    let prepare = format!("{path}/prepare_verification");
    let refused = other.post(&prepare, &[("strategy", "phone_code")]).await;
    refused.is_error(429, "verification_code_too_many_requests");
    let body = json!({ "user_id": "user_a", "phone_number": app.number(), "verified": true });
    let made = app.back_end().json(Method::POST, "/v1/phone_numbers", &body).await;
    assert_eq!(made.status, 200, "the back end's word needs no text");
    ask(&app, &number)
        .await
        .is_error(429, "verification_code_too_many_requests");
    assert_eq!(
        ask(&app, &app.number()).await.status,
        200,
        "another number is another one"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_grow_with_every_code() {
    let app = TestApp::with("PHONEPROOF__LIMITS__CODE_WAITS_SECONDS", "30,60,120")
        .spawn()
        .await;
    let number = app.number();
    for wait in [30, 60, 120, 120] {
        assert_eq!(ask(&app, &number).await.status, 200);
        let refused = ask(&app, &number).await;
        assert_eq!((refused.status, retry_after(&refused)), (429, wait));
        app.clock.advance(Duration::from_secs(wait));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_addresses_networks_and_the_whole_are_counted() {
    for limit in [
        "CODES_PER_RANGE",
        "CODES_PER_ADDRESS",
        "CODES_PER_NETWORK",
        "CODES_IN_ALL",
    ] {
        let app = TestApp::with(&format!("PHONEPROOF__LIMITS__{limit}"), "4/1h")
            .spawn()
            .await;
        let answers = join_all((0..12).map(|_| {
            let (app, number) = (&app, app.number());
            async move { ask(app, &number).await }
        }))
        .await;
        assert_eq!(accepted(&answers), 4, "{limit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_asks_for_so_many_codes_and_adds_so_many_numbers() {
    let app = TestApp::with("PHONEPROOF__LIMITS__CODES_PER_USER", "2/1h")
        .option("PHONEPROOF__LIMITS__NEW_NUMBERS_PER_USER", "3/1d")
        .spawn()
        .await;
    let user = app.user("user_a");
    let mut codes = Vec::new();
    for _ in 0..3 {
        let path = format!("/v1/me/phone_numbers/{}", app.added_number(&user, &app.number()).await);
        codes.push(
            user.post(&format!("{path}/prepare_verification"), &[("strategy", "phone_code")])
                .await,
        );
    }
    assert_eq!(accepted(&codes), 2);
    let refused = user
        .post("/v1/me/phone_numbers", &[("phone_number", &app.number())])
        .await;
    refused.is_error(429, "too_many_requests");
    assert_eq!(retry_after(&refused), 86_400);
    assert_eq!(
        user.get("/v1/me/phone_numbers").await.json.as_array().map(Vec::len),
        Some(3)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_sign_ups_and_attempts_are_slowed_by_address() {
    let app = TestApp::with("PHONEPROOF__LIMITS__SIGN_INS_PER_ADDRESS", "5/10s")
        .option("PHONEPROOF__LIMITS__ATTEMPTS_PER_ADDRESS", "3/10s")
        .spawn()
        .await;
    let browser = Browser::new(&app);
    let number = app.number();
    let mut sign_ups = Vec::new();
    for _ in 0..6 {
        sign_ups.push(browser.post("/v1/client/sign_ups", &[("phone_number", &number)]).await);
    }
    assert_eq!(accepted(&sign_ups), 5);
    assert_eq!(retry_after(&sign_ups[5]), 10);
    let path = format!("/v1/client/sign_ups/{}", text(&sign_ups[4].response()["id"]));
    let _ = browser
        .post(&format!("{path}/prepare_verification"), &[("strategy", "phone_code")])
        .await;
    let code = app.code(&number).await;
    let attempt = format!("{path}/attempt_verification");
    for status in [422, 422, 422, 429] {
        let wrong = app.wrong_code(&number).await;
        let tried = browser
            .post(&attempt, &[("strategy", "phone_code"), ("code", &wrong)])
            .await;
        assert_eq!(tried.status, status);
    }
    let right = browser
        .post(&attempt, &[("strategy", "phone_code"), ("code", &code)])
        .await;
    right.is_error(429, "too_many_requests");
    app.clock.advance(Duration::from_secs(10));
    let right = browser
        .post(&attempt, &[("strategy", "phone_code"), ("code", &code)])
        .await;
    assert_eq!(right.response()["status"], "complete");
    let mut sign_ins = Vec::new();
    for _ in 0..6 {
        let browser = Browser::new(&app);
        sign_ins.push(browser.post("/v1/client/sign_ins", &[("identifier", &number)]).await);
    }
    assert_eq!(accepted(&sign_ins), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_and_a_restart_count_as_one() {
    let store = TestStore::create();
    let url = store.url();
    let start = async || {
        TestApp::with("PHONEPROOF__LIMITS__CODES_IN_ALL", "10/1h")
            .option("PHONEPROOF__STORE__URL", &url)
            .spawn()
            .await
    };
    let (one, two) = (start().await, start().await);
    let answers = join_all((0..24).map(|at| {
        let (app, number) = (if at % 2 == 0 { &one } else { &two }, format!("+1415300{at:04}"));
        async move { ask(app, &number).await }
    }))
    .await;
    assert_eq!(accepted(&answers), 10);
    one.stop().await.unwrap();
    two.stop().await.unwrap();
    let again = start().await;
    let refused = ask(&again, "+14153009999").await;
    refused.is_error(429, "verification_code_too_many_requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_back_end_is_limited_too() {
    let app = TestApp::with("PHONEPROOF__LIMITS__BACK_END_REQUESTS", "40/10s")
        .spawn()
        .await;
    let back_end = app.back_end();
    let answers = join_all((0..60).map(|_| back_end.get("/v1/users/count"))).await;
    let accepted = accepted(&answers);
    assert!((40..=60).contains(&accepted), "{accepted}");
    assert!(accepted < 60);
    let page = app.nobody().get("/v1/jwks").await;
    assert_ne!(page.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn test_numbers_cost_nothing_and_are_not_counted() {
    let app = TestApp::with("PHONEPROOF__LIMITS__CODES_IN_ALL", "1/1h").spawn().await;
    for at in 0..5 {
        assert_eq!(ask(&app, &format!("+1415555010{at}")).await.status, 200);
    }
    assert_eq!(ask(&app, &app.number()).await.status, 200);
    assert_eq!(ask(&app, &app.number()).await.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_close_the_password_until_time_or_the_back_end_opens_it() {
    let app = TestApp::with("PHONEPROOF__LOCKOUT__ATTEMPTS", "10").spawn().await;
    let number = app.number();
    let body = json!({ "phone_number": [number], "password": "correct horse battery" });
    let user = app
        .back_end()
        .json(Method::POST, "/v1/users", &body)
        .await
        .resource()
        .clone();
    let password = |password: &'static str| {
        let (app, number) = (&app, number.clone());
        async move {
            let form = [("identifier", number.as_str()), ("password", password)];
            Browser::new(app).post("/v1/client/sign_ins", &form).await
        }
    };
    let tries = join_all((0..32).map(|_| password("wrong horse battery"))).await;
    let counted = tries.iter().filter(|answer| answer.status == 422).count();
    assert!(counted <= 10, "{counted} guesses were answered");
    for answer in tries.iter().filter(|answer| answer.status != 422) {
        assert!([429, 503, 409].contains(&answer.status), "{answer:#?}");
    }
    // However the crowd was shed, a few more at leisure fill the ledger.
    for _ in 0..10 {
        let _ = password("wrong horse battery").await;
    }
    let closed = password("correct horse battery").await;
    closed.is_error(429, "too_many_requests");
    let left = closed.headers["retry-after"].to_str().unwrap().parse().unwrap_or(0);
    assert!((1..=3600).contains(&left), "{left}");
    let path = format!("/v1/users/{}", text(&user["id"]));
    let shown = app.back_end().get(&path).await.resource().clone();
    assert_eq!(
        (&shown["locked"], &shown["verification_attempts_remaining"]),
        (&json!(false), &json!(10))
    );
    // The code to a number in the hand is another factor.
    let by_code = Browser::new(&app).first_factor(&app, &number).await;
    assert_eq!(by_code["status"], "complete");
    app.clock.advance(Duration::from_secs(3600));
    assert_eq!(password("correct horse battery").await.response()["status"], "complete");

    for _ in 0..10 {
        let _ = password("wrong horse battery").await;
    }
    password("correct horse battery")
        .await
        .is_error(429, "too_many_requests");
    let unlock = format!("{path}/unlock");
    let _ = app.back_end().json(Method::POST, &unlock, &json!({})).await.resource();
    assert_eq!(password("correct horse battery").await.response()["status"], "complete");
}
