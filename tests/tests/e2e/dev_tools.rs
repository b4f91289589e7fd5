//! The tools of development: the inbox and its live feed, tokens for the asking, the page, and who
//! may use them. In production none of it exists.

use std::collections::BTreeMap;
use std::time::Duration;

use phoneproof_tests::{Actor, Answer, Setup, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

/// Every path below `/dev`, with a method it takes.
const PATHS: [(&str, &str); 7] = [
    ("GET", "/dev"),
    ("GET", "/dev/"),
    ("GET", "/dev/page.css"),
    ("GET", "/dev/page.js"),
    ("GET", "/dev/inbox"),
    ("GET", "/dev/inbox/stream"),
    ("POST", "/dev/token"),
];
const NUMBERS: &str = "/v1/me/phone_numbers";
/// Longer than anything takes that works; a stream that stays silent fails here.
const PATIENCE: Duration = Duration::from_secs(20);

/// Has a code texted to a new number, and answers that number.
async fn texted(app: &TestApp, user: &Actor) -> String {
    let number = app.number();
    let id = app.added_number(user, &number).await;
    let _ = user
        .post(&format!("{NUMBERS}/{id}/prepare_verification"), &[])
        .await
        .response();
    number
}

async fn messages(app: &TestApp, query: &str) -> Vec<Value> {
    let answer = app.nobody().get(&format!("/dev/inbox{query}")).await;
    answer.resource()["messages"].as_array().cloned().unwrap_or_default()
}

fn receivers(messages: &[Value]) -> Vec<&str> {
    messages.iter().filter_map(|message| message["to"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inbox_shows_each_text_newest_last() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    assert_eq!(messages(&app, "").await, Vec::<Value>::new());
    let first = texted(&app, &user).await;
    app.clock.advance(Duration::from_millis(1));
    let second = texted(&app, &user).await;
    let shown = messages(&app, "").await;
    assert_eq!(receivers(&shown), [&first, &second]);
    for (message, at) in shown.iter().zip(1_800_000_000_000_i64..) {
        let code = message["code"].as_str().unwrap();
        assert!(
            code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()),
            "{message}"
        );
        assert!(message["body"].as_str().unwrap().starts_with(code), "{message}");
        assert_eq!(message["created_at"], json!(at));
        assert_eq!(message.as_object().map(serde_json::Map::len), Some(4), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inbox_is_filtered_by_number_with_or_without_an_encoded_plus() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let (first, second) = (texted(&app, &user).await, texted(&app, &user).await);
    for query in [
        format!("?to={}", first.replace('+', "%2B")),
        format!("?to={first}"),
        format!("?to={}", first.replace('+', "%20")),
        // What nobody asks for is no error, as everywhere.
        format!("?to={first}&limit=0&unknown={second}"),
    ] {
        assert_eq!(receivers(&messages(&app, &query).await), [&first], "{query}");
    }
    // No number is no filter.
    for query in ["?to=", "?unknown=1", "?"] {
        assert_eq!(receivers(&messages(&app, query).await), [&first, &second], "{query}");
    }
    // A part of a number, its national form or another number finds nothing.
    for query in [
        format!("?to={}", &first[..9]),
        format!("?to={}", &first[2..]),
        "?to=%2B14155559999".to_owned(),
        "?to=nonsense".to_owned(),
    ] {
        assert_eq!(messages(&app, &query).await, Vec::<Value>::new(), "{query}");
    }
    for query in [format!("?to={first}&to={second}"), format!("?to[]={first}")] {
        let refused = app.nobody().get(&format!("/dev/inbox{query}")).await;
        refused.is_error(422, "form_param_type_invalid").about("to");
    }
}

/// The live feed, read event by event.
struct Feed {
    response: reqwest::Response,
    unread: String,
}

impl Feed {
    #[expect(clippy::expect_used, reason = "a stream that does not open has failed the test")]
    async fn open(app: &TestApp) -> Self {
        let nobody = app.nobody();
        let request = nobody.request(Method::GET, "/dev/inbox/stream");
        let response = request.send().await.expect("no answer");
        let mut feed = Self {
            response,
            unread: String::new(),
        };
        assert_eq!(feed.next().await.as_deref(), Some(": open"));
        feed
    }

    /// The next event, without the blank line behind it; none at the end of the stream.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((event, rest)) = self.unread.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.unread = rest;
                return Some(event);
            }
            let chunk = self.chunk().await?;
            self.unread.push_str(&chunk);
        }
    }

    #[expect(clippy::expect_used, reason = "a stream that breaks off has failed the test")]
    async fn chunk(&mut self) -> Option<String> {
        let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await;
        let chunk = chunk.expect("the stream is silent").expect("the stream broke off")?;
        Some(String::from_utf8_lossy(&chunk).into_owned())
    }

    /// The next text, as the inbox would show it.
    #[expect(clippy::expect_used, reason = "what is no text has failed the test")]
    async fn sms(&mut self) -> Value {
        let event = self.next().await.expect("the stream ended");
        let data = event.strip_prefix("event: sms\ndata: ").expect("no event of an SMS");
        serde_json::from_str(data).expect("no JSON")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_delivers_each_text_live_and_in_order_to_everybody() {
    let app = TestApp::with("PHONEPROOF__PHONE_NUMBERS__MAX_UNVERIFIED", "0")
        .spawn()
        .await;
    let user = app.user("user_a");
    let before = texted(&app, &user).await;
    let (mut first, mut second) = (Feed::open(&app).await, Feed::open(&app).await);
    for (name, value) in [("content-type", "text/event-stream"), ("cache-control", "no-store")] {
        assert_eq!(first.response.headers()[name], value);
    }
    // One at a time: each arrives while the stream is open and nothing follows it.
    let mut sent = Vec::new();
    for _ in 0..2 {
        sent.push(texted(&app, &user).await);
        assert_eq!(first.sms().await["to"], json!(sent.last()));
    }
    // Several before the reader looks.
    for _ in 0..3 {
        sent.push(texted(&app, &user).await);
    }
    for number in &sent[2..] {
        assert_eq!(first.sms().await["to"], json!(number));
    }
    // The other reader hears the same, as the inbox has it; what came earlier is in the inbox alone.
    let inbox = messages(&app, "").await;
    assert_eq!(receivers(&inbox[..1]), [&before]);
    for message in &inbox[1..] {
        assert_eq!(&second.sms().await, message);
    }
    assert_eq!(inbox.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_feed_ends_with_the_server_and_does_not_hold_it_up() {
    let app = TestApp::spawn().await;
    let mut feed = Feed::open(&app).await;
    let stopped = tokio::time::timeout(PATIENCE / 2, app.stop()).await;
    stopped.expect("the open stream held up the server").unwrap();
    assert_eq!(feed.next().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_development_token_makes_its_bearer_that_user_for_an_hour() {
    let app = TestApp::spawn().await;
    let nobody = app.nobody();
    let form = nobody.post("/dev/token", &[("user", "user_ada")]).await;
    let by_json = nobody
        .json(Method::POST, "/dev/token", &json!({ "user": "user_ada" }))
        .await;
    for issued in [form, by_json] {
        let issued = issued.resource();
        assert_eq!(
            (&issued["user_id"], &issued["expires_at"]),
            (&json!("user_ada"), &json!(1_800_003_600_000_i64))
        );
        let ada = app.bearer(issued["token"].as_str().unwrap());
        assert_eq!(ada.get("/v1/me").await.response()["id"], "user_ada");
        // It opens the user's API, never the back end's.
        ada.get("/v1/users").await.is_error(401, "clerk_key_invalid");
    }
    let token = app.nobody().post("/dev/token", &[("user", "user_ada")]).await.json["token"].clone();
    let ada = app.bearer(token.as_str().unwrap());
    app.clock.advance(Duration::from_secs(3_600));
    let _ = ada.get("/v1/me").await.response();
    // The leeway of five seconds is over.
    app.clock.advance(Duration::from_secs(5));
    ada.get("/v1/me").await.is_error(401, "authentication_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_development_token_needs_a_possible_user() {
    let app = TestApp::spawn().await;
    let nobody = app.nobody();
    nobody
        .post("/dev/token", &[])
        .await
        .is_error(422, "form_param_missing")
        .about("user");
    nobody
        .post("/dev/token", &[("user", "")])
        .await
        .is_error(422, "form_param_nil")
        .about("user");
    for user in ["two words", "tab\there", "zero\0", &"x".repeat(1_000)] {
        let refused = nobody.post("/dev/token", &[("user", user)]).await;
        refused.is_error(422, "form_param_format_invalid").about("user");
    }
    let twice = nobody.post("/dev/token", &[("user", "a"), ("user", "b")]).await;
    twice.is_error(422, "form_param_type_invalid");
    // A link must not hand out tokens.
    let linked = nobody.get("/dev/token?user=user_ada").await;
    assert_eq!(linked.is_error(405, "method_not_allowed").header("allow"), Some("POST"));
}

async fn called(app: &TestApp, host: &str, (method, path): (&str, &str)) -> reqwest::Response {
    asked(app, "host", host, (method, path)).await
}

/// The answer without its body, for that of the feed never ends.
#[expect(clippy::unwrap_used, reason = "a server that does not answer has failed the test")]
async fn asked(app: &TestApp, header: &str, value: &str, (method, path): (&str, &str)) -> reqwest::Response {
    let nobody = app.nobody();
    let request = nobody.request(method.parse().unwrap(), path).header(header, value);
    let request = if method == "POST" {
        request.form(&[("user", "user_ada")])
    } else {
        request
    };
    request.send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tools_answer_under_the_servers_own_names_alone() {
    let app = TestApp::with("PHONEPROOF__SERVER__PUBLIC_URL", "https://phone.example.com/")
        .spawn()
        .await;
    let port = app.url.rsplit(':').next().unwrap().to_owned();
    for operation in PATHS {
        for own in ["localhost:", "127.0.0.1:", "[::1]:"] {
            let answer = called(&app, &format!("{own}{port}"), operation).await;
            assert_eq!(answer.status(), 200, "{own} {operation:?}");
        }
        assert_eq!(called(&app, "phone.example.com", operation).await.status(), 200);
        // A stranger's name that leads here (DNS rebinding) is "the same origin" to the browser.
        for strange in [
            format!("evil.example:{port}"),
            "evil.example".to_owned(),
            format!("localhost.evil.example:{port}"),
            format!("evil-localhost:{port}"),
            "localhost".to_owned(),
            format!("127.0.0.1:{port}0"),
            "phone.example.com:8443".to_owned(),
            format!("localhost:{port}@evil.example"),
        ] {
            let answer = called(&app, &strange, operation).await;
            assert_eq!(answer.status(), 404, "{strange} {operation:?}");
            let text = answer.text().await.unwrap();
            assert!(
                text.contains("resource_not_found") && !text.contains("token\":"),
                "{text}"
            );
        }
    }
    // The API itself does not mind: it needs a token.
    assert_eq!(called(&app, "evil.example", ("GET", "/v1/health")).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_page_gets_nothing_from_the_tools() {
    let app = TestApp::spawn().await;
    for operation in PATHS {
        for origin in ["https://evil.example", "null", "http://localhost:1"] {
            let answer = asked(&app, "origin", origin, operation).await;
            assert_eq!(answer.status(), 400, "{origin} {operation:?}");
            assert!(!answer.headers().contains_key("access-control-allow-origin"));
        }
        assert_eq!(
            asked(&app, "origin", &app.url, operation).await.status(),
            200,
            "{operation:?}"
        );
    }
}

async fn assets(app: &TestApp) -> [(&'static str, Answer); 3] {
    let nobody = app.nobody();
    [
        ("text/html; charset=utf-8", nobody.get("/dev/").await),
        ("text/css; charset=utf-8", nobody.get("/dev/page.css").await),
        ("text/javascript; charset=utf-8", nobody.get("/dev/page.js").await),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_its_files_come_with_a_policy_that_lets_nothing_else_in() {
    let app = TestApp::spawn().await;
    for (content_type, answer) in assets(&app).await {
        assert_eq!(answer.status, 200, "{answer:#?}");
        for (name, value) in [
            ("content-type", content_type),
            ("cache-control", "no-cache"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{name}");
        }
        let policy = answer.header("content-security-policy").unwrap();
        let directives: BTreeMap<&str, &str> = policy
            .split(';')
            .filter_map(|directive| directive.trim().split_once(' '))
            .map(|(name, value)| (name, value.trim()))
            .collect();
        let expected = [
            ("base-uri", "'none'"),
            ("connect-src", "'self'"),
            ("default-src", "'none'"),
            ("form-action", "'self'"),
            ("frame-ancestors", "'none'"),
            ("img-src", "'self' data:"),
            ("script-src", "'self'"),
            ("style-src", "'self'"),
        ];
        assert_eq!(directives, BTreeMap::from(expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_refers_to_nothing_outside_and_keeps_its_own_policy() {
    let app = TestApp::spawn().await;
    let [(_, html), (_, css), (_, js)] = assets(&app).await;
    for (name, text) in [("html", &html.text), ("css", &css.text), ("js", &js.text)] {
        assert!(text.len() > 1_000, "{name}");
        // The name of a namespace is no address.
        let text = text.replace("http://www.w3.org/2000/svg", "").to_lowercase();
        for outside in ["http:", "https:", "ws://", "wss://", "\"//", "'//", "(//", "@import"] {
            assert!(!text.contains(outside), "{name} has {outside}");
        }
    }
    for inline in [
        "<style",
        " style=",
        " onclick=",
        " onload=",
        "javascript:",
        "<script>",
        "<base",
        "<iframe",
    ] {
        assert!(!html.text.contains(inline), "{inline}");
    }
    for evaluated in [
        "eval(",
        "new Function",
        "innerHTML",
        "insertAdjacentHTML",
        "document.write",
    ] {
        assert!(!js.text.contains(evaluated), "{evaluated}");
    }
    let mut found = Vec::new();
    for attribute in ["href=\"", "src=\""] {
        for reference in html.text.split(attribute).skip(1) {
            found.push(reference.split('"').next().unwrap_or_default());
        }
    }
    found.retain(|reference| !reference.starts_with("data:"));
    found.sort_unstable();
    assert_eq!(found, ["/dev/page.css", "/dev/page.js", "inbox"]);
}

fn production() -> Setup {
    Setup::default()
        .option("PHONEPROOF__KEYS__PUBLISHABLE_KEY", "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k")
        .option("PHONEPROOF__KEYS__SECRET_KEY", "sk_live_0123456789abcdef01234567")
        .option("PHONEPROOF__SMS__GATEWAYS__MAIN__PROVIDER", "console")
}

#[tokio::test(flavor = "multi_thread")]
async fn in_production_none_of_it_exists() {
    let app = production().spawn().await;
    let user = app.bearer("sk_live_0123456789abcdef01234567");
    for (_, path) in PATHS {
        // Not even as a path with another method, which would be 405.
        for method in ["GET", "POST", "DELETE"] {
            for who in [&app.nobody(), &user, &app.user("user_ada")] {
                let request = who.request(method.parse().unwrap(), path).form(&[("user", "user_ada")]);
                let missing = who.send(request).await;
                missing.is_error(404, "resource_not_found");
                assert_eq!(missing.header("content-security-policy"), None);
            }
        }
    }
    // A token that development would have issued opens nothing.
    app.user("user_ada")
        .get("/v1/me")
        .await
        .is_error(401, "authentication_invalid");
}
