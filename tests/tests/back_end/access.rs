//! Who may call the API by secret key, and what every operation of it has in common.

use phoneproof_tests::TestApp;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{id, made, number_path, user_path};

/// Every operation, on this user and this number.
fn operations(user: &Value, number: &Value) -> Vec<(Method, String)> {
    let (user, number) = (user_path(user), number_path(number));
    let of_user = |rest: &str| format!("{user}{rest}");
    vec![
        (Method::GET, "/v1/users".to_owned()),
        (Method::GET, "/v1/users/count".to_owned()),
        (Method::POST, "/v1/users".to_owned()),
        (Method::GET, of_user("")),
        (Method::PATCH, of_user("")),
        (Method::DELETE, of_user("")),
        (Method::PATCH, of_user("/metadata")),
        (Method::PUT, of_user("/metadata")),
        (Method::DELETE, of_user("/mfa")),
        (Method::DELETE, of_user("/backup_code")),
        (Method::POST, of_user("/ban")),
        (Method::POST, of_user("/unban")),
        (Method::POST, of_user("/lock")),
        (Method::POST, of_user("/unlock")),
        (Method::PUT, of_user("/phone_number")),
        (Method::POST, "/v1/phone_numbers".to_owned()),
        (Method::GET, number.clone()),
        (Method::PATCH, number.clone()),
        (Method::DELETE, number),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_secret_key_nothing_is_shown_or_changed() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let user = made(&back_end, &json!({ "phone_number": [app.number()] })).await;
    let body = json!({
        "phone_number": app.number(), "user_id": id(&user), "first_name": "Eve", "verified": true, "public_metadata": { "a": 1 },
    });
    for (method, path) in operations(&user, &user["phone_numbers"][0]) {
        for (who, code) in [
            (app.nobody(), "clerk_key_invalid"),
            (app.user(&id(&user)), "clerk_key_invalid"),
            (app.bearer("sk_test_0123456789abcdeg"), "clerk_key_invalid"),
            (app.bearer("sk_test_0123456789abcdef0"), "clerk_key_invalid"),
            (app.bearer("SK_TEST_0123456789ABCDEF"), "clerk_key_invalid"),
        ] {
            who.json(method.clone(), &path, &body).await.is_error(401, code);
        }
        for malformed in [
            "sk_test_0123456789abcdef",
            "Basic c2tfdGVzdDo=",
            "Bearer ",
            "Bearer",
            "",
        ] {
            let nobody = app.nobody();
            let request = nobody.request(method.clone(), &path).header("authorization", malformed);
            nobody
                .send(request.json(&body))
                .await
                .is_error(401, "authorization_header_format_invalid");
        }
    }
    assert_eq!(back_end.get("/v1/users").await.resource(), &json!([user]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_key_is_nobodys_token() {
    let app = TestApp::spawn().await;
    let answer = app.back_end().get("/v1/me").await;
    answer.is_error(401, "authentication_invalid");
    assert_eq!(app.back_end().get("/v1/users").await.resource(), &json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_body_is_fine_where_nothing_is_required() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let user = made(&back_end, &json!({ "phone_number": [app.number()] })).await;
    for (method, path) in operations(&user, &user["phone_numbers"][0]) {
        let request = back_end.request(method.clone(), &path);
        let request = request
            .header("content-type", "application/json")
            .header("clerk-api-version", "2026-05-12");
        // What deletes is the business of other tests.
        let needs_body = match (method.as_str(), path.as_str()) {
            ("DELETE", _) => continue,
            ("POST", "/v1/users") => Some("form_data_missing"),
            ("POST", "/v1/phone_numbers") => Some("form_param_missing"),
            ("PUT", path) if path.ends_with("/phone_number") => Some("form_param_missing"),
            _ => None,
        };
        let answer = back_end.send(request).await;
        match needs_body {
            Some(code) => _ = answer.is_error(422, code),
            None => _ = answer.resource(),
        }
        assert_eq!(
            answer.header("content-type"),
            Some("application/json"),
            "{method} {path}"
        );
        assert!(answer.json.get("client").is_none(), "an envelope: {method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_is_not_found_by_any_operation() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let fresh = app.number();
    let body = json!({ "phone_number": fresh, "user_id": "user_nobody" });
    for (user, number) in [
        ("user_nobody", "idn_000000000000000000000000000"),
        ("%20", "x"),
        ("%00", "idn_"),
        ("%ff", "%ff"),
        ("auth0%7Cnobody", "..%2fusers"),
    ] {
        for (method, path) in operations(&json!({ "id": user }), &json!({ "id": number })) {
            if path == "/v1/users" || path == "/v1/users/count" {
                continue;
            }
            let answer = back_end.json(method, &path, &body).await;
            answer.is_error(404, "resource_not_found");
        }
    }
    assert_eq!(back_end.get("/v1/users/count").await.resource()["total_count"], 0);
}
