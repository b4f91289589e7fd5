//! Paths and methods: `_method`, trailing slashes, what is not there.

use std::collections::BTreeMap;

use phoneproof_tests::{Answer, TestApp};
use reqwest::Method;
use serde_json::json;

const NUMBERS: &str = "/v1/me/phone_numbers";

#[tokio::test(flavor = "multi_thread")]
async fn a_post_may_name_another_method_and_real_ones_work_too() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let form = [("first_name", "Ada")];
    for request in [
        user.request(Method::POST, "/v1/me?_method=PATCH"),
        user.request(
            Method::POST,
            "/v1/me?__clerk_api_version=2026-08-20&_method=PATCH&_clerk_js_version=6.40.0",
        ),
        user.request(Method::POST, "/v1/me/?_method=PATCH"),
        user.request(Method::PATCH, "/v1/me"),
        user.request(Method::PATCH, "/v1/me/"),
    ] {
        let _ = user.patch("/v1/me", &[("first_name", "")]).await.response();
        let changed = user.send(request.form(&form)).await;
        assert_eq!(changed.response()["first_name"], "Ada");
    }
    for real in [true, false] {
        let path = format!("{NUMBERS}/{}", app.added_number(&user, &app.number()).await);
        let deleted = if real {
            user.send(user.request(Method::DELETE, &path)).await
        } else {
            user.delete(&path).await
        };
        assert_eq!(deleted.response()["deleted"], true);
        user.get(&path).await.is_error(404, "resource_not_found");
    }
    // The back end's PUT, smuggled.
    let replaced = app
        .back_end()
        .post(
            "/v1/users/user_a/metadata?_method=PUT",
            &[("public_metadata", r#"{"a":1}"#)],
        )
        .await;
    assert_eq!(replaced.resource()["public_metadata"], json!({ "a": 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_never_becomes_a_change() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let path = format!("{NUMBERS}/{}", app.added_number(&user, &app.number()).await);
    for method in ["DELETE", "PATCH", "POST", "nonsense"] {
        let shown = user
            .get(&format!("{path}?_method={method}&reserved_for_second_factor=true"))
            .await;
        assert_eq!(shown.response()["object"], "phone_number", "{method}");
    }
    // Nor does any other method become a second one.
    let request = user.request(Method::PATCH, &format!("{path}?_method=DELETE"));
    let _ = user.send(request).await.response();
    assert_eq!(user.get(NUMBERS).await.resource().as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_cannot_name_a_method_that_is_none() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let path = format!("{NUMBERS}/{}", app.added_number(&user, &app.number()).await);
    for query in [
        "_method=delete",
        "_method=GET",
        "_method=HEAD",
        "_method=OPTIONS",
        "_method=CONNECT",
        "_method=",
        "_method=DELETE%20",
        "_method=DELETE&_method=DELETE",
        "_method=PATCH&_method=DELETE",
    ] {
        let refused = user.post(&format!("{path}?{query}"), &[]).await;
        refused.is_error(405, "method_not_allowed");
    }
    assert_eq!(user.get(NUMBERS).await.resource().as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_method_is_told_the_right_ones() {
    let app = TestApp::spawn().await;
    let (user, back_end) = (app.user("user_a"), app.back_end());
    for (method, path, allowed) in [
        (Method::POST, "/v1/me", "GET, HEAD, PATCH, DELETE"),
        (Method::PUT, "/v1/me/", "GET, HEAD, PATCH, DELETE"),
        (Method::GET, "/v1/me/metadata", "PATCH"),
        (Method::PUT, NUMBERS, "GET, HEAD, POST"),
        (Method::POST, "/v1/me/phone_numbers/idn_x", "GET, HEAD, PATCH, DELETE"),
        (Method::GET, "/v1/me/phone_numbers/idn_x/prepare_verification", "POST"),
        (Method::GET, "/v1/me/phone_numbers/idn_x/attempt_verification", "POST"),
        (Method::GET, "/v1/me/backup_codes", "POST"),
        (Method::DELETE, "/v1/users", "GET, HEAD, POST"),
        (Method::POST, "/v1/users/count", "GET, HEAD"),
        (Method::GET, "/v1/users/user_a/metadata", "PATCH, PUT"),
        (Method::GET, "/v1/users/user_a/ban", "POST"),
        (Method::GET, "/v1/phone_numbers", "POST"),
        (Method::POST, "/v1/health", "GET, HEAD"),
        (Method::POST, "/v1/ready", "GET, HEAD"),
        (Method::PUT, "/v1/sms_callbacks/main", "GET, POST"),
        (Method::TRACE, "/v1/me", "GET, HEAD, PATCH, DELETE"),
        (
            Method::from_bytes(b"PROPFIND").unwrap(),
            "/v1/me",
            "GET, HEAD, PATCH, DELETE",
        ),
    ] {
        // Whether somebody is signed in does not matter.
        for who in [&user, &back_end, &app.nobody()] {
            let refused = who.send(who.request(method.clone(), path)).await;
            refused.is_error(405, "method_not_allowed");
            assert_eq!(refused.header("allow"), Some(allowed), "{method} {path}");
        }
    }
}

/// The headers that do not differ between two answers to one question.
fn lasting(answer: &Answer) -> BTreeMap<String, Vec<u8>> {
    let headers = answer.headers.iter();
    headers
        .filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"))
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn head_answers_as_get_does_without_the_body() {
    let app = TestApp::spawn().await;
    let (user, back_end, nobody) = (app.user("user_a"), app.back_end(), app.nobody());
    let number = format!("{NUMBERS}/{}", app.added_number(&user, &app.number()).await);
    for (who, path) in [
        (&nobody, "/v1/health"),
        (&nobody, "/v1/ready"),
        (&nobody, "/v1/environment"),
        (&nobody, "/v1/client"),
        (&nobody, "/.well-known/jwks.json"),
        (&nobody, "/openapi.json"),
        (&nobody, "/docs/index.html"),
        (&nobody, "/dev"),
        (&nobody, "/dev/inbox"),
        (&user, "/v1/me"),
        (&user, NUMBERS),
        (&user, &number),
        (&back_end, "/v1/users"),
        (&back_end, "/v1/users/count"),
        (&back_end, "/v1/users/user_a/"),
        // Refusals, too.
        (&nobody, "/v1/me"),
        (&nobody, "/v1/users"),
        (&user, "/v1/me/phone_numbers/idn_x"),
        (&user, "/v1/nothing"),
        (&user, "/v1/me/metadata"),
    ] {
        let got = who.get(path).await;
        let head = who.send(who.request(Method::HEAD, path)).await;
        assert_eq!((head.status, head.text.as_str()), (got.status, ""), "{path}");
        assert_eq!(lasting(&head), lasting(&got), "{path}");
        assert_eq!(
            head.header("content-length"),
            Some(got.text.len().to_string().as_str()),
            "{path}"
        );
    }
    // A cross-origin page may, too, and one that is not allowed may not.
    for (origin, status) in [(app.url.as_str(), 200), ("https://evil.example", 400)] {
        let request = user.request(Method::HEAD, "/v1/me").header("origin", origin);
        assert_eq!(user.send(request).await.status, status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_tells_of_no_delivery() {
    let app = TestApp::spawn().await;
    let nobody = app.nobody();
    let path = "/v1/sms_callbacks/main?MessageSid=SM7&MessageStatus=delivered";
    let head = nobody.send(nobody.request(Method::HEAD, path)).await;
    assert_eq!(
        (head.status, head.header("allow"), head.text.as_str()),
        (405, Some("GET, POST"), "")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn head_of_a_stream_ends() {
    let app = TestApp::spawn().await;
    let nobody = app.nobody();
    let head = nobody.send(nobody.request(Method::HEAD, "/dev/inbox/stream")).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found() {
    let app = TestApp::spawn().await;
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v2/me",
        "/v1/me/phone_numbers/idn_x/verify",
        "/v1/me/nothing",
        "/v1/users/user_a/phone_numbers",
        "/v1/%ff",
        "/v1/me%00",
        "/v1/ME",
        "/.env",
    ] {
        let user = app.user("user_a");
        user.get(path).await.is_error(404, "resource_not_found");
        user.post(path, &[]).await.is_error(404, "resource_not_found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slashes_at_the_end_do_not_matter() {
    let app = TestApp::spawn().await;
    let (user, back_end) = (app.user("user_a"), app.back_end());
    let added = user
        .post(&format!("{NUMBERS}/"), &[("phone_number", &app.number())])
        .await
        .response()
        .clone();
    let path = format!("{NUMBERS}/{}/", added["id"].as_str().unwrap());
    assert_eq!(user.get(&path).await.response(), &added);
    assert_eq!(user.get(&format!("{NUMBERS}/")).await.resource(), &json!([added]));
    let _ = user.post(&format!("{path}prepare_verification/"), &[]).await.response();
    assert_eq!(user.get("/v1/me/?locale=de").await.response()["id"], "user_a");
    assert_eq!(
        back_end.get("/v1/users/").await.resource().as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(back_end.get("/v1/users/user_a/").await.resource()["id"], "user_a");
}
