//! One user: made, shown, changed, kept out, deleted.

use phoneproof_tests::TestApp;
use reqwest::Method;
use serde_json::{Value, json};

use super::{NOW, id, made, user_path};

/// A user as the contract's 5.4 has it, with what the test made.
const COMPLETE: &str = r#"{
    "id": "", "object": "user", "username": "ada_l", "first_name": "Ada", "last_name": "Lovelace",
    "image_url": "", "profile_image_url": "", "has_image": false,
    "primary_email_address_id": null, "primary_phone_number_id": "", "primary_web3_wallet_id": null,
    "password_enabled": false, "two_factor_enabled": false, "totp_enabled": false, "backup_code_enabled": true,
    "email_addresses": [], "phone_numbers": [], "web3_wallets": [], "passkeys": [],
    "organization_memberships": [], "external_accounts": [], "saml_accounts": [], "enterprise_accounts": [],
    "password_last_updated_at": null, "public_metadata": {"plan": "pro"}, "private_metadata": {"crm": 7},
    "unsafe_metadata": {"theme": "dark"}, "external_id": "crm-7", "last_sign_in_at": null,
    "banned": false, "locked": false, "lockout_expires_in_seconds": null, "verification_attempts_remaining": 10,
    "created_at": 1500000000000, "updated_at": 1800000000000, "delete_self_enabled": false,
    "create_organization_enabled": false, "create_organizations_limit": null, "last_active_at": null,
    "mfa_enabled_at": null, "mfa_disabled_at": null, "legal_accepted_at": null, "locale": "en-GB"
}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_user_is_complete_and_private_metadata_stay_on_this_api() {
    let app = TestApp::spawn().await;
    let user = made(
        &app.back_end(),
        &json!({
            "first_name": "Ada", "last_name": "Lovelace", "username": "Ada_L", "external_id": "crm-7", "locale": "en-GB",
            "phone_number": ["+1 (415) 555-2671", "+44 20 7946 0958"],
            "phone_number_identification_status": ["verified", "reserved"],
            "public_metadata": {"plan": "pro"}, "private_metadata": {"crm": 7}, "unsafe_metadata": {"theme": "dark"},
            "backup_codes": ["abcde-01234"], "created_at": 1_500_000_000_000_i64, "delete_self_enabled": false,
        }),
    )
    .await;
    let (first, second) = (&user["phone_numbers"][0], &user["phone_numbers"][1]);
    let mut complete: Value = serde_json::from_str(COMPLETE).unwrap();
    complete["id"] = json!(id(&user));
    complete["primary_phone_number_id"] = json!(id(first));
    complete["phone_numbers"] = json!([
        {
            "id": id(first), "object": "phone_number", "phone_number": "+14155552671",
            "reserved_for_second_factor": false, "default_second_factor": false, "reserved": false,
            "verification": {
                "object": "verification_admin", "status": "verified", "strategy": "admin", "attempts": null, "expire_at": null
            },
            "linked_to": [], "backup_codes": null, "created_at": NOW, "updated_at": NOW,
        },
        {
            "id": id(second), "object": "phone_number", "phone_number": "+442079460958",
            "reserved_for_second_factor": false, "default_second_factor": false, "reserved": true,
            "verification": null, "linked_to": [], "backup_codes": null, "created_at": NOW + 1, "updated_at": NOW + 1,
        },
    ]);
    assert_eq!(user, complete);
    assert!(id(&user).starts_with("user_") && id(&user).len() == 32, "{}", id(&user));
    let shown = app.back_end().get(&user_path(&user)).await;
    assert_eq!(shown.resource(), &complete);
    assert_eq!(shown.header("content-type"), Some("application/json"));

    // The same user by token: the same, but for what belongs to the back end alone.
    complete.as_object_mut().unwrap().remove("private_metadata");
    complete["last_active_at"] = json!(NOW - 8 * 3_600_000);
    assert_eq!(app.user(&id(&user)).get("/v1/me").await.response(), &complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_day_of_a_user_who_moves_in_is_taken_as_javascript_writes_it() {
    let app = TestApp::spawn().await;
    let number = |at: usize| [format!("+1415555{at:04}")];
    for (at, (date, millis)) in [
        ("1969-12-31T23:59:59.999Z", -1_i64),
        ("2000-02-29T12:34:56.789Z", 951_827_696_789),
        ("2000-02-29T13:34:56+01:00", 951_827_696_000),
    ]
    .into_iter()
    .enumerate()
    {
        let user = made(
            &app.back_end(),
            &json!({ "phone_number": number(2600 + at), "created_at": date }),
        )
        .await;
        assert_eq!(user["created_at"], millis, "{date}");
    }
    for date in ["yesterday", "2027-01-15", "2027-02-29T00:00:00Z", "2027-01-15T08:00:00"] {
        let body = json!({ "phone_number": number(2699), "created_at": date });
        let refused = app.back_end().json(Method::POST, "/v1/users", &body).await;
        refused.is_error(422, "form_param_type_invalid").about("created_at");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_the_back_end_goes_on_by_token() {
    let app = TestApp::spawn().await;
    let number = app.number();
    let made = made(&app.back_end(), &json!({ "phone_number": [number] })).await;
    let user = app.user(&id(&made));
    let (second, _) = app.verified_number(&user).await;
    let reserve = [("reserved_for_second_factor", "true")];
    let on = user.patch(&format!("/v1/me/phone_numbers/{second}"), &reserve).await;
    assert_eq!(on.response()["default_second_factor"], true);
    let shown = app.back_end().get(&user_path(&made)).await.resource().clone();
    assert_eq!(
        (&shown["two_factor_enabled"], &shown["primary_phone_number_id"]),
        (&json!(true), &made["primary_phone_number_id"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_named_changes_and_the_rest_stays() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let whole = json!({
        "phone_number": [app.number(), app.number()], "first_name": "Ada", "last_name": "Byron", "external_id": "a",
        "username": "ada_", "locale": "en",
    });
    let user = made(&back_end, &whole).await;
    let path = user_path(&user);
    let second = id(&user["phone_numbers"][1]);
    for (sent, changed) in [
        (json!({ "last_name": "Lovelace" }), json!({ "last_name": "Lovelace" })),
        (
            json!({ "first_name": "", "external_id": "b" }),
            json!({ "first_name": null, "external_id": "b" }),
        ),
        (
            json!({ "username": "", "locale": "de-CH" }),
            json!({ "username": null, "locale": "de-CH" }),
        ),
        (
            json!({ "delete_self_enabled": false }),
            json!({ "delete_self_enabled": false }),
        ),
        (
            json!({ "primary_phone_number_id": second }),
            json!({ "primary_phone_number_id": second }),
        ),
        (
            json!({ "backup_codes": ["abcdefgh", "ijklmnop"] }),
            json!({ "backup_code_enabled": true }),
        ),
        // Null leaves everything as it is, and so do parameters that nobody knows.
        (
            json!({ "last_name": null, "delete_self_enabled": null, "primary_phone_number_id": null, "backup_codes": null }),
            json!({}),
        ),
        (
            json!({ "skip_password_checks": true, "notify_primary_email_address_changed": false }),
            json!({}),
        ),
        (json!({}), json!({})),
    ] {
        let mut expected = back_end.get(&path).await.resource().clone();
        for (name, value) in changed.as_object().unwrap() {
            expected[name] = value.clone();
        }
        let mut updated = back_end.json(Method::PATCH, &path, &sent).await.resource().clone();
        assert_eq!(back_end.get(&path).await.resource(), &updated, "{sent}");
        if changed != json!({}) {
            assert!(
                updated["updated_at"].as_i64() > expected["updated_at"].as_i64(),
                "{sent}"
            );
            updated["updated_at"] = expected["updated_at"].clone();
        }
        assert_eq!(updated, expected, "{sent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_are_merged_by_patch_and_replaced_by_put() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let start = json!({ "a": { "x": 1, "y": 2 }, "b": 1 });
    let whole = json!({ "phone_number": [app.number()], "public_metadata": start, "private_metadata": start, "unsafe_metadata": start });
    let user = made(&back_end, &whole).await;
    let path = format!("{}/metadata", user_path(&user));
    let metadata =
        |user: &Value| ["public_metadata", "private_metadata", "unsafe_metadata"].map(|name| user[name].clone());

    let merge = json!({ "public_metadata": { "a": { "y": null, "z": 3 }, "b": null }, "private_metadata": {}, "unsafe_metadata": null });
    let merged = back_end.json(Method::PATCH, &path, &merge).await.resource().clone();
    let after_merge = json!({ "a": { "x": 1, "z": 3 } });
    assert_eq!(metadata(&merged), [after_merge.clone(), start.clone(), start.clone()]);

    let put = json!({ "private_metadata": {}, "unsafe_metadata": { "n": null } });
    let replaced = back_end.json(Method::PUT, &path, &put).await.resource().clone();
    assert_eq!(metadata(&replaced), [after_merge, json!({}), json!({ "n": null })]);

    // One that is too large spoils the whole request.
    let large = json!({ "public_metadata": { "ok": 1 }, "unsafe_metadata": { "n": "x".repeat(8 * 1024) } });
    for method in [Method::PATCH, Method::PUT] {
        let refused = back_end.json(method, &path, &large).await;
        refused.is_error(422, "form_param_value_invalid");
    }
    let wrong = json!({ "public_metadata": [1] });
    let refused = back_end.json(Method::PATCH, &path, &wrong).await;
    refused
        .is_error(422, "form_param_type_invalid")
        .about("public_metadata");
    assert_eq!(back_end.get(&user_path(&user)).await.resource(), &replaced);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_user_is_gone_and_the_number_free_again() {
    let app = TestApp::spawn().await;
    let (back_end, number) = (app.back_end(), app.number());
    let user = made(&back_end, &json!({ "phone_number": [number] })).await;
    let deleted = back_end
        .send(
            back_end
                .request(Method::DELETE, &user_path(&user))
                .header("content-type", "application/json"),
        )
        .await;
    assert_eq!(
        deleted.resource(),
        &json!({ "object": "user", "id": id(&user), "deleted": true })
    );
    back_end
        .get(&user_path(&user))
        .await
        .is_error(404, "resource_not_found");
    let of_number = format!("/v1/phone_numbers/{}", id(&user["phone_numbers"][0]));
    back_end.get(&of_number).await.is_error(404, "resource_not_found");
    let heir = made(&back_end, &json!({ "phone_number": [number] })).await;
    assert_eq!(heir["phone_numbers"][0]["phone_number"], json!(number));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_made_in_the_future() {
    let app = TestApp::spawn().await;
    for (said, kept) in [
        (json!(NOW + 1), NOW),
        (json!(NOW - 1), NOW - 1),
        (json!("1500000000000"), 1_500_000_000_000),
        // As Clerk's SDK sends a date.
        (json!("2017-07-14T02:40:00.123Z"), 1_500_000_000_123),
        (json!("2027-01-15T08:00:00.001Z"), NOW),
        (Value::Null, NOW),
    ] {
        let user = made(
            &app.back_end(),
            &json!({ "phone_number": [app.number()], "created_at": said }),
        )
        .await;
        assert_eq!(user["created_at"], kept);
    }
}
