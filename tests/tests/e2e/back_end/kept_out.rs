//! Bans and locks.

use std::time::Duration;

use phoneproof_tests::TestApp;
use reqwest::Method;
use serde_json::{Value, json};

use super::{id, made, user_path};

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_user_stays_out_until_let_in_again() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let made = made(&back_end, &json!({ "phone_number": [app.number()], "banned": true })).await;
    assert_eq!(made["banned"], true);
    let user = app.user(&id(&made));
    let another = app.number();
    let banned = |was: bool| {
        let (back_end, path) = (back_end.clone(), user_path(&made));
        async move { assert_eq!(back_end.get(&path).await.resource()["banned"], was) }
    };
    for answer in [
        user.get("/v1/me").await,
        user.get("/v1/me/phone_numbers").await,
        user.patch("/v1/me", &[("first_name", "Eve")]).await,
        user.post("/v1/me/phone_numbers", &[("phone_number", &another)]).await,
        user.post("/v1/me/backup_codes", &[]).await,
    ] {
        answer.is_error(403, "user_banned");
    }
    banned(true).await;
    let unban = format!("{}/unban", user_path(&made));
    for _ in 0..2 {
        assert_eq!(
            back_end.json(Method::POST, &unban, &json!({})).await.resource()["banned"],
            false
        );
    }
    let me = user.get("/v1/me").await.response().clone();
    assert_eq!(
        (&me["first_name"], me["phone_numbers"].as_array().map(Vec::len)),
        (&Value::Null, Some(1))
    );
    let ban = format!("{}/ban", user_path(&made));
    assert_eq!(back_end.post(&ban, &[]).await.resource()["banned"], true);
    user.get("/v1/me").await.is_error(403, "user_banned");
    banned(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_user_tries_no_codes_for_an_hour() {
    let app = TestApp::spawn().await;
    let (back_end, user, number) = (app.back_end(), app.user("user_a"), app.number());
    let path = format!("/v1/me/phone_numbers/{}", app.added_number(&user, &number).await);
    let (prepare, attempt) = (
        format!("{path}/prepare_verification"),
        format!("{path}/attempt_verification"),
    );
    let _ = user.post(&prepare, &[]).await.response();
    let code = app.code(&number).await;

    let locked = back_end.post("/v1/users/user_a/lock", &[]).await.resource().clone();
    assert_eq!(
        (&locked["locked"], &locked["lockout_expires_in_seconds"]),
        (&json!(true), &json!(3600))
    );
    let refused = user.post(&attempt, &[("code", &code)]).await;
    refused.is_error(403, "user_locked");
    assert_eq!(refused.json["errors"][0]["meta"]["lockout_expires_in_seconds"], 3600);
    app.clock.advance(Duration::from_secs(60));
    user.post(&prepare, &[]).await.is_error(403, "user_locked");
    let verification = user.get(&path).await.response()["verification"].clone();
    assert_eq!(
        (&verification["status"], &verification["attempts"]),
        (&json!("unverified"), &json!(0))
    );

    let unlocked = back_end.post("/v1/users/user_a/unlock", &[]).await.resource().clone();
    assert_eq!(
        (&unlocked["locked"], &unlocked["lockout_expires_in_seconds"]),
        (&json!(false), &Value::Null)
    );
    let verified = user.post(&attempt, &[("code", &code)]).await;
    assert_eq!(verified.response()["verification"]["status"], "verified");

    // A lock ends by itself.
    let born_locked = made(&back_end, &json!({ "phone_number": [app.number()], "locked": true })).await;
    assert_eq!(born_locked["lockout_expires_in_seconds"], 3600);
    app.clock.advance(Duration::from_secs(3_600));
    assert_eq!(back_end.get(&user_path(&born_locked)).await.resource()["locked"], false);
}
