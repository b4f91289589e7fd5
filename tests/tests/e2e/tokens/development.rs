//! No token, malformed ones, and development tokens.

use std::time::Duration;

use phoneproof::DevIssuer;
use phoneproof_domain::InstanceSecret;
use phoneproof_domain::ports::Clock;
use phoneproof_tests::{Setup, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

use super::issuer::{NOW, Signer, tampered, unsigned};

const YEAR: Duration = Duration::from_secs(365 * 86_400);
/// An operation of each kind, with what it does when it is allowed.
const OPERATIONS: [(&str, &str); 6] = [
    ("GET", "/v1/me"),
    ("PATCH", "/v1/me"),
    ("GET", "/v1/me/phone_numbers"),
    ("POST", "/v1/me/phone_numbers"),
    ("DELETE", "/v1/me/phone_numbers/idn_000000000000000000000000000"),
    ("POST", "/v1/me/backup_codes"),
];

async fn nobody_was_made(app: &TestApp) {
    assert_eq!(app.back_end().get("/v1/users").await.resource(), &json!([]));
}

/// A development token signed by `secret`'s issuer.
#[expect(clippy::unwrap_used, reason = "secret and user id are well-formed")]
fn issued_by(secret: &str, app: &TestApp) -> String {
    let issuer = DevIssuer::new(&InstanceSecret::new(secret).unwrap());
    issuer.token(&"user_a".parse().unwrap(), app.clock.now(), YEAR)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_nobody_is_signed_in() {
    let app = TestApp::spawn().await;
    let nobody = app.nobody();
    for (method, path) in OPERATIONS {
        let request = nobody.request(method.parse().unwrap(), path);
        nobody.send(request).await.is_error(401, "signed_out");
        // Neither in the address nor in a cookie.
        let request = nobody.request(
            method.parse().unwrap(),
            &format!("{path}?token={}", app.token("user_a")),
        );
        let cookie = format!("__session={}", app.token("user_a"));
        nobody
            .send(request.header("cookie", cookie))
            .await
            .is_error(401, "signed_out");
    }
    nobody_was_made(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_names_no_bearer_is_malformed() {
    let app = TestApp::spawn().await;
    let (nobody, token) = (app.nobody(), app.token("user_a"));
    for header in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer   ",
        &token,
        &format!("Basic {token}"),
        &format!("Bearer{token}"),
        &format!("Bearer\t{token}"),
    ] {
        let request = nobody.request(Method::GET, "/v1/me").header("authorization", header);
        let refused = nobody.send(request).await;
        refused.is_error(401, "authorization_header_format_invalid");
    }
    nobody_was_made(&app).await;
    // The scheme's case does not matter (RFC 9110).
    for scheme in ["bearer", "BEARER"] {
        let request = nobody
            .request(Method::GET, "/v1/me")
            .header("authorization", format!("{scheme} {token}"));
        assert_eq!(nobody.send(request).await.response()["id"], "user_a");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_not_issued_here_is_nobodys() {
    let app = TestApp::spawn().await;
    let good = app.token("user_a");
    let (head, signature) = good.rsplit_once('.').unwrap();
    let claims =
        json!({ "iss": "phoneproof-development", "aud": "phoneproof", "sub": "user_a", "iat": NOW, "exp": NOW + 60 });
    let none = |alg: &str| unsigned(&json!({ "alg": alg, "typ": "JWT", "kid": "dev" }), &claims);
    for (reason, token) in [
        ("nonsense", "nonsense".to_owned()),
        ("empty parts", "..".to_owned()),
        ("no signature", head.to_owned()),
        ("an empty signature", format!("{head}.")),
        ("alg none", format!("{}.", none("none"))),
        ("alg NONE", format!("{}.", none("NONE"))),
        ("alg none with a signature", format!("{}.{signature}", none("none"))),
        ("alg HS256", format!("{}.{signature}", none("HS256"))),
        ("another user", tampered(&good, "sub", &json!("user_b"))),
        (
            "another expiry",
            tampered(&good, "exp", &json!(NOW + 10 * 365 * 86_400)),
        ),
        ("another audience", tampered(&good, "aud", &json!("somebody else"))),
        (
            "another issuer",
            tampered(&good, "iss", &json!("https://login.example.com/")),
        ),
        (
            "another instance",
            issued_by("the instance secret of quite another instance", &app),
        ),
        ("another key", Signer::ed25519().sign(&claims)),
        ("a very long one", format!("{good}{}", "A".repeat(7_000))),
    ] {
        for (method, path) in OPERATIONS {
            let eve = app.bearer(&token);
            let answer = eve.send(eve.request(method.parse().unwrap(), path)).await;
            assert_eq!(answer.status, 401, "{reason}");
            answer.is_error(401, "authentication_invalid");
            assert!(!answer.text.contains(signature), "{reason}");
        }
    }
    nobody_was_made(&app).await;
    assert_eq!(app.bearer(&good).get("/v1/me").await.response()["id"], "user_a");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_development_token_ends_with_its_time() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    assert_eq!(user.get("/v1/me").await.response()["id"], "user_a");
    app.clock.advance(YEAR);
    // Five seconds of skew.
    app.clock.advance(Duration::from_millis(4_999));
    assert_eq!(user.get("/v1/me").await.response()["id"], "user_a");
    app.clock.advance(Duration::from_millis(1));
    user.get("/v1/me").await.is_error(401, "authentication_invalid");
    let renewed = app.user("user_a");
    app.clock.set_back(Duration::from_secs(60));
    let too_early = renewed.get("/v1/me").await;
    too_early.is_error(401, "authentication_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_user_is_not_another() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.user("user_ada"), app.user("user_bob"));
    let (id, _) = app.verified_number(&ada).await;
    bob.get(&format!("/v1/me/phone_numbers/{id}"))
        .await
        .is_error(404, "resource_not_found");
    assert_eq!(bob.get("/v1/me/phone_numbers").await.resource(), &json!([]));
    // One that is named in the request is not heeded: the token says who it is.
    let named = [("user_id", "user_ada"), ("id", "user_ada"), ("first_name", "Bob")];
    assert_eq!(bob.patch("/v1/me", &named).await.response()["id"], "user_bob");
    assert_eq!(ada.get("/v1/me").await.response()["first_name"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn production_knows_no_development_tokens() {
    let production = || {
        Setup::default()
            .option("PHONEPROOF__KEYS__PUBLISHABLE_KEY", "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k")
            .option("PHONEPROOF__KEYS__SECRET_KEY", "sk_live_0123456789abcdef01234567")
            .option("PHONEPROOF__SMS__GATEWAYS__MAIN__PROVIDER", "console")
    };
    let explicit = Setup::default()
        .option("PHONEPROOF__ENVIRONMENT", "production")
        .option("PHONEPROOF__KEYS__PUBLISHABLE_KEY", "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k")
        .option("PHONEPROOF__SMS__GATEWAYS__MAIN__PROVIDER", "console");
    for (setup, key) in [
        (production(), "sk_live_0123456789abcdef01234567"),
        (explicit, "sk_test_0123456789abcdef"),
    ] {
        let app = setup.spawn().await;
        let user = app.user("user_a");
        for (method, path) in OPERATIONS {
            let answer = user.send(user.request(method.parse().unwrap(), path)).await;
            answer.is_error(401, "authentication_invalid");
        }
        for path in ["/dev", "/dev/", "/dev/inbox", "/dev/inbox/stream", "/dev/page.js"] {
            app.nobody().get(path).await.is_error(404, "resource_not_found");
        }
        let issued = app.nobody().post("/dev/token", &[("user", "user_a")]).await;
        issued.is_error(404, "resource_not_found");
        assert_eq!(app.bearer(key).get("/v1/users").await.resource(), &json!([]));
    }
}
