//! Sign-ups under way, as a back end looks after them.

use phoneproof_tests::{Browser, TestApp, text};
use reqwest::Method;
use serde_json::json;

use super::made;

#[tokio::test(flavor = "multi_thread")]
async fn a_back_end_names_the_user_of_a_sign_up_beforehand() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let (browser, number) = (Browser::new(&app), app.number());
    let form = [("phone_number", number.as_str()), ("strategy", "phone_code")];
    let begun = browser.post("/v1/client/sign_ups", &form).await.response().clone();
    let path = format!("/v1/sign_ups/{}", text(&begun["id"]));
    assert_eq!(
        back_end.get(&path).await.resource(),
        &begun,
        "as its own browser sees it"
    );

    let taken = json!({ "phone_number": [app.number()], "external_id": "crm-1" });
    made(&back_end, &taken).await;
    let change = async |body: serde_json::Value| back_end.json(Method::PATCH, &path, &body).await;
    let refused = change(json!({ "external_id": "crm-1" })).await;
    refused.is_error(422, "form_identifier_exists").about("external_id");
    let changed = change(json!({ "external_id": "crm-2", "custom_action": true })).await;
    assert_eq!(
        (&changed.resource()["external_id"], &changed.json["custom_action"]),
        (&json!("crm-2"), &json!(true))
    );
    let kept = change(json!({ "custom_action": null })).await;
    assert_eq!(kept.resource(), changed.resource(), "what is not given stays");
    assert_eq!(
        kept.json["verifications"]["phone_number"]["status"], "unverified",
        "the code that is out stays good"
    );

    let code = app.code(&number).await;
    let attempt = format!("/v1/client/sign_ups/{}/attempt_verification", text(&begun["id"]));
    let done = browser
        .post(&attempt, &[("strategy", "phone_code"), ("code", &code)])
        .await;
    let user = text(&done.response()["created_user_id"]).to_owned();
    let user = back_end.get(&format!("/v1/users/{user}")).await;
    assert_eq!(user.resource()["external_id"], "crm-2");
    let shown = back_end.get(&path).await;
    assert_eq!(shown.resource()["status"], "complete");
    change(json!({ "external_id": "crm-3" }))
        .await
        .is_error(404, "resource_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_that_another_one_has_replaced_is_gone() {
    let app = TestApp::spawn().await;
    let browser = Browser::new(&app);
    let begin = async || {
        let begun = browser
            .post("/v1/client/sign_ups", &[("phone_number", &app.number())])
            .await;
        format!("/v1/sign_ups/{}", text(&begun.response()["id"]))
    };
    let (first, second) = (begin().await, begin().await);
    app.back_end().get(&first).await.is_error(404, "resource_not_found");
    let _ = app.back_end().get(&second).await.resource();
    let _ = browser.delete("/v1/client").await;
    app.back_end().get(&second).await.is_error(404, "resource_not_found");
}
