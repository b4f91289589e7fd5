//! `setReservedForSecondFactor()`, `makeDefaultSecondFactor()`, `destroy()` and backup codes.

use std::collections::BTreeSet;

use phoneproof_tests::{Actor, TestApp};
use serde_json::{Value, json};

const RESERVE: [(&str, &str); 1] = [("reserved_for_second_factor", "true")];
const UNRESERVE: [(&str, &str); 1] = [("reserved_for_second_factor", "false")];
const MAKE_DEFAULT: [(&str, &str); 1] = [("default_second_factor", "true")];

fn path(id: &str) -> String {
    format!("/v1/me/phone_numbers/{id}")
}

/// Gives the user so many verified numbers; their ids, oldest first.
async fn with_numbers(app: &TestApp, user: &Actor, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(app.verified_number(user).await.0);
    }
    ids
}

/// The ids of the default second factors, as the user's numbers show them.
async fn defaults(user: &Actor) -> Vec<String> {
    let numbers = user
        .get("/v1/me/phone_numbers")
        .await
        .resource()
        .as_array()
        .cloned()
        .unwrap_or_default();
    let is_default = |number: &&Value| number["default_second_factor"] == true;
    numbers
        .iter()
        .filter(is_default)
        .filter_map(|number| number["id"].as_str().map(str::to_owned))
        .collect()
}

fn texts(list: &Value) -> BTreeSet<String> {
    let list = list.as_array().cloned().unwrap_or_default();
    list.iter()
        .filter_map(|text| text.as_str().map(str::to_owned))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_second_factor_is_default_and_brings_ten_backup_codes_once() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let ids = with_numbers(&app, &user, 3).await;

    let first = user.patch(&path(&ids[1]), &RESERVE).await.response().clone();
    assert_eq!(
        (&first["reserved_for_second_factor"], &first["default_second_factor"]),
        (&json!(true), &json!(true))
    );
    let codes = texts(&first["backup_codes"]);
    assert_eq!(codes.len(), 10);
    assert!(codes.iter().all(|code| code.len() == 10), "{codes:?}");

    let second = user.patch(&path(&ids[2]), &RESERVE).await.response().clone();
    assert_eq!(
        (&second["default_second_factor"], &second["backup_codes"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!(
        user.get(&path(&ids[1])).await.response()["backup_codes"],
        Value::Null,
        "shown a second time"
    );

    let me = user.get("/v1/me").await.response().clone();
    assert_eq!(
        (&me["two_factor_enabled"], &me["backup_code_enabled"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        (&me["mfa_enabled_at"], &me["mfa_disabled_at"]),
        (&json!(1_800_000_000_000_i64), &Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_exactly_one_default_until_the_last_second_factor_goes() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let ids = with_numbers(&app, &user, 4).await;
    for id in &ids[1..] {
        let _ = user.patch(&path(id), &RESERVE).await.response();
    }
    assert_eq!(defaults(&user).await, [ids[1].clone()]);
    assert_eq!(
        user.patch(&path(&ids[3]), &MAKE_DEFAULT).await.response()["default_second_factor"],
        true
    );
    assert_eq!(defaults(&user).await, [ids[3].clone()]);
    // Un-reserving and deleting hand it to the oldest that is left.
    let off = user.patch(&path(&ids[3]), &UNRESERVE).await.response().clone();
    assert_eq!(
        (&off["reserved_for_second_factor"], &off["default_second_factor"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(defaults(&user).await, [ids[1].clone()]);
    let _ = user.delete(&path(&ids[1])).await.response();
    assert_eq!(defaults(&user).await, [ids[2].clone()]);
    assert_eq!(user.get("/v1/me").await.response()["backup_code_enabled"], true);
    let _ = user.patch(&path(&ids[2]), &UNRESERVE).await.response();
    assert_eq!(defaults(&user).await, Vec::<String>::new());
    let me = user.get("/v1/me").await.response().clone();
    assert_eq!(
        (&me["two_factor_enabled"], &me["backup_code_enabled"]),
        (&json!(false), &json!(false))
    );
    assert!(me["mfa_disabled_at"].is_i64() && me["mfa_enabled_at"].is_i64());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_of_the_second_factor_are_told_apart() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let unverified = app.added_number(&user, &app.number()).await;
    let refused = user.patch(&path(&unverified), &RESERVE).await;
    refused.is_error(400, "identification_update_second_factor_unverified");
    let (sign_in, _) = app.verified_number(&user).await;
    user.patch(&path(&sign_in), &RESERVE)
        .await
        .is_error(400, "identification_update_failed");
    user.patch(&path(&sign_in), &MAKE_DEFAULT)
        .await
        .is_error(400, "identification_update_failed");
    user.post("/v1/me/backup_codes", &[])
        .await
        .is_error(400, "backup_codes_not_available");

    let (second, _) = app.verified_number(&user).await;
    let _ = user.patch(&path(&second), &RESERVE).await.response();
    let no_default = [("default_second_factor", "false")];
    let refused = user.patch(&path(&second), &no_default).await;
    refused
        .is_error(422, "form_disable_default_second_factor_not_allowed")
        .about("default_second_factor");
    assert_eq!(
        user.patch(&path(&sign_in), &no_default).await.response()["default_second_factor"],
        false
    );
    // Both at once are one change: if one is refused, neither happens.
    let both = [
        ("reserved_for_second_factor", "false"),
        ("default_second_factor", "true"),
    ];
    user.patch(&path(&second), &both)
        .await
        .is_error(400, "identification_update_failed");
    assert_eq!(defaults(&user).await, [second]);
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_codes_are_renewed_as_a_whole() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let ids = with_numbers(&app, &user, 2).await;
    let issued = texts(&user.patch(&path(&ids[1]), &RESERVE).await.response()["backup_codes"]);
    // The SDK sends the trailing slash.
    let renewed = user.post("/v1/me/backup_codes/", &[]).await.response().clone();
    assert_eq!(renewed["object"], "backup_code");
    assert!(renewed["id"].is_string() && renewed["created_at"].is_i64() && renewed["updated_at"].is_i64());
    let codes = texts(&renewed["codes"]);
    assert_eq!((codes.len(), codes.intersection(&issued).count()), (10, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_backup_codes_on_the_instance_none_are_issued() {
    let app = TestApp::with("PHONEPROOF__SECOND_FACTOR__BACKUP_CODES", "false")
        .spawn()
        .await;
    let user = app.user("user_a");
    let ids = with_numbers(&app, &user, 2).await;
    assert_eq!(
        user.patch(&path(&ids[1]), &RESERVE).await.response()["backup_codes"],
        Value::Null
    );
    user.post("/v1/me/backup_codes", &[])
        .await
        .is_error(400, "backup_codes_not_available");
    assert_eq!(user.get("/v1/me").await.response()["backup_code_enabled"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_number_hands_on_what_it_was() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let ids = with_numbers(&app, &user, 3).await;
    let primary = [("primary_phone_number_id", ids[2].as_str())];
    assert_eq!(
        user.patch("/v1/me", &primary).await.response()["primary_phone_number_id"],
        json!(ids[2])
    );
    let deleted = user.delete(&path(&ids[2])).await.response().clone();
    assert_eq!(
        deleted,
        json!({ "object": "phone_number", "id": ids[2], "deleted": true })
    );
    user.get(&path(&ids[2])).await.is_error(404, "resource_not_found");
    assert_eq!(
        user.get("/v1/me").await.response()["primary_phone_number_id"],
        json!(ids[0])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_number_to_sign_in_with_stays() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let ids = with_numbers(&app, &user, 2).await;
    let _ = user.patch(&path(&ids[1]), &RESERVE).await.response();
    user.delete(&path(&ids[0]))
        .await
        .is_error(400, "identification_deletion_failed");
    let _ = user.patch(&path(&ids[1]), &UNRESERVE).await.response();
    let _ = user.delete(&path(&ids[0])).await.response();
    user.delete(&path(&ids[1]))
        .await
        .is_error(400, "identification_deletion_failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_users_sign_in_elsewhere_the_only_number_may_be_the_second_factor() {
    let app = TestApp::with("PHONEPROOF__PHONE_NUMBERS__USED_FOR_FIRST_FACTOR", "false")
        .spawn()
        .await;
    let user = app.user("user_a");
    let (id, _) = app.verified_number(&user).await;
    let on = user.patch(&path(&id), &RESERVE).await.response().clone();
    assert_eq!(texts(&on["backup_codes"]).len(), 10);
    let _ = user.delete(&path(&id)).await.response();
    let me = user.get("/v1/me").await.response().clone();
    assert_eq!(
        (&me["two_factor_enabled"], &me["primary_phone_number_id"]),
        (&json!(false), &Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn updated_at_grows_with_every_change_and_with_nothing_else() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let ids = with_numbers(&app, &user, 2).await;
    let mut last = 0;
    for form in [RESERVE, UNRESERVE, RESERVE] {
        let _ = user.patch(&path(&ids[1]), &form).await.response();
        let updated_at = user.get("/v1/me").await.response()["updated_at"].as_i64().unwrap();
        assert!(updated_at > last, "the clock stands still, and so did updated_at");
        last = updated_at;
    }
    assert_eq!(user.get("/v1/me").await.response()["updated_at"].as_i64(), Some(last));
}
