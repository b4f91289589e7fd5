//! What a back end does to several users in one call.

use phoneproof_tests::{Browser, TestApp, text};
use reqwest::Method;
use serde_json::{Value, json};

use super::{id, made};

#[tokio::test(flavor = "multi_thread")]
async fn several_users_are_banned_and_let_in_again() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let browser = Browser::new(&app);
    let done = browser.sign_up(&app, &app.number()).await;
    let here = text(&done["response"]["created_user_id"]).to_owned();
    let there = id(&made(&back_end, &json!({ "phone_number": [app.number()] })).await);
    let bystander = id(&made(&back_end, &json!({ "phone_number": [app.number()] })).await);
    let call = async |what: &str, ids: Value| {
        let path = format!("/v1/users/{what}");
        back_end.json(Method::POST, &path, &json!({ "user_ids": ids })).await
    };
    let banned = async |user: &str| back_end.get(&format!("/v1/users/{user}")).await.resource()["banned"].clone();

    let unknown = call("ban", json!([here, "user_nobody", there])).await;
    unknown.is_error(404, "resource_not_found");
    assert_eq!(banned(&here).await, false, "nobody is banned unless all are there");

    let answer = call("ban", json!([there, here, there])).await.resource().clone();
    let ids: Vec<String> = answer.as_array().unwrap().iter().map(id).collect();
    assert_eq!(ids, [there.clone(), here.clone()], "in the order asked for, each once");
    assert!(answer.as_array().unwrap().iter().all(|user| user["banned"] == true));
    browser.get("/v1/me").await.is_error(401, "signed_out");
    assert_eq!(banned(&bystander).await, false);

    let answer = call("unban", json!([here])).await.resource().clone();
    assert_eq!(answer[0]["banned"], false);
    assert_eq!((banned(&here).await, banned(&there).await), (json!(false), json!(true)));

    for (ids, code) in [
        (json!(null), "form_param_missing"),
        (json!([]), "form_param_nil"),
        (json!([1]), "form_param_type_invalid"),
    ] {
        call("ban", ids).await.is_error(422, code).about("user_ids");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_may_be_without_a_number_if_the_back_end_says_so() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let bare = json!({ "first_name": "Ada", "skip_user_requirement": true, "email_address": [], "web3_wallet": null });
    let user = made(&back_end, &bare).await;
    assert_eq!(
        (&user["phone_numbers"], &user["first_name"]),
        (&json!([]), &json!("Ada"))
    );
    // What has no meaning here changes nothing.
    let more = json!({
        "phone_number": [app.number()], "skip_legal_checks": true, "legal_accepted_at": "2026-01-02T03:04:05Z",
        "bypass_client_trust": true, "create_organization_enabled": false, "create_organizations_limit": 3,
        "created_at": "2026-01-02T03:04:05.678Z",
    });
    assert_eq!(made(&back_end, &more).await["created_at"], 1_767_323_045_678_i64);
    for (name, value) in [
        ("email_address", json!(["ada@example.com"])),
        ("totp_secret", json!("JBSWY3DPEHPK3PXP")),
        ("web3_wallet", json!(["0x0"])),
        ("password_digest", json!("$2b$12$x")),
    ] {
        let mut body = json!({ "phone_number": [app.number()] });
        body[name] = value;
        let refused = back_end.json(Method::POST, "/v1/users", &body).await;
        refused.is_error(422, "form_param_unknown").about(name);
    }
}
