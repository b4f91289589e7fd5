//! The bodies on the wire, pinned: what SDKs out there read must not change unseen. After a change that is meant,
//! `INSTA_UPDATE=always cargo test -p phoneproof-tests --test e2e wire::` writes them anew, for the diff to be read.

use std::time::Duration;

use phoneproof_tests::{Browser, TestApp, text};
use reqwest::Method;
use serde_json::{Value, json};

/// Ids, tokens and ports differ from run to run; times do not, for the clock is set by hand.
fn stable(value: &Value) -> Value {
    const PREFIXES: [&str; 9] = [
        "idn_", "user_", "sess_", "client_", "sua_", "sia_", "sit_", "ver_", "blid_",
    ];
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let value = match name.as_str() {
                    "jwt" | "token" | "clerk_trace_id" | "n" | "kid" | "x" => json!(format!("[{name}]")),
                    "codes" | "backup_codes" if value.is_array() => {
                        json!(format!("[{} codes]", value.as_array().map_or(0, Vec::len)))
                    }
                    "id" if value.as_str().is_some_and(|id| id.len() > 30) => {
                        let id = value.as_str().unwrap_or_default();
                        json!(format!("{}…", &id[..=id.rfind('_').unwrap_or(0)]))
                    }
                    "url" if value.is_string() => json!("[url]"),
                    _ => stable(value),
                };
                (name.clone(), value)
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(stable).collect(),
        Value::String(text) => match PREFIXES.iter().find(|prefix| text.starts_with(**prefix)) {
            Some(prefix) => json!(format!("{prefix}…")),
            None => value.clone(),
        },
        _ => value.clone(),
    }
}

macro_rules! pin {
    ($name:literal, $value:expr) => {
        insta::assert_json_snapshot!($name, stable(&$value))
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn a_life_with_the_browser_api() {
    let app = TestApp::spawn().await;
    let browser = Browser::new(&app);
    pin!("environment", browser.get("/v1/environment").await.json);
    pin!("nobody", browser.get("/v1/client").await.json);
    let number = app.number();
    let sign_up = browser.post("/v1/client/sign_ups", &[("phone_number", &number)]).await;
    pin!("sign_up_begun", sign_up.json);
    let path = format!("/v1/client/sign_ups/{}", text(&sign_up.response()["id"]));
    let prepared = browser
        .post(&format!("{path}/prepare_verification"), &[("strategy", "phone_code")])
        .await;
    pin!("sign_up_prepared", prepared.json["response"]);
    let code = app.code(&number).await;
    let done = browser
        .post(
            &format!("{path}/attempt_verification"),
            &[("strategy", "phone_code"), ("code", &code)],
        )
        .await;
    pin!("sign_up_complete", done.json);
    let second = app.number();
    browser.add_second_factor(&app, &second).await;
    pin!("me", browser.get("/v1/me").await.json["response"]);
    pin!("my_sessions", browser.get("/v1/me/sessions/active").await.json);
    browser.reverify(&app, &second).await;
    let codes = browser.post("/v1/me/backup_codes", &[]).await;
    pin!("backup_codes", codes.json["response"]);
    let session = text(&done.json["client"]["sessions"][0]["id"]).to_owned();
    let begun = browser
        .post(
            &format!("/v1/client/sessions/{session}/verify"),
            &[("level", "multi_factor")],
        )
        .await;
    pin!("reverification", begun.json["response"]);
    pin!(
        "token",
        browser
            .post(&format!("/v1/client/sessions/{session}/tokens"), &[])
            .await
            .json
    );
    let _ = browser.delete("/v1/client/sessions").await;
    app.clock.advance(Duration::from_secs(60));
    let begun = browser.post("/v1/client/sign_ins", &[("identifier", &number)]).await;
    pin!("sign_in_begun", begun.json["response"]);
    let half = browser.first_factor(&app, &number).await;
    pin!("sign_in_second_factor", half);
    let refused = browser.post("/v1/client/sign_ins", &[("identifier", "+1415")]).await;
    pin!("error", refused.json);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_key_api() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let body = json!({
        "phone_number": [app.number(), app.number()],
        "phone_number_identification_status": ["verified", "reserved"],
        "password": "correct horse battery",
        "first_name": "Ada",
        "external_id": "crm-1",
        "private_metadata": { "plan": "pro" },
    });
    let user = back_end.json(Method::POST, "/v1/users", &body).await.json;
    pin!("back_end_user", user);
    pin!("user_count", back_end.get("/v1/users/count").await.json);
    let body = json!({ "user_id": user["id"] });
    let session = back_end.json(Method::POST, "/v1/sessions", &body).await.json;
    pin!("back_end_session", session);
    let client = back_end
        .get(&format!("/v1/clients/{}", text(&session["client_id"])))
        .await
        .json;
    pin!("back_end_client", client);
    let ticket = back_end.json(Method::POST, "/v1/sign_in_tokens", &body).await.json;
    pin!("sign_in_token", ticket);
    let number = text(&user["phone_numbers"][0]["id"]).to_owned();
    let path = format!("/v1/phone_numbers/{number}/prepare_verification");
    pin!(
        "back_end_verification",
        back_end.json(Method::POST, &path, &json!({})).await.json
    );
    pin!("jwks", back_end.get("/v1/jwks").await.json);
    let blocked = json!({ "identifier": app.number() });
    pin!(
        "blocklist_identifier",
        back_end
            .json(Method::POST, "/v1/blocklist_identifiers", &blocked)
            .await
            .json
    );
    let deleted = back_end
        .json(Method::DELETE, &format!("/v1/users/{}", text(&user["id"])), &json!({}))
        .await
        .json;
    pin!("deleted_user", deleted);
}
