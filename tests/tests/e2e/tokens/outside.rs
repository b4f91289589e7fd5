//! Users of an outside identity provider, made at first sight.

use std::time::Duration;

use phoneproof_tests::{Setup, TestApp};
use serde_json::{Value, json};
use tempfile::TempDir;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::issuer::{AUDIENCE, ISSUER, NOW, Signer, claims, claims_but, jwks, tampered, unsigned};

fn configured(name: &str, value: impl Into<String>) -> Setup {
    Setup::default()
        .option("PHONEPROOF__IDENTITY__PROVIDER", "jwt")
        .option("PHONEPROOF__IDENTITY__ISSUER", ISSUER)
        .option("PHONEPROOF__IDENTITY__AUDIENCE", AUDIENCE)
        .option(name, value)
}

/// An app whose users come from the keys of `signers`, in a file that lives as long as the folder.
#[expect(clippy::unwrap_used, reason = "a test without its key file has failed")]
fn with_file(signers: &[&Signer]) -> (TempDir, Setup) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
    std::fs::write(&path, jwks(&keys)).unwrap();
    let setup = configured("PHONEPROOF__IDENTITY__JWKS_FILE", path.to_str().unwrap());
    (folder, setup)
}

async fn serve(server: &MockServer, answer: ResponseTemplate) {
    server.reset().await;
    Mock::given(method("GET")).respond_with(answer).mount(server).await;
}

async fn users(app: &TestApp) -> Vec<String> {
    let list = app
        .back_end()
        .get("/v1/users?order_by=created_at")
        .await
        .resource()
        .clone();
    let ids = list.as_array().cloned().unwrap_or_default();
    ids.iter()
        .filter_map(|user| user["id"].as_str().map(str::to_owned))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_becomes_a_user_at_first_sight_whatever_signs_for_it() {
    let (rsa, p256, ed25519) = (Signer::rsa(), Signer::p256(), Signer::ed25519());
    let (_folder, setup) = with_file(&[&rsa, &p256, &ed25519]);
    let app = setup.spawn().await;
    assert_eq!(users(&app).await, Vec::<String>::new());
    for signer in [&rsa, &p256, &ed25519] {
        let user = app.bearer(&signer.sign(&claims("auth0|123")));
        assert_eq!(
            user.get("/v1/me").await.response()["id"],
            "auth0|123",
            "{}",
            signer.algorithm()
        );
    }
    let user = app.bearer(&rsa.sign(&claims("auth0|123")));
    let (id, _) = app.verified_number(&user).await;
    // The back end knows the user by the same name.
    let shown = app.back_end().get("/v1/users/auth0%7C123").await.resource().clone();
    assert_eq!(
        (&shown["id"], &shown["primary_phone_number_id"]),
        (&json!("auth0|123"), &json!(id))
    );
    let several = claims_but("aud", json!(["other", AUDIENCE]));
    assert_eq!(
        app.bearer(&p256.sign(&several)).get("/v1/me").await.response()["id"],
        "auth0|eve"
    );
    // Development tokens go on working beside it.
    assert_eq!(app.user("user_dev").get("/v1/me").await.response()["id"], "user_dev");
    let mut known = users(&app).await;
    known.sort();
    assert_eq!(known, ["auth0|123", "auth0|eve", "user_dev"]);
    let deleted = app.back_end().delete("/v1/users/auth0%7C123").await.resource().clone();
    assert_eq!(deleted, json!({ "object": "user", "id": "auth0|123", "deleted": true }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_token_makes_nobody() {
    let (rsa, ed25519) = (Signer::rsa(), Signer::ed25519());
    let (_folder, setup) = with_file(&[&rsa, &ed25519]);
    let app = setup.spawn().await;
    for signer in [&rsa, &ed25519] {
        let other = if signer.algorithm() == "RS256" {
            Signer::rsa()
        } else {
            Signer::ed25519()
        };
        let eve = claims("auth0|eve");
        let none = unsigned(&json!({ "alg": "none", "typ": "JWT", "kid": signer.algorithm() }), &eve);
        let good = signer.sign(&eve);
        let mut forged = vec![
            ("another key", other.sign(&eve)),
            ("an unknown key", Signer::p256().sign(&eve)),
            ("alg none", format!("{none}.")),
            ("no signature", format!("{}.", good.rsplit_once('.').unwrap().0)),
            ("another subject", tampered(&good, "sub", &json!("auth0|ada"))),
            ("a later expiry", tampered(&good, "exp", &json!(NOW + 600))),
        ];
        for (reason, name, value) in [
            ("wrong audience", "aud", json!("somebody else")),
            ("no audience", "aud", Value::Null),
            (
                "another issuer",
                "iss",
                json!("https://login.example.com.evil.example/"),
            ),
            ("issuer without the slash", "iss", json!("https://login.example.com")),
            ("the development issuer", "iss", json!("phoneproof-development")),
            ("no issuer", "iss", Value::Null),
            ("expired", "exp", json!(NOW - 5)),
            ("no expiry", "exp", Value::Null),
            ("not yet", "nbf", json!(NOW + 6)),
            ("no subject", "sub", Value::Null),
            ("an empty subject", "sub", json!("")),
            ("a subject with a blank", "sub", json!("auth0| eve")),
        ] {
            forged.push((reason, signer.sign(&claims_but(name, value))));
        }
        for (reason, token) in forged {
            let eve = app.bearer(&token);
            for answer in [
                eve.get("/v1/me").await,
                eve.post("/v1/me/phone_numbers", &[("phone_number", &app.number())])
                    .await,
            ] {
                assert_eq!(answer.status, 401, "{reason}, {}: {answer:#?}", signer.algorithm());
                answer.is_error(401, "authentication_invalid");
            }
        }
    }
    assert_eq!(users(&app).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_accepted_expires_all_the_same() {
    let signer = Signer::p256();
    let (_folder, setup) = with_file(&[&signer]);
    let app = setup.option("PHONEPROOF__IDENTITY__LEEWAY_SECONDS", "0").spawn().await;
    let user = app.bearer(&signer.sign(&claims("auth0|ada")));
    app.clock.advance(Duration::from_millis(59_999));
    assert_eq!(user.get("/v1/me").await.response()["id"], "auth0|ada");
    app.clock.advance(Duration::from_millis(1));
    user.get("/v1/me").await.is_error(401, "authentication_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_configured_algorithms_sign() {
    let (rsa, p256) = (Signer::rsa(), Signer::p256());
    let (_folder, setup) = with_file(&[&rsa, &p256]);
    let app = setup.option("PHONEPROOF__IDENTITY__ALGORITHMS", "ES256").spawn().await;
    app.bearer(&rsa.sign(&claims("auth0|eve")))
        .get("/v1/me")
        .await
        .is_error(401, "authentication_invalid");
    let accepted = app.bearer(&p256.sign(&claims("auth0|ada"))).get("/v1/me").await;
    assert_eq!(accepted.response()["id"], "auth0|ada");
    assert_eq!(users(&app).await, ["auth0|ada"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_from_a_server_which_may_be_away_for_a_while() {
    let (server, signer) = (MockServer::start().await, Signer::rsa());
    serve(&server, ResponseTemplate::new(500)).await;
    let app = configured("PHONEPROOF__IDENTITY__JWKS_URL", format!("{}/jwks.json", server.uri()))
        .option("PHONEPROOF__IDENTITY__TIMEOUT_MS", "2000")
        .spawn()
        .await;
    let mut long = claims("auth0|ada");
    long["exp"] = json!(NOW + 7_200);
    let user = app.bearer(&signer.sign(&long));
    for _ in 0..3 {
        let away = user.get("/v1/me").await;
        away.is_error(503, "service_unavailable");
        assert_eq!(away.header("retry-after"), Some("2"));
    }
    assert_eq!(
        server.received_requests().await.map(|all| all.len()),
        Some(1),
        "asked once a minute"
    );
    assert_eq!(users(&app).await, Vec::<String>::new());
    // Everybody else is served meanwhile.
    assert_eq!(app.user("user_dev").get("/v1/me").await.response()["id"], "user_dev");
    app.bearer("nonsense")
        .get("/v1/me")
        .await
        .is_error(401, "authentication_invalid");

    serve(
        &server,
        ResponseTemplate::new(200).set_body_string(jwks(&[signer.jwk()])),
    )
    .await;
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(user.get("/v1/me").await.response()["id"], "auth0|ada");
    // Once the keys are known the server may go.
    serve(&server, ResponseTemplate::new(500)).await;
    app.clock.advance(Duration::from_secs(3_600));
    long["jti"] = json!("another token");
    let again = app.bearer(&signer.sign(&long)).get("/v1/me").await;
    assert_eq!(again.response()["id"], "auth0|ada");
    let forged = app.bearer(&Signer::rsa().sign(&long)).get("/v1/me").await;
    forged.is_error(401, "authentication_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_users_sign_in_elsewhere_the_only_number_may_be_the_second_factor() {
    let signer = Signer::ed25519();
    let (_folder, setup) = with_file(&[&signer]);
    let reserve = [("reserved_for_second_factor", "true")];
    let app = setup.spawn().await;
    let user = app.bearer(&signer.sign(&claims("auth0|ada")));
    let path = format!("/v1/me/phone_numbers/{}", app.verified_number(&user).await.0);
    let on = user.patch(&path, &reserve).await.response().clone();
    assert_eq!(
        (
            &on["default_second_factor"],
            on["backup_codes"].as_array().map(Vec::len)
        ),
        (&json!(true), Some(10))
    );
    assert_eq!(
        user.delete(&path).await.response()["deleted"],
        true,
        "nor is the last one kept"
    );

    // Unless the operator says that numbers identify users all the same.
    let (_folder, setup) = with_file(&[&signer]);
    let app = setup
        .option("PHONEPROOF__PHONE_NUMBERS__USED_FOR_FIRST_FACTOR", "true")
        .spawn()
        .await;
    let user = app.bearer(&signer.sign(&claims("auth0|ada")));
    let path = format!("/v1/me/phone_numbers/{}", app.verified_number(&user).await.0);
    user.patch(&path, &reserve)
        .await
        .is_error(400, "identification_update_failed");
    user.delete(&path).await.is_error(400, "identification_deletion_failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn production_takes_the_outside_tokens_alone() {
    let signer = Signer::rsa();
    let (_folder, setup) = with_file(&[&signer]);
    let app = setup
        .option("PHONEPROOF__KEYS__PUBLISHABLE_KEY", "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k")
        .option("PHONEPROOF__KEYS__SECRET_KEY", "sk_live_0123456789abcdef01234567")
        .option("PHONEPROOF__SMS__GATEWAYS__MAIN__PROVIDER", "console")
        .spawn()
        .await;
    let user = app.bearer(&signer.sign(&claims("auth0|ada")));
    assert_eq!(user.get("/v1/me").await.response()["id"], "auth0|ada");
    app.user("auth0|ada")
        .get("/v1/me")
        .await
        .is_error(401, "authentication_invalid");
}
