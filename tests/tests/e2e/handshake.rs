//! The handshake of server-rendered applications, and the cookies that their servers compare with tokens.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use futures_util::future::join_all;
use phoneproof_domain::Timestamp;
use phoneproof_domain::ports::Clock;
use phoneproof_tests::{Actor, Answer, Browser, LIVE_SECRET_KEY, Setup, TestApp, text};
use reqwest::Method;
use reqwest::header::{LOCATION, SET_COOKIE};
use serde_json::{Value, json};

const PAGE: &str = "https://www.example.com/account";
const SUFFIX: &str = "naoXFJnI";
/// A development key with a host of Clerk's kind: its browsers are known by a token in the URL.
const DEV_BROWSER_KEY: &str = "pk_test_cGhvbmUuYWNjb3VudHMuZGV2JA";

fn with_page(setup: Setup) -> Setup {
    setup
        .option("PHONEPROOF__SERVER__ALLOWED_ORIGINS", "https://www.example.com")
        .option("PHONEPROOF__SERVER__PUBLIC_URL", "https://phone.example.com")
}

fn live() -> Setup {
    with_page(Setup::live()).option("PHONEPROOF__SERVER__COOKIE_DOMAIN", "example.com")
}

fn shake(more: &str) -> String {
    format!("/v1/client/handshake?redirect_url={PAGE}&format=nonce&suffixed_cookies=true{more}")
}

/// The nonce that a live instance hands over, with the attributes of its cookie.
fn nonce(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 307, "{answer:#?}");
    assert_eq!(answer.header(LOCATION.as_str()), Some(PAGE));
    let cookie = answer.header(SET_COOKIE.as_str()).unwrap_or_default();
    let (pair, attributes) = cookie.split_once(';').unwrap_or_default();
    let nonce = pair.strip_prefix("__clerk_handshake_nonce=").unwrap_or_default();
    assert!(!nonce.is_empty(), "{answer:#?}");
    (nonce.to_owned(), attributes.to_owned())
}

/// The nonce in the address to which a test instance sends the browser.
fn nonce_in_address(answer: &Answer) -> String {
    assert_eq!(answer.status, 307, "{answer:#?}");
    let address = answer.header(LOCATION.as_str()).unwrap_or_default();
    let nonce = address.strip_prefix(&format!("{PAGE}?__clerk_handshake_nonce="));
    nonce.unwrap_or_default().to_owned()
}

async fn redeemed(back_end: &Actor, nonce: &str) -> Answer {
    back_end
        .get(&format!("/v1/clients/handshake_payload?nonce={nonce}"))
        .await
}

fn directives(answer: &Answer) -> Vec<String> {
    let listed = answer.resource()["directives"].as_array().cloned().unwrap_or_default();
    listed.iter().map(|directive| text(directive).to_owned()).collect()
}

/// Name and value of a directive.
fn pair(directive: &str) -> (&str, &str) {
    let pair = directive.split(';').next().unwrap_or_default();
    pair.split_once('=').unwrap_or_default()
}

fn value<'a>(directives: &'a [String], name: &str) -> Option<&'a str> {
    let mut pairs = directives.iter().map(|directive| pair(directive));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

#[expect(clippy::unwrap_used, reason = "a token of another form has failed the test")]
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64.decode(payload).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_is_redeemed_by_all_that_run_in_parallel_and_cleared_where_it_was_set() {
    let app = live().spawn().await;
    let other = live().option("PHONEPROOF__STORE__URL", app.store.url()).spawn().await;
    let browser = Browser::new(&app);
    browser.sign_up(&app, &app.number()).await;
    let uat = browser.cookie("__client_uat").unwrap();
    let (nonce, set) = nonce(&browser.get(&shake("")).await);
    let back_ends = [app.bearer(LIVE_SECRET_KEY), other.bearer(LIVE_SECRET_KEY)];
    let answers = join_all((0..8).map(|at| redeemed(&back_ends[at % 2], &nonce))).await;
    for answer in &answers {
        let all = directives(answer);
        let names: Vec<&str> = all.iter().map(|directive| pair(directive).0).collect();
        let (uat_suffixed, session_suffixed) = (format!("__client_uat_{SUFFIX}"), format!("__session_{SUFFIX}"));
        assert_eq!(
            names,
            [
                "__client_uat",
                &uat_suffixed,
                "__session",
                &session_suffixed,
                "__clerk_handshake_nonce",
                "__clerk_redirect_count"
            ]
        );
        let token = value(&all, "__session").unwrap();
        assert_eq!(value(&all, &session_suffixed), Some(token));
        assert_eq!(value(&all, "__client_uat"), Some(uat.as_str()));
        assert_eq!(value(&all, &uat_suffixed), Some(uat.as_str()));
        assert!(claims(token)["iat"].as_i64() >= uat.parse().ok(), "{all:#?}");
        assert_eq!(claims(token)["azp"], "https://www.example.com");
        // The same but for the value and the time: a browser clears no other cookie.
        let cleared = all[4].split_once(';').unwrap_or_default();
        assert_eq!(
            cleared,
            (
                "__clerk_handshake_nonce=",
                set.replace("Max-Age=60", "Max-Age=0").as_str()
            )
        );
        assert_eq!(
            all[5],
            "__clerk_redirect_count=; Path=/; Max-Age=0; SameSite=Lax; Secure; HttpOnly"
        );
        for directive in &all {
            assert!(
                directive.contains("; Path=/;") && directive.contains("; SameSite=Lax"),
                "{directive}"
            );
            let shared = directive.starts_with("__client_uat") || directive.starts_with("__clerk_handshake");
            assert_eq!(directive.contains("; Domain=example.com"), shared, "{directive}");
        }
    }
    app.clock.advance(Duration::from_millis(59_999));
    assert_eq!(redeemed(&back_ends[0], &nonce).await.status, 200);
    app.clock.advance(Duration::from_millis(1));
    redeemed(&back_ends[0], &nonce)
        .await
        .is_error(404, "resource_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_in_an_address_is_redeemed_once_by_whoever_is_first() {
    let app = with_page(Setup::default()).spawn().await;
    let other = with_page(Setup::default())
        .option("PHONEPROOF__STORE__URL", app.store.url())
        .spawn()
        .await;
    let browser = app.nobody();
    let first = nonce_in_address(&browser.get(&shake("")).await);
    let second = nonce_in_address(&browser.get(&shake("")).await);
    let back_ends = [app.back_end(), other.back_end()];
    // What fails for another reason uses nothing up.
    redeemed(&browser, &first).await.is_error(401, "clerk_key_invalid");
    for nonce in [&first, &second] {
        let answers = join_all((0..8).map(|at| redeemed(&back_ends[at % 2], nonce))).await;
        let (done, refused): (Vec<&Answer>, Vec<&Answer>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!(done.len(), 1, "{answers:#?}");
        assert_eq!(value(&directives(done[0]), "__client_uat"), Some("0"));
        for answer in refused {
            answer.is_error(404, "resource_not_found");
        }
    }
    // Nor later, for as long as its time would let it.
    for seconds in [30, 29] {
        app.clock.advance(Duration::from_secs(seconds));
        redeemed(&back_ends[0], &first)
            .await
            .is_error(404, "resource_not_found");
    }
    let late = nonce_in_address(&browser.get(&shake("")).await);
    app.clock.advance(Duration::from_secs(60));
    redeemed(&back_ends[0], &late).await.is_error(404, "resource_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_tells_how_the_client_stands_when_it_is_redeemed() {
    let app = live().spawn().await;
    let (back_end, browser) = (app.bearer(LIVE_SECRET_KEY), Browser::new(&app));
    let signed_out = |answer: &Answer| {
        let all = directives(answer);
        for name in ["__session", "__client_uat"] {
            let expected = if name == "__session" { "" } else { "0" };
            assert_eq!(value(&all, name), Some(expected), "{all:#?}");
            assert_eq!(value(&all, &format!("{name}_{SUFFIX}")), Some(expected), "{all:#?}");
        }
        assert!(all[2].contains("Max-Age=0"), "{all:#?}");
    };
    let (before, _) = nonce(&browser.get(&shake("")).await);
    signed_out(&redeemed(&back_end, &before).await);
    browser.sign_up(&app, &app.number()).await;
    let (during, _) = nonce(&browser.get(&shake("")).await);
    assert_ne!(
        value(&directives(&redeemed(&back_end, &during).await), "__session"),
        Some("")
    );
    let _ = browser.delete("/v1/client/sessions").await;
    signed_out(&redeemed(&back_end, &during).await);
    for forged in ["", "x", &during[1..], &before.to_uppercase()] {
        assert_eq!(redeemed(&back_end, forged).await.status / 100, 4);
    }
    redeemed(&app.nobody(), &during)
        .await
        .is_error(401, "clerk_key_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_development_browser_comes_back_with_its_token() {
    let app = with_page(TestApp::with("PHONEPROOF__KEYS__PUBLISHABLE_KEY", DEV_BROWSER_KEY))
        .spawn()
        .await;
    let (nobody, back_end) = (app.nobody(), app.back_end());
    let token_of = async |query: &str| {
        let nonce = nonce_in_address(&nobody.get(&shake(query)).await);
        let all = directives(&redeemed(&back_end, &nonce).await);
        let suffixed = all
            .iter()
            .map(|directive| pair(directive))
            .find(|(name, _)| name.starts_with("__clerk_db_jwt_"));
        let token = value(&all, "__clerk_db_jwt").unwrap_or_default().to_owned();
        assert_eq!(suffixed.map(|(_, value)| value), Some(token.as_str()), "{all:#?}");
        let set = all
            .iter()
            .find(|directive| directive.starts_with("__clerk_db_jwt="))
            .cloned();
        // The SDK in the page reads it.
        assert!(!set.unwrap_or_default().contains("HttpOnly"));
        // No cookie of the nonce is set or cleared.
        assert_eq!(value(&all, "__clerk_handshake_nonce"), None);
        token
    };
    // A new one, by which the browser is known from now on.
    let made = token_of("").await;
    let client = nobody.get(&format!("/v1/client?__clerk_db_jwt={made}")).await;
    assert_eq!(client.response()["object"], "client");
    // The one that it has.
    let known = text(&nobody.post("/v1/dev_browser", &[]).await.resource()["id"]).to_owned();
    assert_eq!(token_of(&format!("&__clerk_db_jwt={known}")).await, known);
    // Another one for one that is unknown.
    for unknown in ["x".to_owned(), known.replace(|char: char| char.is_ascii_digit(), "0")] {
        let token = token_of(&format!("&__clerk_db_jwt={unknown}")).await;
        assert!(!token.is_empty() && token != unknown && token != known);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_development_token_that_was_replaced_does_not_come_back() {
    let app = with_page(TestApp::with("PHONEPROOF__KEYS__PUBLISHABLE_KEY", DEV_BROWSER_KEY))
        .spawn()
        .await;
    let (nobody, back_end, number) = (app.nobody(), app.back_end(), app.number());
    let old = text(&nobody.post("/v1/dev_browser", &[]).await.resource()["id"]).to_owned();
    let nonce = nonce_in_address(&nobody.get(&shake(&format!("&__clerk_db_jwt={old}"))).await);
    let query = format!("__clerk_db_jwt={old}");
    let sign_up = nobody
        .post(&format!("/v1/client/sign_ups?{query}"), &[("phone_number", &number)])
        .await;
    let path = format!("/v1/client/sign_ups/{}", text(&sign_up.response()["id"]));
    let prepare = format!("{path}/prepare_verification?{query}");
    let _ = nobody.post(&prepare, &[("strategy", "phone_code")]).await.response();
    let code = app.code(&number).await;
    let attempt = format!("{path}/attempt_verification?{query}");
    let done = nobody
        .post(&attempt, &[("strategy", "phone_code"), ("code", &code)])
        .await;
    let new = done.header("clerk-db-jwt").unwrap_or_default();
    assert!(!new.is_empty() && new != old, "{done:#?}");
    let all = directives(&redeemed(&back_end, &nonce).await);
    assert_eq!(value(&all, "__clerk_db_jwt"), None, "{all:#?}");
    assert_ne!(value(&all, "__session"), Some(""), "{all:#?}");
}

/// What a back end whose clock is that of the process compares with its clock, and with `__client_uat` if clocks agree.
#[track_caller]
fn is_accepted(token: &str, client: &Value, clock: Timestamp, agree: bool) {
    let (claims, now) = (claims(token), clock.as_millis());
    let seconds = |name: &str| claims[name].as_i64().unwrap_or_default();
    let (iat, exp) = (seconds("iat"), seconds("exp"));
    assert!(iat * 1000 <= now + 5000, "issued {iat}, now {now}");
    assert!(seconds("nbf") * 1000 <= now, "{claims}");
    assert_eq!(exp - iat, 60, "{claims}");
    assert!(exp * 1000 > now, "ends {exp}, now {now}");
    let since = client["updated_at"].as_i64().map(|millis| millis.div_euclid(1000));
    assert!(since.is_some() && (!agree || Some(iat) >= since), "{iat} {since:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_older_than_the_sign_in_or_too_far_ahead_if_clocks_agree_within_five_seconds() {
    // Another process whose clock is behind; and one process whose clock is set back.
    for (apart, others) in [(5, true), (4, false), (10, true), (3600, false)] {
        let app = live().spawn().await;
        let other = live().option("PHONEPROOF__STORE__URL", app.store.url()).spawn().await;
        let later = if others { &other } else { &app };
        let browser = Browser::new(&app);
        // Not the first second of the client.
        app.clock.advance(Duration::from_millis(1_500));
        other.clock.advance(Duration::from_millis(1_500));
        let done = browser.sign_up(&app, &app.number()).await;
        let session = text(&done["response"]["created_session_id"]).to_owned();
        later.clock.set_back(Duration::from_secs(apart));
        let uat = browser.cookie("__client_uat").unwrap();
        let there = browser.on(later);
        for millis in [0, 500, 1_000, 20_000] {
            later.clock.advance(Duration::from_millis(millis));
            let shown = there.get("/v1/client").await.response().clone();
            let envelope = text(&shown["sessions"][0]["last_active_token"]["jwt"]);
            let (now, agree) = (later.clock.now(), apart <= 5);
            is_accepted(envelope, &shown, now, agree);
            for query in ["", "?debug=skip_cache"] {
                let path = format!("/v1/client/sessions/{session}/tokens{query}");
                let issued = there.post(&path, &[]).await;
                is_accepted(text(&issued.resource()["jwt"]), &shown, now, agree);
            }
            let back_end = later.bearer(LIVE_SECRET_KEY);
            let path = format!("/v1/sessions/{session}/tokens");
            let asked = back_end.json(Method::POST, &path, &json!({})).await;
            is_accepted(text(&asked.resource()["jwt"]), &shown, now, agree);
            let (nonce, _) = nonce(&there.get(&shake("")).await);
            let all = directives(&redeemed(&back_end, &nonce).await);
            is_accepted(value(&all, "__session").unwrap(), &shown, now, agree);
            // It moves with a sign-in or sign-out alone.
            assert_eq!(value(&all, "__client_uat"), Some(uat.as_str()));
            assert_eq!(there.cookie("__client_uat"), Some(uat.clone()));
        }
    }
}
