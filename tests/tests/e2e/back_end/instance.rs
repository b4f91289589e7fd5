//! The instance's settings and blocklist (contract 8.5).

use phoneproof_tests::{Browser, TestApp};
use reqwest::Method;
use reqwest::header::ORIGIN;
use serde_json::json;

use super::id;

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_number_does_not_sign_up() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let number = app.number();
    let entry = json!({ "identifier": number });
    let blocked = back_end.json(Method::POST, "/v1/blocklist_identifiers", &entry).await;
    assert_eq!(
        (
            &blocked.resource()["identifier"],
            &blocked.resource()["identifier_type"]
        ),
        (&json!(number), &json!("phone_number"))
    );
    let twice = back_end.json(Method::POST, "/v1/blocklist_identifiers", &entry).await;
    assert_eq!(twice.resource()["id"], blocked.resource()["id"]);
    let list = back_end.get("/v1/blocklist_identifiers").await;
    assert_eq!(list.json["total_count"], 1);
    assert_eq!(list.json["data"][0]["id"], blocked.resource()["id"]);

    let sign_up = [("phone_number", number.as_str())];
    let refused = Browser::new(&app).post("/v1/client/sign_ups", &sign_up).await;
    refused.is_error(403, "not_allowed_access");

    let path = format!("/v1/blocklist_identifiers/{}", id(blocked.resource()));
    let taken_off = back_end.json(Method::DELETE, &path, &json!({})).await;
    assert_eq!(taken_off.resource()["deleted"], true);
    back_end
        .json(Method::DELETE, &path, &json!({}))
        .await
        .is_error(404, "resource_not_found");
    Browser::new(&app).sign_up(&app, &number).await;
    back_end
        .json(
            Method::POST,
            "/v1/blocklist_identifiers",
            &json!({ "identifier": "eve@example.com" }),
        )
        .await
        .is_error(422, "form_param_format_invalid")
        .about("identifier");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_country_is_not_texted() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let path = "/v1/instance/communication";
    assert_eq!(back_end.get(path).await.resource()["blocked_country_codes"], json!([]));
    let body = json!({ "blocked_country_codes": ["US", "GB"] });
    let changed = back_end.json(Method::PATCH, path, &body).await;
    assert_eq!(changed.resource()["blocked_country_codes"], json!(["GB", "US"]));
    let refused = Browser::new(&app)
        .post("/v1/client/sign_ups", &[("phone_number", &app.number())])
        .await;
    refused.is_error(403, "unsupported_country_code");
    for codes in [json!(["us"]), json!(["XX"]), json!("US "), json!([1])] {
        let refused = back_end
            .json(Method::PATCH, path, &json!({ "blocked_country_codes": codes }))
            .await;
        assert_eq!(refused.status, 422, "{codes}");
    }
    let body = json!({ "blocked_country_codes": [] });
    let freed = back_end.json(Method::PATCH, path, &body).await;
    assert_eq!(freed.resource()["blocked_country_codes"], json!([]));
    Browser::new(&app).sign_up(&app, &app.number()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn test_mode_and_origins_change_while_it_runs() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let page = |origin: &'static str| {
        let app = &app;
        async move {
            let request = app.nobody().request(Method::POST, "/v1/client");
            app.nobody().send(request.header(ORIGIN, origin)).await.status
        }
    };
    assert_eq!(page("https://app.example.com").await, 400);
    let body = json!({ "test_mode": false, "allowed_origins": ["https://app.example.com"] });
    let changed = back_end.json(Method::PATCH, "/v1/instance", &body).await;
    assert_eq!(changed.status, 204);
    assert_eq!(page("https://app.example.com").await, 200);
    let environment = app.nobody().get("/v1/environment").await;
    assert_eq!(environment.json["auth_config"]["test_mode"], false);
    let refused = Browser::new(&app)
        .post("/v1/client/sign_ups", &[("phone_number", "+15555550100")])
        .await;
    assert_eq!(refused.status, 422);

    let malformed = json!({ "allowed_origins": ["https://app.example.com/path"] });
    back_end
        .json(Method::PATCH, "/v1/instance", &malformed)
        .await
        .is_error(422, "form_param_format_invalid")
        .about("allowed_origins");
    back_end
        .json(Method::PATCH, "/v1/instance", &json!({ "hibp": true }))
        .await
        .is_error(422, "form_param_unknown");
    assert_eq!(page("https://app.example.com").await, 200);
}
