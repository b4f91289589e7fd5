//! The OpenAPI document says what the server does.

use std::collections::BTreeSet;

use phoneproof_tests::TestApp;
use reqwest::Method;
use serde_json::Value;

const PRINTED: &str = include_str!("../../../../docs/openapi.json");

#[test]
fn the_printed_document_is_not_stale() {
    let printed: Value = serde_json::from_str(PRINTED).unwrap();
    assert!(
        printed == phoneproof::openapi::document(),
        "docs/openapi.json is stale: cargo run -- openapi > docs/openapi.json"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_is_in_it_and_no_other() {
    let app = TestApp::spawn().await;
    let document = phoneproof::openapi::document();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let named = path
            .replace("{id}", "x")
            .replace("{file}", "x")
            .replace("{package}", "x")
            .replace("{version}", "x")
            .replace("{gateway}", "x");
        let answer = app
            .nobody()
            .send(app.nobody().request(Method::from_bytes(b"LINK").unwrap(), &named))
            .await;
        assert_eq!(answer.status, 405, "{path}");
        let allowed: BTreeSet<String> = answer
            .header("allow")
            .unwrap_or_default()
            .split(", ")
            .map(str::to_lowercase)
            .collect();
        let mut documented: BTreeSet<String> = methods.as_object().unwrap().keys().cloned().collect();
        if documented.contains("get") && path != "/v1/sms_callbacks/{gateway}" {
            // The document says so once for all, with this exception.
            documented.insert("head".to_owned());
        }
        assert_eq!(allowed, documented, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_served_with_a_page() {
    let app = TestApp::spawn().await;
    let served = app.nobody().get("/openapi.json").await;
    assert_eq!((served.status, served.json), (200, phoneproof::openapi::document()));
    let index = app.nobody().get("/docs/").await;
    assert_eq!(
        (index.status, index.header("location")),
        (307, Some("/docs/index.html"))
    );
    for file in [
        "index.html",
        "swagger-ui-bundle.js",
        "swagger-ui.css",
        "swagger-initializer.js",
    ] {
        let answer = app.nobody().get(&format!("/docs/{file}")).await;
        assert_eq!(answer.status, 200, "{file}");
        assert!(
            answer
                .header("content-security-policy")
                .is_some_and(|policy| policy.starts_with("default-src 'none'")),
            "{file}"
        );
    }
    app.nobody()
        .get("/docs/..%2f..%2fetc%2fpasswd")
        .await
        .is_error(404, "resource_not_found");
}
