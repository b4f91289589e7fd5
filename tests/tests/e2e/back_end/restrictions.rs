//! Who is let in by the lists of numbers, and the instance as a back end sees it.

use phoneproof_tests::{Actor, Browser, TestApp, text};
use reqwest::Method;
use serde_json::{Value, json};

use super::id;

async fn restrict(back_end: &Actor, change: Value) -> Value {
    let path = "/v1/instance/restrictions";
    back_end.json(Method::PATCH, path, &change).await.resource().clone()
}

async fn listed(back_end: &Actor, list: &str, number: &str) -> Value {
    let (path, body) = (format!("/v1/{list}"), json!({ "identifier": number, "notify": false }));
    back_end.json(Method::POST, &path, &body).await.resource().clone()
}

async fn sign_up(app: &TestApp, number: &str) -> u16 {
    let form = [("phone_number", number)];
    Browser::new(app).post("/v1/client/sign_ups", &form).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_allowlist_on_only_its_numbers_sign_up() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let (known, stranger) = (app.number(), app.number());
    let entry = listed(&back_end, "allowlist_identifiers", &known).await;
    assert_eq!(
        (&entry["object"], &entry["identifier"], &entry["identifier_type"]),
        (&json!("allowlist_identifier"), &json!(known), &json!("phone_number"))
    );
    assert_eq!(
        listed(&back_end, "allowlist_identifiers", &known).await["id"],
        entry["id"],
        "once"
    );
    assert_eq!(
        sign_up(&app, &stranger).await,
        200,
        "a list that is off decides nothing"
    );

    let on = restrict(
        &back_end,
        json!({ "allowlist": true, "ignore_dots_for_gmail_addresses": false }),
    )
    .await;
    assert_eq!(
        on,
        json!({
            "object": "instance_restrictions", "allowlist": true, "blocklist": true,
            "allowlist_blocklist_disabled_on_sign_in": true, "block_email_subaddresses": false,
            "block_disposable_email_domains": false, "ignore_dots_for_gmail_addresses": false,
        })
    );
    let shown = app.nobody().get("/v1/environment").await.json;
    assert_eq!(shown["user_settings"]["restrictions"]["allowlist"]["enabled"], true);
    let refused = Browser::new(&app)
        .post("/v1/client/sign_ups", &[("phone_number", &stranger)])
        .await;
    refused.is_error(403, "not_allowed_access").about("phone_number");
    assert_eq!(sign_up(&app, &known).await, 200);
    // Who is on both lists is kept out.
    let blocked = listed(&back_end, "blocklist_identifiers", &known).await;
    assert_eq!(sign_up(&app, &known).await, 403);
    let off = restrict(&back_end, json!({ "blocklist": false })).await;
    assert_eq!((&off["allowlist"], &off["blocklist"]), (&json!(true), &json!(false)));
    assert_eq!(sign_up(&app, &known).await, 200);
    assert_eq!(restrict(&back_end, json!({})).await, off, "what is not given stays");

    let path = format!("/v1/allowlist_identifiers/{}", id(&entry));
    let gone = back_end.json(Method::DELETE, &path, &json!({})).await;
    assert_eq!(gone.resource()["deleted"], true);
    back_end
        .json(Method::DELETE, &path, &json!({}))
        .await
        .is_error(404, "resource_not_found");
    // An entry of one list is none of the other.
    let path = format!("/v1/allowlist_identifiers/{}", id(&blocked));
    let refused = back_end.json(Method::DELETE, &path, &json!({})).await;
    refused.is_error(404, "resource_not_found");
    assert_eq!(sign_up(&app, &known).await, 403);
    for (list, body, code) in [
        (
            "allowlist_identifiers",
            json!({ "identifier": "eve@example.com" }),
            "form_param_format_invalid",
        ),
        ("allowlist_identifiers", json!({}), "form_param_missing"),
    ] {
        let refused = back_end.json(Method::POST, &format!("/v1/{list}"), &body).await;
        refused.is_error(422, code).about("identifier");
    }
    for name in ["block_email_subaddresses", "block_disposable_email_domains"] {
        let refused = back_end
            .json(Method::PATCH, "/v1/instance/restrictions", &json!({ name: true }))
            .await;
        refused.is_error(422, "form_param_unknown").about(name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lists_spare_sign_ins_unless_they_are_told_not_to() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let number = app.number();
    let browser = Browser::new(&app);
    browser.sign_up(&app, &number).await;
    let _ = browser.delete("/v1/client/sessions").await;
    let form = [("identifier", number.as_str())];
    let entry = listed(&back_end, "blocklist_identifiers", &number).await;
    let _ = browser.post("/v1/client/sign_ins", &form).await.response();
    let all = json!({ "allowlist_blocklist_disabled_on_sign_in": false });
    let _ = restrict(&back_end, all).await;
    let refused = browser.post("/v1/client/sign_ins", &form).await;
    refused.is_error(403, "not_allowed_access").about("identifier");
    let path = format!("/v1/blocklist_identifiers/{}", id(&entry));
    let _ = back_end.json(Method::DELETE, &path, &json!({})).await.resource();
    let _ = browser.post("/v1/client/sign_ins", &form).await.response();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_allowlist_is_read_page_by_page() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let mut newest_first = Vec::new();
    for _ in 0..5 {
        let entry = listed(&back_end, "allowlist_identifiers", &app.number()).await;
        newest_first.insert(0, text(&entry["id"]).to_owned());
        app.clock.advance(std::time::Duration::from_secs(1));
    }
    let mut read = Vec::new();
    for offset in [0, 2, 4, 6] {
        let query = format!("/v1/allowlist_identifiers?paginated=true&limit=2&offset={offset}");
        let page = back_end.get(&query).await.resource().clone();
        assert_eq!(page["total_count"], 5);
        read.extend(page["data"].as_array().unwrap().iter().map(id));
    }
    assert_eq!(read, newest_first);
    let bare = back_end.get("/v1/allowlist_identifiers").await.resource().clone();
    assert_eq!(bare.as_array().map(Vec::len), Some(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_instance_says_what_it_is() {
    let app = TestApp::with("PHONEPROOF__SERVER__ALLOWED_ORIGINS", "https://app.example.com")
        .spawn()
        .await;
    let back_end = app.back_end();
    let instance = back_end.get("/v1/instance").await.resource().clone();
    assert_eq!(
        (
            &instance["object"],
            &instance["environment_type"],
            &instance["allowed_origins"]
        ),
        (
            &json!("instance"),
            &json!("development"),
            &json!(["https://app.example.com"])
        )
    );
    assert!(id(&instance).starts_with("ins_"));
    let body = json!({ "allowed_origins": ["https://other.example.com"] });
    let _ = back_end.json(Method::PATCH, "/v1/instance", &body).await;
    let changed = back_end.get("/v1/instance").await.resource().clone();
    assert_eq!(changed["allowed_origins"], body["allowed_origins"]);
    let entry = listed(&back_end, "allowlist_identifiers", &app.number()).await;
    assert_eq!(entry["instance_id"], instance["id"]);
}
