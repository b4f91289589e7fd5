use std::collections::BTreeMap;
use std::sync::Mutex;

use reqwest::Method;
use reqwest::header::{COOKIE, ORIGIN, SET_COOKIE};
use serde_json::Value;

use crate::{Actor, Answer, Program, TestApp};

/// A page in a browser: it keeps cookies, says which origin it is of, and calls as clerk-js does.
pub struct Browser {
    actor: Actor,
    origin: String,
    cookies: Mutex<BTreeMap<String, String>>,
}

#[expect(clippy::unwrap_used, reason = "a poisoned lock has failed the test already")]
impl Browser {
    /// A new browser that shows a page of the server's own origin.
    #[must_use]
    pub fn new(app: &TestApp) -> Self {
        Self {
            actor: app.nobody(),
            origin: app.url.clone(),
            cookies: Mutex::default(),
        }
    }

    /// A new browser that shows a page of a process.
    #[must_use]
    pub fn of(process: &Program) -> Self {
        Self {
            actor: process.actor(None),
            origin: process.url.clone(),
            cookies: Mutex::default(),
        }
    }

    /// The same browser, which meets another process of the instance.
    #[must_use]
    pub fn at(&self, process: &Program) -> Self {
        Self {
            actor: process.actor(None),
            origin: process.url.clone(),
            cookies: Mutex::new(self.cookies.lock().unwrap().clone()),
        }
    }

    /// The same browser, which meets another app of the instance.
    #[must_use]
    pub fn on(&self, app: &TestApp) -> Self {
        Self {
            actor: app.nobody(),
            origin: app.url.clone(),
            cookies: Mutex::new(self.cookies.lock().unwrap().clone()),
        }
    }

    /// The value of a cookie.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    /// Sets a cookie, as a script or an attacker would.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    /// A request with the page's origin and the browser's cookies.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let cookies = self.cookies.lock().unwrap();
        let header: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.actor.request(method.clone(), path);
        // Same-origin GETs carry none.
        let request = if method == Method::GET {
            request
        } else {
            request.header(ORIGIN, &self.origin)
        };
        if header.is_empty() {
            request
        } else {
            request.header(COOKIE, header.join("; "))
        }
    }

    /// Sends a request and keeps the cookies of the answer.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = self.actor.send(request).await;
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let text = cookie.to_str().unwrap();
            let (pair, attributes) = text.split_once(';').unwrap_or((text, ""));
            let (name, value) = pair.split_once('=').unwrap();
            let mut cookies = self.cookies.lock().unwrap();
            if attributes.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// `POST` of a form.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(self.request(Method::POST, path).form(form)).await
    }

    /// `PATCH`, by `POST …?_method=PATCH`.
    pub async fn patch(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.post(&format!("{path}?_method=PATCH"), form).await
    }

    /// `DELETE`, by `POST …?_method=DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.post(&format!("{path}?_method=DELETE"), &[]).await
    }

    /// Signs up with `number`; answers the sign-up, which is complete.
    pub async fn sign_up(&self, app: &TestApp, number: &str) -> Value {
        let form = [("phone_number", number), ("first_name", ""), ("last_name", "")];
        let sign_up = self.post("/v1/client/sign_ups", &form).await.response().clone();
        let path = format!("/v1/client/sign_ups/{}", text(&sign_up["id"]));
        let prepared = self
            .post(&format!("{path}/prepare_verification"), &[("strategy", "phone_code")])
            .await;
        assert_eq!(
            prepared.response()["verifications"]["phone_number"]["status"],
            "unverified"
        );
        let code = app.code(number).await;
        let form = [("strategy", "phone_code"), ("code", code.as_str())];
        let done = self.post(&format!("{path}/attempt_verification"), &form).await;
        assert_eq!(done.response()["status"], "complete", "{done:#?}");
        done.json.clone()
    }

    /// Begins to sign in with `number` and passes the first factor; answers the sign-in.
    pub async fn first_factor(&self, app: &TestApp, number: &str) -> Value {
        let sign_in = self.post("/v1/client/sign_ins", &[("identifier", number)]).await;
        let sign_in = sign_in.response().clone();
        let path = format!("/v1/client/sign_ins/{}", text(&sign_in["id"]));
        let factor = text(&sign_in["supported_first_factors"][0]["phone_number_id"]);
        let form = [("strategy", "phone_code"), ("phone_number_id", factor)];
        let _ = self
            .post(&format!("{path}/prepare_first_factor"), &form)
            .await
            .response();
        let code = app.code(number).await;
        let form = [("strategy", "phone_code"), ("code", code.as_str())];
        self.post(&format!("{path}/attempt_first_factor"), &form)
            .await
            .response()
            .clone()
    }

    /// Proves the strongest factor again, by a code to `number`, in the session last active.
    pub async fn reverify(&self, app: &TestApp, number: &str) {
        let client = self.get("/v1/client").await.response().clone();
        let path = format!("/v1/client/sessions/{}/verify", text(&client["last_active_session_id"]));
        let begun = self.post(&path, &[("level", "second_factor")]).await.response().clone();
        let (turn, factors) = match begun["status"].as_str() {
            Some("needs_first_factor") => ("first_factor", &begun["supported_first_factors"]),
            _ => ("second_factor", &begun["supported_second_factors"]),
        };
        let ending = &number[number.len() - 4..];
        let is_meant = |factor: &&Value| text(&factor["safe_identifier"]).ends_with(ending);
        let factor = factors.as_array().into_iter().flatten().find(is_meant).unwrap();
        let form = [
            ("strategy", "phone_code"),
            ("phone_number_id", text(&factor["phone_number_id"])),
        ];
        let _ = self.post(&format!("{path}/prepare_{turn}"), &form).await.response();
        let code = app.code(number).await;
        let form = [("strategy", "phone_code"), ("code", code.as_str())];
        let done = self.post(&format!("{path}/attempt_{turn}"), &form).await;
        assert_eq!(done.response()["status"], "complete", "{done:#?}");
    }

    /// Adds `number` to the user who is signed in, verifies it and makes it a second factor; answers
    /// its id and the backup codes.
    pub async fn add_second_factor(&self, app: &TestApp, number: &str) -> (String, Vec<String>) {
        let added = self.post("/v1/me/phone_numbers/", &[("phone_number", number)]).await;
        let path = format!("/v1/me/phone_numbers/{}", text(&added.response()["id"]));
        let prepare = format!("{path}/prepare_verification");
        let _ = self.post(&prepare, &[("strategy", "phone_code")]).await.response();
        let code = app.code(number).await;
        let attempt = format!("{path}/attempt_verification");
        let _ = self.post(&attempt, &[("code", &code)]).await.response();
        let reserved = self.patch(&path, &[("reserved_for_second_factor", "true")]).await;
        let codes = reserved.response()["backup_codes"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        (
            text(&reserved.response()["id"]).to_owned(),
            codes.iter().map(|code| text(code).to_owned()).collect(),
        )
    }
}

/// A text of an answer; empty if it is none.
#[must_use]
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
