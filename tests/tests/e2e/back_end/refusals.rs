//! What a back end may not ask for, and that nothing of it happens.

use phoneproof_tests::TestApp;
use reqwest::Method;
use serde_json::{Value, json};

use super::{id, made, user_path};

const STATUS: &str = "phone_number_identification_status";
const PRIMARY: &str = "primary_phone_number_id";

#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_cannot_be_made_is_not_made() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    for (name, value, code) in [
        ("phone_number", Value::Null, "form_data_missing"),
        ("phone_number", json!([]), "form_data_missing"),
        ("phone_number", json!(["call me"]), "form_param_format_invalid"),
        ("phone_number", json!([14_155_552_671_i64]), "form_param_type_invalid"),
        (
            "phone_number",
            json!({ "0": "+14155552671" }),
            "form_param_type_invalid",
        ),
        (STATUS, json!([]), "form_param_array_length_mismatch"),
        (
            STATUS,
            json!(["verified", "verified"]),
            "form_param_array_length_mismatch",
        ),
        (STATUS, json!(["unverified"]), "form_param_value_invalid"),
        ("username", json!("a b"), "form_param_format_invalid"),
        ("first_name", json!("a\u{0}b"), "form_param_format_invalid"),
        ("last_name", json!("x".repeat(256)), "form_param_format_invalid"),
        ("external_id", json!(7), "form_param_type_invalid"),
        ("password", json!("short"), "form_password_length_too_short"),
        ("email_address", json!(["a@b.example"]), "form_param_unknown"),
        ("backup_codes", json!(["short"]), "form_param_format_invalid"),
        ("backup_codes", json!(vec!["abcdefgh"; 21]), "form_param_value_invalid"),
        ("banned", json!("maybe"), "form_param_type_invalid"),
        ("locked", json!(1), "form_param_type_invalid"),
        ("created_at", json!("yesterday"), "form_param_type_invalid"),
        ("created_at", json!(1.5), "form_param_type_invalid"),
        ("public_metadata", json!("[]"), "form_param_type_invalid"),
        ("unsafe_metadata", json!([]), "form_param_type_invalid"),
    ] {
        let mut body = json!({ "phone_number": ["+14155552671"] });
        body[name] = value;
        let refused = back_end.json(Method::POST, "/v1/users", &body).await;
        refused.is_error(422, code).about(name);
    }
    let large = json!({ "phone_number": ["+14155552671"], "private_metadata": { "a": "x".repeat(8 * 1024) } });
    let refused = back_end.json(Method::POST, "/v1/users", &large).await;
    refused.is_error(422, "form_param_value_invalid");
    assert_eq!(back_end.get("/v1/users").await.resource(), &json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_another_users_is_not_given_twice() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let (taken, held) = (app.number(), app.number());
    let owner = json!({
        "phone_number": [taken, held], "phone_number_identification_status": ["verified", "reserved"],
        "username": "ada_", "external_id": "a",
    });
    let owner = made(&back_end, &owner).await;
    for (name, value) in [
        ("phone_number", json!([taken])),
        ("phone_number", json!([held])),
        ("phone_number", json!([app.number(), taken])),
        // Twice on one user is no better.
        ("phone_number", json!(["+14155552671", "+1 415 555 2671"])),
        ("username", json!("Ada_")),
        ("external_id", json!("a")),
    ] {
        for status in ["verified", "reserved"] {
            let mut body = json!({ "phone_number": ["+14155552671"] });
            body[name] = value.clone();
            let numbers = body["phone_number"].as_array().map_or(0, Vec::len);
            body[STATUS] = json!(vec![status; numbers]);
            let refused = back_end.json(Method::POST, "/v1/users", &body).await;
            refused.is_error(422, "form_identifier_exists").about(name);
        }
    }
    assert_eq!(back_end.get("/v1/users").await.resource(), &json!([owner]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_refused_in_part_is_refused_as_a_whole() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let other = json!({ "phone_number": [app.number()], "username": "ada_", "external_id": "a" });
    let other = made(&back_end, &other).await;
    let user = made(&back_end, &json!({ "phone_number": [app.number()] })).await;
    let unverified = json!({ "user_id": id(&user), "phone_number": app.number() });
    let unverified = back_end
        .json(Method::POST, "/v1/phone_numbers", &unverified)
        .await
        .resource()
        .clone();
    let path = user_path(&user);
    let before = back_end.get(&path).await.resource().clone();
    for (name, value, code) in [
        ("public_metadata", json!({}), "form_param_deprecated"),
        ("private_metadata", json!({ "a": 1 }), "form_param_deprecated"),
        ("unsafe_metadata", json!({ "a": 1 }), "form_param_deprecated"),
        ("password", json!("short"), "form_password_length_too_short"),
        ("totp_secret", json!("ABC"), "form_param_unknown"),
        (PRIMARY, unverified["id"].clone(), "form_verification_needed"),
        (
            PRIMARY,
            other["primary_phone_number_id"].clone(),
            "form_resource_not_found",
        ),
        (
            PRIMARY,
            json!("idn_000000000000000000000000000"),
            "form_resource_not_found",
        ),
        (PRIMARY, json!("nonsense"), "form_resource_not_found"),
        ("username", json!("ada_"), "form_identifier_exists"),
        ("external_id", json!("a"), "form_identifier_exists"),
        ("username", json!("a b"), "form_param_format_invalid"),
        ("locale", json!("de\n"), "form_param_format_invalid"),
        ("delete_self_enabled", json!("no"), "form_param_type_invalid"),
        ("backup_codes", json!([12_345_678]), "form_param_type_invalid"),
    ] {
        let mut sent = json!({ "first_name": "Eve" });
        sent[name] = value;
        let refused = back_end.json(Method::PATCH, &path, &sent).await;
        refused.is_error(422, code).about(name);
        assert_eq!(back_end.get(&path).await.resource(), &before, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_users_sign_in_elsewhere_one_may_have_no_number() {
    let app = TestApp::with("PHONEPROOF__PHONE_NUMBERS__USED_FOR_FIRST_FACTOR", "false")
        .spawn()
        .await;
    let user = made(&app.back_end(), &json!({})).await;
    assert_eq!(
        (&user["phone_numbers"], &user["primary_phone_number_id"]),
        (&json!([]), &Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_says_the_same_as_json() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let (one, two) = (app.number(), app.number());
    let form = [
        ("phone_number[]", one.as_str()),
        ("phone_number[]", two.as_str()),
        ("phone_number_identification_status[]", "verified"),
        ("phone_number_identification_status[]", "reserved"),
        ("public_metadata", r#"{"a":1}"#),
        ("banned", "true"),
    ];
    let user = back_end.post("/v1/users", &form).await.resource().clone();
    assert_eq!(
        (&user["public_metadata"], &user["banned"]),
        (&json!({ "a": 1 }), &json!(true))
    );
    assert_eq!(
        (
            &user["phone_numbers"][0]["phone_number"],
            &user["phone_numbers"][1]["reserved"]
        ),
        (&json!(one), &json!(true))
    );
}
