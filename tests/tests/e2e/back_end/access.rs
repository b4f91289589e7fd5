//! Who may call the API by secret key, and what every operation of it has in common.

use std::collections::BTreeMap;
use std::time::Duration;

use phoneproof_tests::{Browser, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

use super::{id, made};

/// An operation by secret key, as the OpenAPI document has it.
struct Operation {
    method: Method,
    /// With `{id}` for an identifier.
    path: String,
    required: Vec<String>,
}

impl Operation {
    fn all() -> Vec<Self> {
        let document = phoneproof::openapi::document();
        let paths = document["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, methods)| {
            let methods = methods.as_object().into_iter().flatten();
            methods.map(move |(method, described)| (path, method, described))
        });
        let by_secret_key =
            operations.filter(|(_, _, described)| described["security"] == json!([{ "secretKey": [] }]));
        let all: Vec<Self> = by_secret_key
            .filter_map(|(path, method, described)| {
                Some(Self {
                    method: method.to_uppercase().parse().ok()?,
                    path: path.clone(),
                    required: required(described),
                })
            })
            .collect();
        assert!(all.len() >= 70, "the operations were not found");
        all
    }

    /// The path with the id of what it is about: of a user for `/v1/users/{id}`, and so on.
    fn path(&self, ids: &BTreeMap<&str, String>) -> String {
        let resource = self.path.split('/').nth(2).unwrap_or_default();
        let id = ids.get(resource).or_else(|| ids.get("")).map_or("x", String::as_str);
        self.path.replace("{id}", id)
    }
}

/// The parameters, in the query or in the body, without which the operation is refused.
fn required(described: &Value) -> Vec<String> {
    let query = described["parameters"].as_array().into_iter().flatten();
    let query = query.filter(|parameter| parameter["in"] == "query" && parameter["required"] == true);
    let body = &described["requestBody"]["content"]["application/json"]["schema"]["required"];
    let names = query
        .map(|parameter| &parameter["name"])
        .chain(body.as_array().into_iter().flatten());
    names.filter_map(|name| Some(name.as_str()?.to_owned())).collect()
}

/// One of everything that has an id, by the first segment of its path.
async fn one_of_each(app: &TestApp) -> BTreeMap<&'static str, String> {
    let back_end = app.back_end();
    let (number, blocked) = (app.number(), app.number());
    let user = made(&back_end, &json!({ "phone_number": [number] })).await;
    let phone_number = id(&user["phone_numbers"][0]);
    let post = async |path: &str, body: Value| back_end.json(Method::POST, path, &body).await.resource().clone();
    let session = post("/v1/sessions", json!({ "user_id": id(&user) })).await;
    let ticket = post("/v1/sign_in_tokens", json!({ "user_id": id(&user) })).await;
    let entry = post("/v1/blocklist_identifiers", json!({ "identifier": blocked })).await;
    let allowed = post("/v1/allowlist_identifiers", json!({ "identifier": blocked })).await;
    let sign_up = Browser::new(app)
        .post("/v1/client/sign_ups", &[("first_name", "Ada")])
        .await;
    post(
        &format!("/v1/phone_numbers/{phone_number}/prepare_verification"),
        json!({}),
    )
    .await;
    BTreeMap::from([
        ("users", id(&user)),
        ("phone_numbers", phone_number),
        ("sessions", id(&session)),
        ("clients", session["client_id"].as_str().unwrap_or_default().to_owned()),
        ("sign_in_tokens", id(&ticket)),
        ("blocklist_identifiers", id(&entry)),
        ("allowlist_identifiers", id(&allowed)),
        ("sign_ups", id(sign_up.response())),
        ("sms_messages", id(&app.text_to(&number).await)),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_secret_key_nothing_is_shown_or_changed() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let ids = one_of_each(&app).await;
    let user = back_end.get(&format!("/v1/users/{}", ids["users"])).await.json;
    let body = json!({
        "phone_number": app.number(), "user_id": id(&user), "first_name": "Eve", "verified": true, "public_metadata": { "a": 1 },
    });
    for operation in Operation::all() {
        let (method, path) = (&operation.method, operation.path(&ids));
        for (who, code) in [
            (app.nobody(), "clerk_key_invalid"),
            (app.user(&id(&user)), "clerk_key_invalid"),
            (app.bearer("sk_test_0123456789abcdeg"), "clerk_key_invalid"),
            (app.bearer("sk_test_0123456789abcdef0"), "clerk_key_invalid"),
            (app.bearer("SK_TEST_0123456789ABCDEF"), "clerk_key_invalid"),
        ] {
            who.json(method.clone(), &path, &body).await.is_error(401, code);
        }
        for malformed in [
            "sk_test_0123456789abcdef",
            "Basic c2tfdGVzdDo=",
            "Bearer ",
            "Bearer",
            "",
        ] {
            let nobody = app.nobody();
            let request = nobody.request(method.clone(), &path).header("authorization", malformed);
            nobody
                .send(request.json(&body))
                .await
                .is_error(401, "authorization_header_format_invalid");
        }
    }
    assert_eq!(back_end.get("/v1/users").await.resource(), &json!([user]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_key_is_nobodys_token() {
    let app = TestApp::spawn().await;
    let answer = app.back_end().get("/v1/me").await;
    answer.is_error(401, "authentication_invalid");
    assert_eq!(app.back_end().get("/v1/users").await.resource(), &json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_body_is_fine_where_nothing_is_required() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    for operation in Operation::all() {
        let (method, path) = (&operation.method, operation.path(&one_of_each(&app).await));
        // Until another code may be sent to the number.
        app.clock.advance(Duration::from_secs(30));
        let request = back_end.request(method.clone(), &path);
        let request = request
            .header("content-type", "application/json")
            .header("clerk-api-version", "2026-05-12");
        let answer = back_end.send(request).await;
        match (method.as_str(), operation.path.as_str()) {
            ("POST", "/v1/users") => _ = answer.is_error(422, "form_data_missing"),
            (_, "/v1/users/{id}/password/set_compromised" | "/v1/users/{id}/password/unset_compromised") => {
                _ = answer.is_error(400, "no_password_set");
            }
            (_, "/v1/sessions/{id}/refresh") => _ = answer.is_error(401, "refresh_token_not_found"),
            (_, "/v1/invitations/bulk") => _ = answer.is_error(400, "invitations_not_supported"),
            ("PATCH", "/v1/instance") => {
                assert_eq!((answer.status, answer.text.as_str()), (204, ""));
                continue;
            }
            _ if operation.required.is_empty() => _ = answer.resource(),
            _ => _ = answer.is_error(422, "form_param_missing"),
        }
        assert_eq!(
            answer.header("content-type"),
            Some("application/json"),
            "{method} {path}"
        );
        assert!(answer.json.get("client").is_none(), "an envelope: {method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_is_not_found_by_any_operation() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let fresh = app.number();
    let body = json!({
        "phone_number": fresh, "user_id": "user_nobody", "verification_id": "x", "code": "424242", "password": "correct horse battery",
    });
    for (user, number) in [
        ("user_nobody", "idn_000000000000000000000000000"),
        ("%20", "x"),
        ("%00", "idn_"),
        ("%ff", "%ff"),
        ("auth0%7Cnobody", "..%2fusers"),
    ] {
        let ids = BTreeMap::from([("users", user.to_owned()), ("", number.to_owned())]);
        for operation in Operation::all() {
            if operation.path.contains("{id}") || operation.required.iter().any(|name| name == "user_id") {
                let answer = back_end
                    .json(operation.method.clone(), &operation.path(&ids), &body)
                    .await;
                answer.is_error(404, "resource_not_found");
            }
        }
    }
    assert_eq!(back_end.get("/v1/users/count").await.resource()["total_count"], 0);
}
