//! Cookies, both ways: whatever else a host's pages keep in them, and what proxies do to them.

use phoneproof_tests::{Answer, Browser, Setup, TestApp, text};
use reqwest::Method;
use reqwest::header::{COOKIE, HeaderValue, SET_COOKIE};

/// The names of the cookies that an answer sets, in order.
fn names(answer: &Answer) -> Vec<String> {
    let cookies = answer.headers.get_all(SET_COOKIE).iter();
    cookies
        .map(|cookie| String::from_utf8_lossy(cookie.as_bytes()).into_owned())
        .map(|cookie| cookie.split('=').next().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookies_of_others_may_hold_any_octets() {
    let app = TestApp::spawn().await;
    let browser = Browser::new(&app);
    browser.sign_up(&app, &app.number()).await;
    let token = browser.cookie("__client").unwrap();
    let ours = format!("__client={token}").into_bytes();
    for (before, after) in [
        ("name=José; ".as_bytes(), &b""[..]),
        (b"name=Jos\xe9; ", b""),
        (b"", b"; name=\xff\xfe"),
        (b"\xff; =; a; ", b"; __client2=\x80"),
    ] {
        let cookie = HeaderValue::from_bytes(&[before, &ours, after].concat()).unwrap();
        for (method, path) in [(Method::GET, "/v1/me"), (Method::PATCH, "/v1/me")] {
            let request = app.nobody().request(method, path).header("origin", &app.url);
            let answer = app.nobody().send(request.header(COOKIE, &cookie)).await;
            assert_eq!(answer.status, 200, "{cookie:?} {answer:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_token_comes_last_and_alone_keeps_somebody_signed_in() {
    let app = Setup::live().spawn().await;
    let (number, browser) = (app.number(), Browser::new(&app));
    // What a proxy lets through that keeps the last `Set-Cookie` alone.
    let passed = Browser::new(&app);
    let pass = |answer: &Answer| {
        let names = names(answer);
        let token = names.iter().position(|name| name == "__client");
        assert!(token.is_none_or(|at| at + 1 == names.len()), "{answer:#?}");
        if token.is_some() {
            passed.set_cookie("__client", &browser.cookie("__client").unwrap_or_default());
        }
        names.len()
    };
    let sign_up = browser.post("/v1/client/sign_ups", &[("phone_number", &number)]).await;
    pass(&sign_up);
    let path = format!("/v1/client/sign_ups/{}", text(&sign_up.response()["id"]));
    pass(
        &browser
            .post(&format!("{path}/prepare_verification"), &[("strategy", "phone_code")])
            .await,
    );
    let code = app.code(&number).await;
    let form = [("strategy", "phone_code"), ("code", code.as_str())];
    let done = browser.post(&format!("{path}/attempt_verification"), &form).await;
    assert_eq!(done.response()["status"], "complete");
    assert_eq!(pass(&done), 3, "{done:#?}");
    let reloaded = passed.get("/v1/client").await;
    assert_eq!(
        reloaded.response()["sessions"][0]["id"],
        done.response()["created_session_id"]
    );
    assert_eq!(passed.get("/v1/me").await.status, 200);
    let left = browser.delete("/v1/client").await;
    assert_eq!(names(&left).last().map(String::as_str), Some("__client"), "{left:#?}");
}
