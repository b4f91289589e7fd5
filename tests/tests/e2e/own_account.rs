//! What a user does with the own account: `PATCH /v1/me/metadata`, `DELETE /v1/me`.

use phoneproof_tests::TestApp;
use reqwest::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn metadata_are_merged_and_null_removes() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let merge = |text: &str| {
        let user = user.clone();
        let text = text.to_owned();
        async move { user.patch("/v1/me/metadata", &[("unsafe_metadata", &text)]).await }
    };
    let first = merge(r#"{"theme": {"dark": true, "size": 12}, "news": "weekly"}"#).await;
    assert_eq!(first.response()["unsafe_metadata"]["theme"]["size"], 12);
    let second = merge(r#"{"theme": {"size": 14}, "news": null}"#).await;
    let merged = json!({ "theme": { "dark": true, "size": 14 } });
    assert_eq!(second.response()["unsafe_metadata"], merged);
    assert!(second.response().get("private_metadata").is_none());

    let too_large = format!(r#"{{"note": "{}"}}"#, "x".repeat(9_000));
    merge(&too_large).await.is_error(422, "form_param_value_invalid");
    for text in ["[1]", "{", "dark"] {
        merge(text)
            .await
            .is_error(422, "form_param_type_invalid")
            .about("unsafe_metadata");
    }
    assert_eq!(user.get("/v1/me").await.response()["unsafe_metadata"], merged);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_deletes_the_account_frees_its_numbers() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let (_, number) = app.verified_number(&user).await;
    let add = [("phone_number", number.as_str())];
    let other = app.user("user_b");
    other
        .post("/v1/me/phone_numbers", &add)
        .await
        .is_error(422, "form_identifier_exists");

    let gone = user.delete("/v1/me").await;
    assert_eq!(
        gone.response(),
        &json!({ "object": "user", "id": "user_a", "deleted": true })
    );
    app.back_end()
        .get("/v1/users/user_a")
        .await
        .is_error(404, "resource_not_found");
    user.delete("/v1/me").await.is_error(404, "resource_not_found");
    assert_eq!(
        other.post("/v1/me/phone_numbers", &add).await.response()["phone_number"],
        number
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_must_stay_stays() {
    let app = TestApp::spawn().await;
    let (user, banned) = (app.user("user_a"), app.user("user_b"));
    for someone in [&user, &banned] {
        let _ = app.verified_number(someone).await;
    }
    let back_end = app.back_end();
    let kept = json!({ "delete_self_enabled": false });
    let _ = back_end.json(Method::PATCH, "/v1/users/user_a", &kept).await.resource();
    let _ = back_end
        .json(Method::POST, "/v1/users/user_b/ban", &json!({}))
        .await
        .resource();
    user.delete("/v1/me")
        .await
        .is_error(403, "user_delete_self_not_enabled");
    banned.delete("/v1/me").await.is_error(403, "user_banned");
    for id in ["user_a", "user_b"] {
        let shown = back_end.get(&format!("/v1/users/{id}")).await;
        assert_eq!(shown.resource()["phone_numbers"].as_array().map(Vec::len), Some(1));
    }
    app.nobody().delete("/v1/me").await.is_error(401, "signed_out");
}
