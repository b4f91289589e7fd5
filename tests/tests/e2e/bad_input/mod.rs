//! Everything that a client may get wrong: the contract's error, and nothing changed.

mod bodies;
mod changes;
mod numbers;
mod verification;

use phoneproof_tests::{Actor, Answer, TestApp};
use reqwest::Method;
use serde_json::json;

const NUMBERS: &str = "/v1/me/phone_numbers";

/// A user with one verified number and one whose code is out.
struct Scene {
    user: Actor,
    /// Path of the number whose code is out.
    path: String,
    code: String,
    verified: String,
}

async fn scene(app: &TestApp) -> Scene {
    let user = app.user("user_a");
    let (verified, _) = app.verified_number(&user).await;
    let number = app.number();
    let path = format!("{NUMBERS}/{}", app.added_number(&user, &number).await);
    let _ = user.post(&format!("{path}/prepare_verification"), &[]).await.response();
    let code = app.code(&number).await;
    Scene {
        user,
        path,
        code,
        verified,
    }
}

/// A body as it goes over the wire: its content type and its bytes.
struct Raw(&'static str, Vec<u8>);

fn form(text: impl Into<String>) -> Raw {
    Raw("application/x-www-form-urlencoded", text.into().into_bytes())
}

fn json_text(text: impl Into<String>) -> Raw {
    Raw("application/json", text.into().into_bytes())
}

/// The same parameter as a form and as JSON.
fn both(name: &str, value: &str) -> [Raw; 2] {
    let hex = value
        .bytes()
        .fold(String::new(), |text, byte| text + &format!("%{byte:02x}"));
    [
        form(format!("{name}={hex}")),
        json_text(json!({ name: value }).to_string()),
    ]
}

async fn sent(user: &Actor, path: &str, Raw(content_type, body): Raw) -> Answer {
    let request = user.request(Method::POST, path).header("content-type", content_type);
    user.send(request.body(body)).await
}
