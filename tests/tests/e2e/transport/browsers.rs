//! Which web pages may call (CORS), and that errors tell them so.

use phoneproof_tests::{Actor, Answer, Setup, TestApp};
use reqwest::Method;
use serde_json::json;

const PAGE: &str = "https://app.example.com";
const NUMBERS: &str = "/v1/me/phone_numbers";

async fn app() -> TestApp {
    TestApp::with(
        "PHONEPROOF__SERVER__ALLOWED_ORIGINS",
        "https://app.example.com,http://localhost:3000",
    )
    .option("PHONEPROOF__SERVER__PUBLIC_URL", "https://phone.example.com/")
    .spawn()
    .await
}

async fn from(origin: &str, who: &Actor, method: Method, path: &str) -> Answer {
    who.send(who.request(method, path).header("origin", origin)).await
}

#[track_caller]
fn lets_read(answer: &Answer, origin: &str) {
    for (name, value) in [
        ("access-control-allow-origin", origin),
        ("access-control-allow-credentials", "true"),
        ("access-control-expose-headers", "Retry-After, X-Country, Clerk-Db-Jwt"),
        ("vary", "Origin"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{answer:#?}");
    }
}

#[track_caller]
fn says_nothing_of_origins(answer: &Answer) {
    let told = answer
        .headers
        .keys()
        .find(|name| name.as_str().starts_with("access-control-"));
    assert_eq!(told, None, "{answer:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allowed_page_reads_answers_and_errors() {
    let app = app().await;
    let user = app.user("user_a");
    let port = app.url.rsplit(':').next().unwrap();
    for origin in [
        PAGE,
        "http://localhost:3000",
        "https://phone.example.com",
        app.url.as_str(),
        &format!("http://localhost:{port}"),
    ] {
        let answer = from(origin, &user, Method::GET, "/v1/me").await;
        assert_eq!(answer.response()["id"], "user_a");
        lets_read(&answer, origin);
    }
    for (answer, status, code) in [
        (
            from(PAGE, &app.nobody(), Method::GET, "/v1/me").await,
            401,
            "signed_out",
        ),
        (
            from(PAGE, &app.bearer("x"), Method::GET, "/v1/me").await,
            401,
            "authentication_invalid",
        ),
        (
            from(PAGE, &user, Method::POST, NUMBERS).await,
            422,
            "form_param_missing",
        ),
        (
            from(PAGE, &user, Method::GET, "/v1/me/nothing").await,
            404,
            "resource_not_found",
        ),
        (
            from(PAGE, &user, Method::PUT, "/v1/me").await,
            405,
            "method_not_allowed",
        ),
        (
            from(PAGE, &user, Method::POST, "/v1/me?_method=x").await,
            405,
            "method_not_allowed",
        ),
    ] {
        answer.is_error(status, code);
        lets_read(&answer, PAGE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_off_the_list_gets_nothing_done() {
    let app = app().await;
    let user = app.user("user_a");
    for origin in [
        "https://evil.example",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com.evil.example",
        "https://sub.app.example.com",
        "https://app.example.com/",
        "HTTPS://APP.EXAMPLE.COM",
        "null",
        "*",
        "",
    ] {
        for path in [
            NUMBERS.to_owned(),
            format!("{NUMBERS}/"),
            "/v1//me/phone_numbers".to_owned(),
            "//v1/me/phone_numbers".to_owned(),
            "/v1/%6de/phone_numbers".to_owned(),
        ] {
            let request = user.request(Method::POST, &path).header("origin", origin);
            let refused = user.send(request.form(&[("phone_number", "+14155552671")])).await;
            refused.is_error(400, "origin_invalid");
            says_nothing_of_origins(&refused);
        }
        let preflight = user
            .request(Method::OPTIONS, NUMBERS)
            .header("access-control-request-method", "POST");
        let refused = user.send(preflight.header("origin", origin)).await;
        refused.is_error(400, "origin_invalid");
        says_nothing_of_origins(&refused);
    }
    assert_eq!(user.get(NUMBERS).await.resource(), &json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_is_answered_without_a_token() {
    let app = app().await;
    let nobody = app.nobody();
    for path in ["/v1/me", NUMBERS, "/v1/me/phone_numbers/idn_x/prepare_verification"] {
        let request = nobody.request(Method::OPTIONS, path).header("origin", PAGE);
        let answer = nobody
            .send(
                request
                    .header("access-control-request-method", "PATCH")
                    .header("access-control-request-headers", "authorization"),
            )
            .await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""));
        lets_read(&answer, PAGE);
        for (name, value) in [
            ("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE"),
            ("access-control-allow-headers", "Authorization, Content-Type"),
            ("access-control-max-age", "600"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
    }
    // Not every OPTIONS is a question of a browser's.
    let plain = nobody.send(nobody.request(Method::OPTIONS, "/v1/me")).await;
    plain.is_error(405, "method_not_allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_page_nothing_is_said_of_pages() {
    let app = app().await;
    let (user, back_end) = (app.user("user_a"), app.back_end());
    let answer = user.get("/v1/me").await;
    assert_eq!(answer.response()["id"], "user_a");
    says_nothing_of_origins(&answer);
    // The secret key has no business in a browser: its API knows no pages, allowed or not.
    for origin in [PAGE, "https://evil.example"] {
        let answer = from(origin, &back_end, Method::GET, "/v1/users").await;
        assert!(answer.resource().is_array());
        says_nothing_of_origins(&answer);
        let health = from(origin, &app.nobody(), Method::GET, "/v1/health").await;
        assert_eq!(health.resource(), &json!({ "status": "ok", "store": "ok" }));
        says_nothing_of_origins(&health);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_production_the_visitors_own_machine_is_no_page_of_ours() {
    let production = TestApp::with("PHONEPROOF__KEYS__PUBLISHABLE_KEY", "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k")
        .option("PHONEPROOF__KEYS__SECRET_KEY", "sk_live_0123456789abcdef01234567")
        .option("PHONEPROOF__SMS__GATEWAYS__MAIN__PROVIDER", "console")
        .option("PHONEPROOF__SERVER__ALLOWED_ORIGINS", PAGE)
        .option("PHONEPROOF__SERVER__PUBLIC_URL", "https://phone.example.com/");
    for (setup, allowed) in [(production, false), (Setup::default(), true)] {
        let app = setup.spawn().await;
        let port = app.url.rsplit(':').next().unwrap();
        for origin in [
            format!("http://localhost:{port}"),
            format!("http://127.0.0.1:{port}"),
            format!("http://[::1]:{port}"),
        ] {
            let answer = from(&origin, &app.nobody(), Method::GET, "/v1/client").await;
            let to = format!("/v1/client/handshake?redirect_url={origin}/page");
            let handshake = app.nobody().get(&to).await;
            if allowed {
                assert_eq!((answer.status, handshake.status), (200, 307), "{origin}");
                lets_read(&answer, &origin);
            } else {
                answer.is_error(400, "origin_invalid");
                says_nothing_of_origins(&answer);
                handshake.is_error(400, "origin_invalid");
            }
        }
        if !allowed {
            for origin in [PAGE, "https://phone.example.com"] {
                let answer = from(origin, &app.nobody(), Method::GET, "/v1/client").await;
                assert_eq!(answer.status, 200);
                lets_read(&answer, origin);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn extensions_and_apps_call_as_pages_do() {
    let packaged = [
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
        "moz-extension://0f2a1c7e-3b5d-4c8e-9f60-7a1b2c3d4e5f",
        "capacitor://localhost",
        "ionic://localhost",
    ];
    let configured = TestApp::with("PHONEPROOF__SERVER__ALLOWED_ORIGINS", packaged.join(","))
        .spawn()
        .await;
    let changed = TestApp::spawn().await;
    let origins = json!({ "allowed_origins": packaged });
    let done = changed.back_end().json(Method::PATCH, "/v1/instance", &origins).await;
    assert_eq!(done.status, 204, "{done:#?}");
    for app in [&configured, &changed] {
        for origin in packaged {
            let answer = from(origin, &app.nobody(), Method::POST, "/v1/client").await;
            assert_eq!(answer.status, 200, "{origin}");
            lets_read(&answer, origin);
        }
        for origin in [
            "chrome-extension://bcdefghijklmnopabcdefghijklmnopa",
            "capacitor://elsewhere",
        ] {
            let refused = from(origin, &app.nobody(), Method::POST, "/v1/client").await;
            refused.is_error(400, "origin_invalid");
        }
    }
    for nonsense in [
        "chrome-extension://",
        "chrome-extension://abc/popup.html",
        "capacitor:localhost",
        "htps://app.example.com",
        "javascript://localhost",
        "file://",
        "null",
        "*",
    ] {
        let body = json!({ "allowed_origins": [PAGE, nonsense] });
        let refused = changed.back_end().json(Method::PATCH, "/v1/instance", &body).await;
        refused
            .is_error(422, "form_param_format_invalid")
            .about("allowed_origins");
    }
}
