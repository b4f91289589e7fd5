//! `/v1/phone_numbers`: single numbers of any user.

use phoneproof_tests::TestApp;
use reqwest::Method;
use serde_json::{Value, json};

use super::{NOW, id, made, number_path, user_path};

const NUMBERS: &str = "/v1/phone_numbers";

#[tokio::test(flavor = "multi_thread")]
async fn a_number_of_any_country_is_added_unverified() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let user = made(&back_end, &json!({ "phone_number": [app.number()] })).await;
    let added = back_end
        .json(
            Method::POST,
            NUMBERS,
            &json!({ "user_id": id(&user), "phone_number": "+44 20 7946 0958" }),
        )
        .await;
    let number = added.resource().clone();
    assert_eq!(added.header("content-type"), Some("application/json"));
    assert_eq!(
        number,
        json!({
            "id": id(&number), "object": "phone_number", "phone_number": "+442079460958",
            "reserved_for_second_factor": false, "default_second_factor": false, "reserved": false,
            "verification": null, "linked_to": [], "backup_codes": null, "created_at": NOW + 1, "updated_at": NOW + 1,
        })
    );
    assert_eq!(back_end.get(&number_path(&number)).await.resource(), &number);
    let shown = back_end.get(&user_path(&user)).await.resource().clone();
    assert_eq!(shown["phone_numbers"][1], number);
    assert_eq!(shown["primary_phone_number_id"], user["primary_phone_number_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verified_number_may_become_primary_and_second_factor_at_once() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let user = made(&back_end, &json!({ "phone_number": [app.number()] })).await;
    let all = json!({
        "user_id": id(&user), "phone_number": app.number(), "verified": true, "primary": true, "reserved_for_second_factor": true,
    });
    let number = back_end.json(Method::POST, NUMBERS, &all).await.resource().clone();
    assert_eq!(
        (&number["reserved_for_second_factor"], &number["default_second_factor"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(number["verification"]["strategy"], "admin");
    assert_eq!(number["backup_codes"].as_array().map(Vec::len), Some(10));
    let shown = back_end.get(&user_path(&user)).await.resource().clone();
    assert_eq!(
        (
            &shown["primary_phone_number_id"],
            &shown["two_factor_enabled"],
            &shown["mfa_enabled_at"]
        ),
        (&number["id"], &json!(true), &json!(NOW))
    );
    let again = back_end.get(&number_path(&number)).await;
    assert_eq!(again.resource()["backup_codes"], Value::Null, "shown a second time");
    // Null asks for nothing.
    let third = json!({
        "user_id": id(&user), "phone_number": app.number(), "verified": null, "primary": null, "reserved_for_second_factor": null,
    });
    let third = back_end.json(Method::POST, NUMBERS, &third).await.resource().clone();
    assert_eq!(
        (&third["verification"], &third["default_second_factor"]),
        (&Value::Null, &json!(false))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_number_becomes_primary_once_it_is_verified() {
    let app = TestApp::spawn().await;
    let (back_end, user) = (app.back_end(), app.user("user_a"));
    assert_eq!(
        user.get("/v1/me").await.response()["primary_phone_number_id"],
        Value::Null
    );
    let added = json!({ "user_id": "user_a", "phone_number": app.number() });
    let number = back_end.json(Method::POST, NUMBERS, &added).await.resource().clone();
    assert_eq!(
        user.get("/v1/me").await.response()["primary_phone_number_id"],
        Value::Null
    );
    let path = number_path(&number);
    let verified = back_end.json(Method::PATCH, &path, &json!({ "verified": true })).await;
    assert_eq!(verified.resource()["verification"]["status"], "verified");
    assert_eq!(
        user.get("/v1/me").await.response()["primary_phone_number_id"],
        number["id"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_part_of_a_number_changes_alone() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let user = made(&back_end, &json!({ "phone_number": [app.number(), app.number()] })).await;
    let second = &user["phone_numbers"][1];
    let path = number_path(second);
    // What is sent; then: verified, second factor, whether the second number is primary.
    for (sent, verified, reserved, primary) in [
        (json!({}), true, false, false),
        (
            json!({ "verified": null, "primary": null, "reserved_for_second_factor": null }),
            true,
            false,
            false,
        ),
        (json!({ "primary": false }), true, false, false),
        (json!({ "primary": true }), true, false, true),
        (json!({ "reserved_for_second_factor": true }), true, true, true),
        (json!({ "reserved_for_second_factor": false }), true, false, true),
        (
            json!({ "reserved_for_second_factor": true, "verified": true }),
            true,
            true,
            true,
        ),
        // Without its proof it can be neither of the two.
        (json!({ "verified": false }), false, false, false),
        (
            json!({ "verified": true, "primary": true, "reserved_for_second_factor": true }),
            true,
            true,
            true,
        ),
    ] {
        let number = back_end.json(Method::PATCH, &path, &sent).await.resource().clone();
        let shown = back_end.get(&user_path(&user)).await.resource().clone();
        assert_eq!(
            (
                number["verification"]["status"] == "verified",
                number["reserved_for_second_factor"] == true,
                number["default_second_factor"] == true,
                shown["primary_phone_number_id"] == second["id"],
                shown["two_factor_enabled"] == true,
            ),
            (verified, reserved, reserved, primary, reserved),
            "{sent}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_number_hands_on_primary_and_default_and_may_be_the_last() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let user = made(&back_end, &json!({ "phone_number": [app.number(), app.number()] })).await;
    let numbers = user["phone_numbers"].as_array().unwrap();
    for number in numbers {
        let on = json!({ "reserved_for_second_factor": true });
        let _ = back_end.json(Method::PATCH, &number_path(number), &on).await.resource();
    }
    let mut left = numbers.as_slice();
    while let Some((number, rest)) = left.split_first() {
        let deleted = back_end
            .send(
                back_end
                    .request(Method::DELETE, &number_path(number))
                    .header("content-type", "application/json"),
            )
            .await;
        assert_eq!(
            deleted.resource(),
            &json!({ "object": "phone_number", "id": number["id"], "deleted": true })
        );
        let shown = back_end.get(&user_path(&user)).await.resource().clone();
        let heir = rest.first().map_or(Value::Null, |heir| heir["id"].clone());
        assert_eq!(shown["primary_phone_number_id"], heir);
        assert_eq!(shown["phone_numbers"].as_array().map(Vec::len), Some(rest.len()));
        assert_eq!(shown["two_factor_enabled"], !rest.is_empty());
        left = rest;
    }
}
