//! What a back end may not ask for of a number, and that nothing of it happens.

use phoneproof_tests::TestApp;
use reqwest::Method;
use serde_json::{Value, json};

use super::{id, made, number_path, user_path};

const NUMBERS: &str = "/v1/phone_numbers";
const UNVERIFIED: &str = "identification_update_second_factor_unverified";

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_cannot_be_added_is_not_added() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let (taken, own) = (app.number(), app.number());
    let _ = made(&back_end, &json!({ "phone_number": [taken] })).await;
    let user = made(&back_end, &json!({ "phone_number": [own] })).await;
    for (name, value, code) in [
        ("phone_number", json!(taken), "form_identifier_exists"),
        ("phone_number", json!(own), "form_identifier_exists"),
        ("phone_number", json!("4155552671"), "form_param_format_invalid"),
        ("phone_number", json!("+1 415 555 CALL"), "form_param_format_invalid"),
        ("phone_number", json!(""), "form_param_nil"),
        ("phone_number", Value::Null, "form_param_missing"),
        ("phone_number", json!(["+14155552671"]), "form_param_type_invalid"),
        ("user_id", Value::Null, "form_param_missing"),
        ("user_id", json!(7), "form_param_type_invalid"),
        ("verified", json!("maybe"), "form_param_type_invalid"),
        ("primary", json!(1), "form_param_type_invalid"),
        ("primary", json!(true), "form_verification_needed"),
        ("reserved_for_second_factor", json!([]), "form_param_type_invalid"),
    ] {
        let mut body = json!({ "user_id": id(&user), "phone_number": "+14155552671" });
        body[name] = value;
        let refused = back_end.json(Method::POST, NUMBERS, &body).await;
        refused.is_error(422, code).about(name);
    }
    let unverified =
        json!({ "user_id": id(&user), "phone_number": "+14155552671", "reserved_for_second_factor": true });
    let refused = back_end.json(Method::POST, NUMBERS, &unverified).await;
    refused.is_error(400, "identification_create_second_factor_unverified");
    let nobodys = json!({ "user_id": "user_nobody", "phone_number": "+14155552671" });
    let refused = back_end.json(Method::POST, NUMBERS, &nobodys).await;
    refused.is_error(404, "resource_not_found");
    assert_eq!(back_end.get(&user_path(&user)).await.resource(), &user);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unverified_number_becomes_nothing_else() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let user = made(&back_end, &json!({ "phone_number": [app.number()] })).await;
    let added = json!({ "user_id": id(&user), "phone_number": app.number() });
    let added = back_end.json(Method::POST, NUMBERS, &added).await.resource().clone();
    let before = back_end.get(&user_path(&user)).await.resource().clone();
    for (sent, status, code) in [
        (json!({ "primary": true }), 422, "form_verification_needed"),
        (json!({ "reserved_for_second_factor": true }), 400, UNVERIFIED),
        (
            json!({ "verified": false, "primary": true }),
            422,
            "form_verification_needed",
        ),
        (json!({ "verified": "yes" }), 422, "form_param_type_invalid"),
        // The first part alone would be fine: nothing of it happens.
        (
            json!({ "verified": true, "primary": "maybe" }),
            422,
            "form_param_type_invalid",
        ),
    ] {
        let refused = back_end.json(Method::PATCH, &number_path(&added), &sent).await;
        refused.is_error(status, code);
    }
    assert_eq!(back_end.get(&user_path(&user)).await.resource(), &before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_was_won_by_another_cannot_be_declared_verified() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let shared = app.number();
    let loser = made(&back_end, &json!({ "phone_number": [app.number()] })).await;
    let added = json!({ "user_id": id(&loser), "phone_number": shared });
    let lost = back_end.json(Method::POST, NUMBERS, &added).await.resource().clone();
    let _winner = made(&back_end, &json!({ "phone_number": [shared] })).await;
    let refused = back_end
        .json(Method::PATCH, &number_path(&lost), &json!({ "verified": true }))
        .await;
    refused.is_error(422, "form_identifier_exists").about("phone_number");
    assert_eq!(back_end.get(&number_path(&lost)).await.resource(), &lost);
}
