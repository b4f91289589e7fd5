//! What must never be seen is nowhere: not in the log, the figures, the files, the errors.
//!
//! The program runs as in production but for its keys; the flow succeeds and fails in every way it
//! can. A code has six digits, so one might stand somewhere by chance: only a run of exactly
//! its digits counts, and what is random or a time is left out of what is searched.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;

use aws_lc_rs::digest::{SHA256, digest};
use phoneproof_tests::{Actor, Answer, Program, TestStore};
use reqwest::Method;
use serde_json::{Value, json};

const SECRET_KEY: &str = "sk_test_Zq81NotToBeSeenAnywhere77";
const INSTANCE_SECRET: &str = "instance-secret-that-nobody-shall-ever-see-4711";
/// Set by the flow, in places where a careless log would quote them.
const STRANGERS_KEY: &str = "sk_live_keyOfSomebodyElse4242xyz";
const STRANGERS_NUMBER: &str = "+12125552368";
const NUMBERS: &str = "/v1/me/phone_numbers";

/// Somebody who asks the program everything.
struct Visit {
    program: Program,
    user: Actor,
    known: Known,
}

/// What a visit knows that must not be seen elsewhere, and what it was answered.
struct Known {
    /// Right codes and wrong ones.
    codes: Vec<String>,
    /// Tokens, keys, backup codes: whoever has one can do something with it.
    secrets: Vec<String>,
    numbers: Vec<String>,
    answers: Vec<Answer>,
}

fn options(store: &TestStore, level: &str) -> BTreeMap<String, String> {
    let url = store.url();
    [
        ("PHONEPROOF__SERVER__LISTEN", "127.0.0.1:0"),
        ("PHONEPROOF__SERVER__WORKERS", "2"),
        ("PHONEPROOF__STORE__URL", &url),
        ("PHONEPROOF__KEYS__SECRET_KEY", SECRET_KEY),
        ("PHONEPROOF__INSTANCE__SECRET", INSTANCE_SECRET),
        ("PHONEPROOF__LOG__LEVEL", level),
        ("PHONEPROOF__LOG__FORMAT", "json"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

#[expect(clippy::unwrap_used, reason = "a program that gives no token has failed the test")]
fn token(options: &BTreeMap<String, String>, user: &str) -> String {
    let output = Program::run(&["dev", "token", "--user", user], options);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.len() > 100, "{text}");
    text.trim().to_owned()
}

impl Visit {
    /// Goes through everything.
    async fn pay(store: &TestStore, level: &str) -> Self {
        let mut visit = Self::start(store, level);
        let token = visit.known.secrets[0].clone();
        let ids = visit.numbers_are_verified().await;
        visit.a_number_is_tried_too_often().await;
        visit.one_code_is_left_open().await;
        visit.the_second_factor_is_turned_on(&ids).await;
        visit.strangers_knock(&token).await;
        visit.input_is_malformed(&ids[0]).await;
        visit.the_back_end_calls(&ids[0]).await;
        visit.nobody_speaks_http(&token);
        visit
    }

    fn start(store: &TestStore, level: &str) -> Self {
        let options = options(store, level);
        let program = Program::serve(&options);
        let token = token(&options, "user_ada");
        let user = program.actor(Some(&token));
        let mut visit = Self {
            program,
            user,
            known: Known {
                codes: Vec::new(),
                secrets: [&token, SECRET_KEY, INSTANCE_SECRET, STRANGERS_KEY]
                    .map(str::to_owned)
                    .into(),
                numbers: vec![STRANGERS_NUMBER.to_owned()],
                answers: Vec::new(),
            },
        };
        // A part of a token is as good as the whole to whoever guesses the rest.
        visit.known.secrets.extend(token.split('.').skip(1).map(str::to_owned));
        visit
    }

    async fn ask(&mut self, who: &Actor, request: reqwest::RequestBuilder) -> Answer {
        let answer = who.send(request).await;
        self.known.answers.push(answer.clone());
        answer
    }

    async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let user = self.user.clone();
        let request = user.request(Method::POST, path).form(form);
        self.ask(&user, request).await
    }

    /// Adds a new number and has a code sent; answers the path of the number and the code.
    async fn prepared(&mut self) -> (String, String) {
        let number = format!("+1415201{:04}", self.known.numbers.len());
        let added = self.post(NUMBERS, &[("phone_number", &number)]).await;
        let path = format!("{NUMBERS}/{}", added.response()["id"].as_str().unwrap_or_default());
        let prepare = format!("{path}/prepare_verification");
        let _ = self.post(&prepare, &[("strategy", "phone_code")]).await.response();
        // Too soon.
        let _ = self
            .post(&prepare, &[])
            .await
            .is_error(429, "verification_code_too_many_requests");
        let code = self.code(&number).await;
        self.known.numbers.push(number);
        self.known.codes.push(code.clone());
        (path, code)
    }

    #[expect(clippy::expect_used, reason = "a test that expects a text has failed without one")]
    async fn code(&mut self, number: &str) -> String {
        let inbox = format!("/dev/inbox?to={}", number.replace('+', "%2B"));
        let nobody = self.program.actor(None);
        let request = nobody.request(Method::GET, &inbox);
        let answer = self.ask(&nobody, request).await;
        answer.json["messages"][0]["code"].as_str().expect("no SMS").to_owned()
    }

    /// The next code but so many.
    #[expect(clippy::unwrap_used, reason = "a code that is no number has failed the test")]
    fn wrong(&mut self, code: &str, by: u32) -> String {
        let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + by) % 1_000_000);
        self.known.codes.push(wrong.clone());
        wrong
    }

    async fn numbers_are_verified(&mut self) -> Vec<String> {
        let mut paths = Vec::new();
        for _ in 0..3 {
            let (path, code) = self.prepared().await;
            let attempt = format!("{path}/attempt_verification");
            let wrong = self.wrong(&code, 1);
            let _ = self
                .post(&attempt, &[("code", &wrong)])
                .await
                .is_error(422, "form_code_incorrect");
            let _ = self.post(&attempt, &[("code", &code)]).await.response();
            let again = self.post(&attempt, &[("code", &code)]).await;
            assert_eq!(again.status, 400, "{again:#?}");
            paths.push(path);
        }
        paths
    }

    async fn a_number_is_tried_too_often(&mut self) {
        let (path, code) = self.prepared().await;
        for by in 1..=6 {
            let wrong = self.wrong(&code, by);
            let refused = self
                .post(&format!("{path}/attempt_verification"), &[("code", &wrong)])
                .await;
            assert!(refused.status >= 400, "{refused:#?}");
        }
    }

    /// Its hash is in the file when the others' are gone.
    async fn one_code_is_left_open(&mut self) {
        let _ = self.prepared().await;
    }

    async fn the_second_factor_is_turned_on(&mut self, ids: &[String]) {
        for id in &ids[1..] {
            let patch = format!("{id}?_method=PATCH");
            let on = self.post(&patch, &[("reserved_for_second_factor", "true")]).await;
            self.keep_backup_codes(&on.response()["backup_codes"]);
        }
        let renewed = self.post("/v1/me/backup_codes", &[]).await;
        self.keep_backup_codes(&renewed.response()["codes"]);
        assert_eq!(
            self.known.secrets.iter().filter(|secret| secret.len() == 10).count(),
            20
        );
        let sign_in = format!("{}?_method=DELETE", ids[0]);
        let _ = self
            .post(&sign_in, &[])
            .await
            .is_error(400, "identification_deletion_failed");
    }

    fn keep_backup_codes(&mut self, codes: &Value) {
        let codes = codes.as_array().cloned().unwrap_or_default();
        self.known
            .secrets
            .extend(codes.iter().filter_map(|code| code.as_str().map(str::to_owned)));
    }

    async fn strangers_knock(&mut self, token: &str) {
        let tampered = format!("{token}x");
        let [header, claims, signature]: [&str; 3] = parts(token);
        let swapped = format!("{header}.{signature}.{claims}");
        let number = format!("{header}.{}.{signature}", base64url(&unsigned_claims()));
        for bearer in [STRANGERS_KEY, &tampered, &swapped, &number, STRANGERS_NUMBER, "a.b.c"] {
            let stranger = self.program.actor(Some(bearer));
            for path in ["/v1/me", "/v1/users"] {
                let request = stranger.request(Method::GET, path);
                let _ = self.ask(&stranger, request).await;
            }
        }
        for header in [STRANGERS_KEY.to_owned(), format!("Basic {STRANGERS_KEY}")] {
            let nobody = self.program.actor(None);
            let request = nobody.request(Method::GET, "/v1/me").header("authorization", header);
            let _ = self.ask(&nobody, request).await;
        }
    }

    async fn input_is_malformed(&mut self, path: &str) {
        let number = STRANGERS_NUMBER.replace('+', "%2B");
        for path in [
            format!("/v1/sms/{number}?phone_number={number}&key={STRANGERS_KEY}"),
            format!("/{STRANGERS_KEY}/{STRANGERS_NUMBER}"),
            format!("{NUMBERS}/{number}?to={STRANGERS_NUMBER}"),
            format!("/v1/me?token={STRANGERS_KEY}&%ff={number}"),
            format!("/dev/inbox?to={number}&to={number}"),
        ] {
            let user = self.user.clone();
            for method in [Method::GET, Method::POST] {
                let request = user.request(method, &path);
                let _ = self.ask(&user, request).await;
            }
        }
        let attempt = format!("{path}/attempt_verification");
        for (content_type, body) in [
            (
                "application/json",
                format!("{{\"phone_number\":\"{STRANGERS_NUMBER}\",\"code\":\"{STRANGERS_KEY}\""),
            ),
            ("application/json", format!("[\"{STRANGERS_NUMBER}\"]")),
            (
                "application/json",
                json!({ "phone_number": [STRANGERS_NUMBER], "code": 1 }).to_string(),
            ),
            (
                "application/x-www-form-urlencoded",
                format!("phone_number=%ff{number}&code=%ff{STRANGERS_KEY}"),
            ),
            (
                "application/x-www-form-urlencoded",
                format!("phone_number={number};ext=1&code={STRANGERS_KEY}"),
            ),
            ("text/plain", STRANGERS_NUMBER.to_owned()),
        ] {
            let user = self.user.clone();
            for path in [NUMBERS, &attempt] {
                let request = user.request(Method::POST, path).header("content-type", content_type);
                let refused = self.ask(&user, request.body(body.clone())).await;
                assert!(refused.status >= 400, "{refused:#?}");
            }
        }
    }

    async fn the_back_end_calls(&mut self, path: &str) {
        let back_end = self.program.actor(Some(SECRET_KEY));
        let id = path.rsplit('/').next().unwrap_or_default();
        let issued = ["k7m2p9q4rt", "x3v8b5n6wz"].map(str::to_owned);
        let taken = self.known.numbers.last().cloned().unwrap_or_default();
        for (method, path, body) in [
            (
                Method::GET,
                "/v1/users?phone_number=%2B12125552368&query=2125552368".to_owned(),
                Value::Null,
            ),
            (Method::GET, format!("/v1/phone_numbers/{id}"), Value::Null),
            (
                Method::POST,
                "/v1/users".to_owned(),
                json!({ "phone_number": ["+14152019000"], "backup_codes": issued }),
            ),
            (
                Method::POST,
                "/v1/users".to_owned(),
                json!({ "phone_number": [taken], "password": STRANGERS_KEY }),
            ),
            (
                Method::POST,
                "/v1/users".to_owned(),
                json!({ "phone_number": [self.known.numbers[1]] }),
            ),
            (Method::POST, "/v1/users/user_ada/lock".to_owned(), Value::Null),
            (Method::GET, format!("/v1/users/{STRANGERS_NUMBER}"), Value::Null),
        ] {
            let request = back_end.request(method, &path).json(&body);
            let _ = self.ask(&back_end, request).await;
        }
        self.known.numbers.push("+14152019000".to_owned());
        self.known.secrets.extend(issued);
    }

    /// What actix answers by itself, before any handler of ours.
    #[expect(clippy::unwrap_used, reason = "a server that does not answer has failed the test")]
    fn nobody_speaks_http(&self, token: &str) {
        let address = self.program.url.trim_start_matches("http://");
        for head in [
            format!("GET /{STRANGERS_NUMBER} {STRANGERS_KEY}\r\n\r\n"),
            format!("GET /v1/me HTTP/1.1\r\nAuthorization Bearer {token}\r\n\r\n"),
            format!("POST /v1/me HTTP/1.1\r\nContent-Length: {STRANGERS_NUMBER}\r\nX-Key: {STRANGERS_KEY}\r\n\r\n"),
        ] {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            let mut answer = String::new();
            let _ = stream.read_to_string(&mut answer);
            assert!(answer.starts_with("HTTP/1.1 400"), "{head}\n{answer}");
            assert!(!answer.contains(STRANGERS_KEY) && !answer.contains(token), "{answer}");
        }
    }

    async fn metrics(&mut self) -> String {
        let nobody = self.program.actor(None);
        let request = nobody.request(Method::GET, "/metrics");
        self.ask(&nobody, request).await.text
    }
}

impl Known {
    /// Fails if `text` holds anything that must not be seen.
    #[track_caller]
    fn sees_nothing(&self, place: &str, text: &[u8]) {
        for secret in &self.secrets {
            assert!(!holds(text, secret.as_bytes()), "{place} holds the secret {secret}");
        }
        for code in &self.codes {
            assert!(!holds_number(text, code), "{place} holds the code {code}");
        }
    }

    /// Fails if `text` holds a whole number, however it is spelled.
    #[track_caller]
    fn sees_no_number(&self, place: &str, text: &str) {
        let squeezed: String = text.chars().filter(|char| !" -().".contains(*char)).collect();
        for number in &self.numbers {
            let national = &number[2..];
            assert!(!squeezed.contains(national), "{place} holds the number {number}");
        }
    }
}

fn parts(token: &str) -> [&str; 3] {
    let mut parts = token.split('.');
    [(); 3].map(|()| parts.next().unwrap_or_default())
}

/// Claims whose every field would be quoted by a careless parser.
fn unsigned_claims() -> String {
    let claims = json!({ "iss": "phoneproof-development", "aud": "phoneproof", "sub": STRANGERS_NUMBER,
        "exp": STRANGERS_NUMBER, "iat": STRANGERS_KEY, "phone_number": STRANGERS_NUMBER });
    claims.to_string()
}

fn base64url(text: &str) -> String {
    use base64::Engine;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(text)
}

fn holds(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

/// Whether a run of digits in `text` is exactly `code`: not a part of a longer number.
fn holds_number(text: &[u8], code: &str) -> bool {
    text.split(|byte| !byte.is_ascii_digit())
        .any(|run| run == code.as_bytes())
}

/// A line of the log without the time, the duration and the random id: none can be told from a code.
#[expect(clippy::unwrap_used, reason = "a line that is no JSON has failed the test")]
fn searchable(line: &str) -> String {
    let mut line: Value = serde_json::from_str(line).unwrap();
    let fields = line.as_object_mut().unwrap();
    for field in ["timestamp", "duration_us", "span", "spans"] {
        fields.remove(field);
    }
    // The time in a migration's name looks like a code as well.
    line.to_string().replace("-000000_", "")
}

/// Ends the program in good order; answers its log line by line.
fn log(program: Program) -> Vec<String> {
    program.signal("TERM");
    let (code, _, logged) = program.ended();
    assert_eq!(code, Some(0), "{logged}");
    logged.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_most_talkative_log_holds_no_code_token_key_or_number() {
    let store = TestStore::create();
    let Visit { program, known, .. } = Visit::pay(&store, "trace").await;
    let lines = log(program);
    // More than our own line for each request: the libraries talk as well.
    assert!(lines.len() > 2 * known.answers.len(), "{lines:#?}");
    for line in lines.iter().map(|line| searchable(line)) {
        known.sees_nothing(&line, line.as_bytes());
        known.sees_no_number(&line, &line);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_has_one_log_line_under_the_id_in_its_answer() {
    let store = TestStore::create();
    let Visit { program, known, .. } = Visit::pay(&store, "info").await;
    let mut logged = BTreeMap::new();
    for line in log(program) {
        let line: Value = serde_json::from_str(&line).unwrap();
        if let Some(id) = line["span"]["trace_id"].as_str() {
            let before = logged.insert(id.to_owned(), line.clone());
            assert_eq!(before, None, "a second line under {id}: {line}");
        }
    }
    assert!(known.answers.len() > 60);
    let ids: BTreeSet<&str> = known
        .answers
        .iter()
        .filter_map(|answer| answer.header("x-request-id"))
        .collect();
    assert_eq!(
        ids.len(),
        known.answers.len(),
        "an answer without an id, or two with the same"
    );
    assert_eq!(logged.len(), known.answers.len());
    for answer in &known.answers {
        let id = answer.header("x-request-id").unwrap();
        let line = &logged[id];
        assert_eq!(line["http.status"], json!(answer.status), "{line}");
        if answer.status >= 400 {
            assert_eq!(answer.json["clerk_trace_id"], json!(id));
            assert_eq!(line["error.code"], answer.json["errors"][0]["code"], "{line}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_figures_and_errors_hold_nothing_that_opens_an_account() {
    let store = TestStore::create();
    let mut visit = Visit::pay(&store, "error").await;
    let metrics = visit.metrics().await;
    let running = store.bytes();
    let Visit { program, known, .. } = visit;
    // A figure may be any number; a label may not.
    let labels: Vec<&str> = metrics
        .lines()
        .filter_map(|line| Some(line.rsplit_once(' ')?.0))
        .collect();
    assert!(labels.len() > 50, "{metrics}");
    known.sees_nothing("/metrics", labels.join("\n").as_bytes());
    known.sees_no_number("/metrics", &metrics);

    let errors: Vec<&Answer> = known.answers.iter().filter(|answer| answer.status >= 400).collect();
    assert!(errors.len() > 50, "{}", errors.len());
    for error in errors {
        let text = error.text.replace(error.header("x-request-id").unwrap(), "");
        known.sees_nothing("an error", text.as_bytes());
        known.sees_no_number("an error", &text);
        assert!(
            error
                .headers
                .values()
                .all(|value| !value.as_bytes().starts_with(b"Bearer"))
        );
    }

    let names: Vec<&str> = running.keys().map(String::as_str).collect();
    if TestStore::is_postgres() {
        assert!(
            names.contains(&"phone_numbers") && names.contains(&"sms_messages"),
            "{names:?}"
        );
    } else {
        assert_eq!(names, ["phoneproof.db", "phoneproof.db-shm", "phoneproof.db-wal"]);
    }
    drop(log(program));
    for (name, bytes) in running.into_iter().chain(store.bytes()) {
        known.sees_nothing(&name, &bytes);
        for code in &known.codes {
            let hash = digest(&SHA256, code.as_bytes());
            assert!(!holds(&bytes, hash.as_ref()), "{name} holds an unkeyed hash of {code}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_code_is_worth_nothing_without_the_instance_secret() {
    let store = TestStore::create();
    let mut visit = Visit::start(&store, "error");
    let (path, code) = visit.prepared().await;
    drop(log(visit.program));

    let attempt = format!("{path}/attempt_verification");
    let mut other = options(&store, "error");
    other.insert(
        "PHONEPROOF__INSTANCE__SECRET".to_owned(),
        INSTANCE_SECRET.to_uppercase(),
    );
    let program = Program::serve(&other);
    let user = program.actor(Some(&token(&other, "user_ada")));
    let refused = user.post(&attempt, &[("code", &code)]).await;
    refused.is_error(422, "form_code_incorrect");
    drop(log(program));

    let options = options(&store, "error");
    let program = Program::serve(&options);
    let user = program.actor(Some(&token(&options, "user_ada")));
    let verified = user.post(&attempt, &[("code", &code)]).await;
    assert_eq!(verified.response()["verification"]["status"], "verified");
}
