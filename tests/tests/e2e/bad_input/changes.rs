//! Changes that make no sense: flags of a number, the profile.

use phoneproof_tests::TestApp;
use reqwest::Method;
use serde_json::{Value, json};

use super::{NUMBERS, Scene, both, form, json_text, scene, sent};

const PRIMARY: &str = "primary_phone_number_id";

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_is_true_or_false() {
    let app = TestApp::spawn().await;
    let Scene { user, verified, .. } = scene(&app).await;
    let path = format!("{NUMBERS}/{verified}");
    let update = format!("{path}?_method=PATCH");
    let before = user.get("/v1/me").await.response().clone();
    for name in ["reserved_for_second_factor", "default_second_factor"] {
        for value in ["maybe", "1", "0", "True", "on", "truefalse"] {
            for body in both(name, value) {
                let refused = sent(&user, &update, body).await;
                refused.is_error(422, "form_param_type_invalid").about(name);
            }
        }
        for body in [
            form(format!("{name}=true&{name}=false")),
            form(format!("{name}[]=true")),
            json_text(format!(r#"{{"{name}":1}}"#)),
            json_text(format!(r#"{{"{name}":[true]}}"#)),
        ] {
            let refused = sent(&user, &update, body).await;
            refused.is_error(422, "form_param_type_invalid").about(name);
        }
        // Empty and null mean "not given", and nothing given changes nothing.
        for body in [
            form(format!("{name}=")),
            json_text(format!(r#"{{"{name}":null}}"#)),
            form(""),
        ] {
            let _ = sent(&user, &update, body).await.response();
        }
    }
    assert_eq!(user.get("/v1/me").await.response(), &before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_takes_what_it_names_and_nothing_else() {
    let app = TestApp::spawn().await;
    let Scene {
        user, path, verified, ..
    } = scene(&app).await;
    let (anothers, _) = app.verified_number(&app.user("user_b")).await;
    let unverified = path.rsplit('/').next().unwrap().to_owned();
    let names = [("first_name", "Ada"), ("last_name", "Lovelace"), ("username", "ada_")];
    let before = user.patch("/v1/me", &names).await.response().clone();
    let _ = app
        .user("user_b")
        .patch("/v1/me", &[("username", "bob_")])
        .await
        .response();
    let long = "x".repeat(256);
    for (name, value, code) in [
        (PRIMARY, anothers.as_str(), "form_resource_not_found"),
        (PRIMARY, "idn_000000000000000000000000000", "form_resource_not_found"),
        (PRIMARY, "nonsense", "form_resource_not_found"),
        (PRIMARY, &unverified, "form_verification_needed"),
        ("unsafe_metadata", "{}", "form_param_deprecated"),
        ("username", "bob_", "form_identifier_exists"),
        ("username", "BOB_", "form_identifier_exists"),
        ("username", "a b", "form_param_format_invalid"),
        ("last_name", &long, "form_param_format_invalid"),
        ("last_name", "a\0b", "form_param_format_invalid"),
    ] {
        // The first name alone would be fine.
        let refused = user.patch("/v1/me", &[("first_name", "Eve"), (name, value)]).await;
        refused.is_error(422, code).about(name);
        let body = json!({ "first_name": "Eve", name: value });
        let refused = user.json(Method::PATCH, "/v1/me", &body).await;
        refused.is_error(422, code).about(name);
    }
    assert_eq!(user.get("/v1/me").await.response(), &before);

    // What is privileged elsewhere is nothing here.
    let privileged = json!({ "banned": true, "id": "user_b", "public_metadata": { "admin": true }, "external_id": "x", "created_at": 1 });
    assert_eq!(
        user.json(Method::PATCH, "/v1/me", &privileged).await.response(),
        &before
    );

    let cleared = user.patch("/v1/me", &[("first_name", "")]).await.response().clone();
    assert_eq!(
        (&cleared["first_name"], &cleared["last_name"]),
        (&Value::Null, &json!("Lovelace"))
    );
    let kept = json!({ "first_name": "Grace", "last_name": null, PRIMARY: verified });
    let kept = user.json(Method::PATCH, "/v1/me", &kept).await.response().clone();
    assert_eq!(
        (&kept["first_name"], &kept["last_name"]),
        (&json!("Grace"), &json!("Lovelace"))
    );
    assert_eq!(kept[PRIMARY], json!(verified));
    let cleared = user
        .json(Method::PATCH, "/v1/me", &json!({ "last_name": "", "username": "" }))
        .await;
    let cleared = cleared.response();
    assert_eq!(
        (&cleared["last_name"], &cleared["username"]),
        (&Value::Null, &Value::Null)
    );
}
