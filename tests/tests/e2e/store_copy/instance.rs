//! An instance with something of everything, made over HTTP.

use phoneproof_tests::{Actor, Answer, Browser, Program, text};
use reqwest::Method;
use serde_json::{Value, json};

use super::SECRET_KEY;

/// The code of every test number.
const CODE: &str = "424242";
const PASSWORD: &str = "correct horse battery";

/// What its people have in their hands.
pub(crate) struct Instance {
    /// Signed in, as the user with everything.
    pub(crate) browser: Browser,
    /// That user's number to sign in with.
    pub(crate) number: String,
    /// That user's backup codes.
    pub(crate) backup_codes: Vec<String>,
    /// A user who is banned.
    pub(crate) banned: String,
    /// Tickets for a user who never signed in.
    pub(crate) tickets: Vec<String>,
    /// Half way through a sign-up: who, and where it goes on.
    pub(crate) signing_up: (Browser, String),
}

async fn began(browser: &Browser, form: &[(&str, &str)]) -> String {
    let sign_up = browser.post("/v1/client/sign_ups", form).await;
    let path = format!("/v1/client/sign_ups/{}", text(&sign_up.response()["id"]));
    let prepare = format!("{path}/prepare_verification");
    let _ = browser.post(&prepare, &[("strategy", "phone_code")]).await.response();
    path
}

/// Proves the number of a sign-up.
pub(crate) async fn completed(browser: &Browser, path: &str) -> Value {
    let form = [("strategy", "phone_code"), ("code", CODE)];
    let done = browser.post(&format!("{path}/attempt_verification"), &form).await;
    assert_eq!(done.response()["status"], "complete", "{done:#?}");
    done.response().clone()
}

/// Signs in with the password and then `code` by `strategy`; answers the last answer.
pub(crate) async fn signed_in(browser: &Browser, number: &str, strategy: &str, code: &str) -> Answer {
    let form = [("identifier", number), ("password", PASSWORD)];
    let half = browser.post("/v1/client/sign_ins", &form).await.response().clone();
    assert_eq!(half["status"], "needs_second_factor", "{half:#}");
    let path = format!("/v1/client/sign_ins/{}", text(&half["id"]));
    if strategy == "phone_code" {
        let prepare = format!("{path}/prepare_second_factor");
        let _ = browser.post(&prepare, &[("strategy", strategy)]).await.response();
    }
    let form = [("strategy", strategy), ("code", code)];
    browser.post(&format!("{path}/attempt_second_factor"), &form).await
}

/// Signs in with the code that is texted to the default second factor.
pub(crate) async fn signed_in_by_text(browser: &Browser, number: &str) -> Answer {
    signed_in(browser, number, "phone_code", CODE).await
}

async fn posted(back_end: &Actor, path: &str, body: &Value) -> Value {
    back_end.json(Method::POST, path, body).await.resource().clone()
}

impl Instance {
    pub(crate) async fn fill(server: &Program) -> Self {
        let back_end = server.actor(Some(SECRET_KEY));
        let (browser, number) = (Browser::of(server), "+12125550101".to_owned());
        let form = [("phone_number", number.as_str()), ("password", PASSWORD)];
        let path = began(&browser, &form).await;
        let user = text(&completed(&browser, &path).await["created_user_id"]).to_owned();
        let backup_codes = second_factor(&browser, "+12125550102").await;
        let _ = browser
            .post("/v1/me/phone_numbers", &[("phone_number", "+12125550103")])
            .await;
        let metadata = json!({
            "public_metadata": { "plan": "pro", "a\tb\\N": [null, 1.5, true, "\u{1f980} \"quoted\"\n"] },
            "private_metadata": { "note": "\\x00 \r\n'" },
        });
        let path = format!("/v1/users/{user}/metadata");
        let _ = back_end.json(Method::PATCH, &path, &metadata).await.resource();

        // A second session of the same user, and one that has ended.
        let other = Browser::of(server);
        let _ = signed_in(&other, &number, "backup_code", &backup_codes[9])
            .await
            .response();
        let _ = other.delete("/v1/client/sessions").await;

        let banned = json!({ "phone_number": ["+13105550101"], "first_name": "Eve", "external_id": "auth0|1/2" });
        let banned = text(&posted(&back_end, "/v1/users", &banned).await["id"]).to_owned();
        let _ = posted(&back_end, &format!("/v1/users/{banned}/ban"), &json!({})).await;
        let waiting = json!({ "phone_number": ["+13105550102"], "username": "waits-for-a-ticket" });
        let waiting = posted(&back_end, "/v1/users", &waiting).await;
        let mut tickets = Vec::new();
        for _ in 0..2 {
            let ticket = posted(&back_end, "/v1/sign_in_tokens", &json!({ "user_id": waiting["id"] })).await;
            tickets.push(text(&ticket["token"]).to_owned());
        }
        let blocked = json!({ "identifier": "+13105550103" });
        for list in ["/v1/blocklist_identifiers", "/v1/allowlist_identifiers"] {
            let _ = posted(&back_end, list, &blocked).await;
        }
        let countries = json!({ "blocked_country_codes": ["GB"] });
        let path = "/v1/instance/communication";
        let _ = back_end.json(Method::PATCH, path, &countries).await.resource();
        // A text that is really sent, for test numbers get none.
        let _ = began(&Browser::of(server), &[("phone_number", "+14152000001")]).await;

        let halfway = Browser::of(server);
        let path = began(&halfway, &[("phone_number", "+14045550101")]).await;
        Self {
            browser,
            number,
            backup_codes,
            banned,
            tickets,
            signing_up: (halfway, path),
        }
    }

    /// What everybody is told of what there is, but for what every answer makes anew.
    pub(crate) async fn answers(&self, server: &Program) -> Value {
        let (back_end, nobody) = (server.actor(Some(SECRET_KEY)), server.actor(None));
        let mut answers = json!({});
        for path in [
            "/v1/users?limit=100",
            "/v1/users/count",
            "/v1/blocklist_identifiers",
            "/v1/allowlist_identifiers",
            "/v1/instance/communication",
            "/v1/clients?limit=100",
            "/v1/sms_messages?limit=100",
        ] {
            answers[path] = steady(back_end.get(path).await.resource().clone());
        }
        let browser = self.browser.at(server);
        for path in ["/v1/me", "/v1/me/phone_numbers", "/v1/client"] {
            let answer = browser.get(path).await;
            assert_eq!(answer.status, 200, "{answer:#?}");
            answers[format!("browser {path}")] = steady(answer.json);
        }
        answers["keys"] = nobody.get("/.well-known/jwks.json").await.json;
        answers
    }
}

/// Adds a verified number, and makes it a second factor; answers the backup codes.
async fn second_factor(browser: &Browser, number: &str) -> Vec<String> {
    let added = browser.post("/v1/me/phone_numbers", &[("phone_number", number)]).await;
    let path = format!("/v1/me/phone_numbers/{}", text(&added.response()["id"]));
    let prepare = format!("{path}/prepare_verification");
    let _ = browser.post(&prepare, &[("strategy", "phone_code")]).await.response();
    let attempt = format!("{path}/attempt_verification");
    let _ = browser.post(&attempt, &[("code", CODE)]).await.response();
    let reserved = browser.patch(&path, &[("reserved_for_second_factor", "true")]).await;
    let codes = reserved.response()["backup_codes"].as_array().cloned();
    codes
        .unwrap_or_default()
        .iter()
        .map(|code| text(code).to_owned())
        .collect()
}

/// Without the tokens that live a minute, and the time that the question itself sets.
fn steady(mut value: Value) -> Value {
    match &mut value {
        Value::Object(object) => {
            for passing in [
                "last_active_token",
                "last_active_at",
                "updated_at",
                "factor_verification_age",
            ] {
                object.remove(passing);
            }
            for (_, inner) in object.iter_mut() {
                *inner = steady(inner.take());
            }
        }
        Value::Array(list) => {
            for inner in list {
                *inner = steady(inner.take());
            }
        }
        _ => {}
    }
    value
}
