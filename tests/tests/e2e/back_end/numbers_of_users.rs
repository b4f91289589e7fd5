//! What a back end does to all numbers or second factors of a user at once.

use phoneproof_tests::{Actor, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

use super::{NOW, id, made, number_path, user_path};

/// A user with two verified numbers, the second one a second factor, and with backup codes.
async fn with_second_factor(app: &TestApp, back_end: &Actor) -> Value {
    let user = made(back_end, &json!({ "phone_number": [app.number(), app.number()] })).await;
    let reserve = json!({ "reserved_for_second_factor": true });
    let path = number_path(&user["phone_numbers"][1]);
    let reserved = back_end.json(Method::PATCH, &path, &reserve).await.resource().clone();
    assert_eq!(reserved["backup_codes"].as_array().map(Vec::len), Some(10));
    back_end.get(&user_path(&user)).await.resource().clone()
}

fn factors(user: &Value) -> (bool, bool) {
    (user["two_factor_enabled"] == true, user["backup_code_enabled"] == true)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_second_factor_goes_at_once_also_when_none_is_on() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let user = with_second_factor(&app, &back_end).await;
    assert_eq!(factors(&user), (true, true));
    let mfa = format!("{}/mfa", user_path(&user));
    for _ in 0..2 {
        let off = back_end
            .send(
                back_end
                    .request(Method::DELETE, &mfa)
                    .header("content-type", "application/json"),
            )
            .await;
        assert_eq!(off.resource(), &json!({ "user_id": id(&user) }));
        let shown = back_end.get(&user_path(&user)).await.resource().clone();
        assert_eq!(factors(&shown), (false, false));
        assert_eq!(shown["mfa_disabled_at"], NOW);
        for number in shown["phone_numbers"].as_array().unwrap() {
            assert_eq!(number["reserved_for_second_factor"], false);
            assert_eq!(number["default_second_factor"], false);
            assert_eq!(number["verification"]["status"], "verified");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_codes_go_without_the_second_factor() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let user = with_second_factor(&app, &back_end).await;
    let path = format!("{}/backup_code", user_path(&user));
    for _ in 0..2 {
        let gone = back_end.delete(&path).await;
        assert_eq!(gone.resource(), &json!({ "user_id": id(&user) }));
        let shown = back_end.get(&user_path(&user)).await.resource().clone();
        assert_eq!(factors(&shown), (true, false));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_number_takes_the_place_of_all() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    for (status, verification, reserved) in [
        (Value::Null, json!("verified"), false),
        (json!("verified"), json!("verified"), false),
        (json!("reserved"), Value::Null, true),
        (json!("unverified"), Value::Null, false),
    ] {
        let user = with_second_factor(&app, &back_end).await;
        let number = app.number();
        let sent = json!({ "phone_number": number, "identification_status": status });
        let path = format!("{}/phone_number", user_path(&user));
        let put = back_end.json(Method::PUT, &path, &sent).await.resource().clone();
        assert_eq!(
            (
                &put["object"],
                &put["phone_number"],
                &put["reserved"],
                &put["verification"]["status"]
            ),
            (&json!("phone_number"), &json!(number), &json!(reserved), &verification),
            "{status}"
        );
        assert_eq!(put["reserved_for_second_factor"], false);
        let shown = back_end.get(&user_path(&user)).await.resource().clone();
        assert_eq!(shown["phone_numbers"], json!([put]));
        assert_eq!(factors(&shown), (false, false), "MFA goes with its last number");
        let primary = if verification.is_null() {
            Value::Null
        } else {
            put["id"].clone()
        };
        assert_eq!(shown["primary_phone_number_id"], primary, "{status}");
        for number in user["phone_numbers"].as_array().unwrap() {
            back_end
                .get(&number_path(number))
                .await
                .is_error(404, "resource_not_found");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_that_stays_keeps_its_id_and_is_no_second_factor() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let user = with_second_factor(&app, &back_end).await;
    let second = &user["phone_numbers"][1];
    let sent = json!({ "phone_number": second["phone_number"] });
    let path = format!("{}/phone_number", user_path(&user));
    let put = back_end.json(Method::PUT, &path, &sent).await.resource().clone();
    assert_eq!(
        (&put["id"], &put["reserved_for_second_factor"]),
        (&second["id"], &json!(false))
    );
    let shown = back_end.get(&user_path(&user)).await.resource().clone();
    assert_eq!(
        (&shown["phone_numbers"], factors(&shown)),
        (&json!([put]), (false, false))
    );
    assert_eq!(shown["primary_phone_number_id"], second["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_others_and_nonsense_replace_nothing() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let taken = app.number();
    let _ = made(&back_end, &json!({ "phone_number": [taken] })).await;
    let user = with_second_factor(&app, &back_end).await;
    let path = format!("{}/phone_number", user_path(&user));
    for (sent, code, param) in [
        (
            json!({ "phone_number": taken }),
            "form_identifier_exists",
            "phone_number",
        ),
        (
            json!({ "phone_number": "555" }),
            "form_param_format_invalid",
            "phone_number",
        ),
        (
            json!({ "phone_number": [app.number()] }),
            "form_param_type_invalid",
            "phone_number",
        ),
        (json!({}), "form_param_missing", "phone_number"),
        (
            json!({ "phone_number": app.number(), "identification_status": "maybe" }),
            "form_param_value_invalid",
            "identification_status",
        ),
    ] {
        let refused = back_end.json(Method::PUT, &path, &sent).await;
        refused.is_error(422, code).about(param);
    }
    assert_eq!(back_end.get(&user_path(&user)).await.resource(), &user);
}
