//! Where keys come from: a URL that is slow, wrong, away or rotating, and a file.

use std::sync::Arc;
use std::time::Duration;

use crate::issuer::{self, AUDIENCE, HandSet, ISSUER, Signer, claims, jwks};
use futures_util::future::join_all;
use phoneproof_domain::ports::{IdentityError, IdentityProvider};
use phoneproof_identity_jwt::{Algorithm, JwtIdentityProvider, Options, PhoneNumbers};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

#[expect(clippy::unwrap_used, reason = "the name is well-formed")]
pub(crate) fn options() -> Options {
    Options {
        issuer: ISSUER.to_owned(),
        audience: vec![AUDIENCE.to_owned()],
        jwks_url: None,
        jwks_file: None,
        name: "acme".parse().unwrap(),
        phone_numbers: PhoneNumbers::Off,
        algorithms: Algorithm::ALL.to_vec(),
        leeway_seconds: 5,
        timeout_ms: 5_000,
        max_age_seconds: 900,
    }
}

pub(crate) async fn serve(server: &MockServer, answer: ResponseTemplate) {
    server.reset().await;
    Mock::given(method("GET")).respond_with(answer).mount(server).await;
}

#[expect(clippy::unwrap_used, reason = "a test without its provider has failed")]
pub(crate) fn fetching(server: &MockServer, clock: &Arc<HandSet>) -> JwtIdentityProvider {
    let options = Options {
        jwks_url: Some(format!("{}/jwks.json", server.uri())),
        timeout_ms: 300,
        ..options()
    };
    JwtIdentityProvider::new(options, clock.clone()).unwrap()
}

pub(crate) async fn fetches(server: &MockServer) -> usize {
    server.received_requests().await.unwrap_or_default().len()
}

#[tokio::test]
async fn keys_are_fetched_once_for_many_first_requests() {
    let (server, clock, signer) = (
        MockServer::start().await,
        Arc::new(HandSet::at_now()),
        Signer::ed25519(),
    );
    serve(
        &server,
        ResponseTemplate::new(200).set_body_string(jwks(&[signer.jwk("k")])),
    )
    .await;
    let provider = fetching(&server, &clock);
    let token = signer.sign("k", &claims());
    let asked = join_all((0..16).map(|_| provider.identify(&token))).await;
    assert!(asked.iter().all(Result::is_ok), "{asked:?}");
    assert_eq!(fetches(&server).await, 1);
}

#[tokio::test]
async fn made_up_key_ids_cost_one_fetch_a_minute() {
    let (server, clock, signer) = (
        MockServer::start().await,
        Arc::new(HandSet::at_now()),
        Signer::ed25519(),
    );
    serve(
        &server,
        ResponseTemplate::new(200).set_body_string(jwks(&[signer.jwk("k")])),
    )
    .await;
    let provider = fetching(&server, &clock);
    for n in 0..50 {
        let outcome = provider
            .identify(&signer.sign(&format!("made-up-{n}"), &claims()))
            .await;
        assert!(matches!(outcome, Err(IdentityError::Invalid(_))), "{outcome:?}");
    }
    assert_eq!(fetches(&server).await, 1);
    clock.advance(60);
    let _ = provider.identify(&signer.sign("made-up", &claims())).await;
    assert_eq!(fetches(&server).await, 2);
}

#[tokio::test]
async fn a_new_key_is_found_and_an_old_one_forgotten() {
    let (server, clock) = (MockServer::start().await, Arc::new(HandSet::at_now()));
    let (old, new) = (Signer::ed25519(), Signer::p256());
    serve(
        &server,
        ResponseTemplate::new(200).set_body_string(jwks(&[old.jwk("old")])),
    )
    .await;
    let provider = fetching(&server, &clock);
    let old_token = old.sign("old", &claims());
    assert!(provider.identify(&old_token).await.is_ok());
    serve(
        &server,
        ResponseTemplate::new(200).set_body_string(jwks(&[new.jwk("new")])),
    )
    .await;
    clock.advance(60);
    let mut later = claims();
    later["exp"] = serde_json::json!(issuer::NOW + 600);
    assert!(provider.identify(&new.sign("new", &later)).await.is_ok());
    assert!(
        provider.identify(&old.sign("old", &later)).await.is_err(),
        "a withdrawn key still signs"
    );
}

#[tokio::test]
async fn keys_grow_old() {
    let (server, clock, signer) = (
        MockServer::start().await,
        Arc::new(HandSet::at_now()),
        Signer::ed25519(),
    );
    serve(
        &server,
        ResponseTemplate::new(200).set_body_string(jwks(&[signer.jwk("k")])),
    )
    .await;
    let provider = fetching(&server, &clock);
    let mut long = claims();
    long["exp"] = serde_json::json!(issuer::NOW + 5_000);
    assert!(provider.identify(&signer.sign("k", &long)).await.is_ok());
    clock.advance(900);
    long["jti"] = serde_json::json!("another token");
    assert!(provider.identify(&signer.sign("k", &long)).await.is_ok());
    // That went on meanwhile; who comes with an unknown key waits for it and causes no other.
    assert!(provider.identify(&signer.sign("unknown", &long)).await.is_err());
    assert_eq!(fetches(&server).await, 2);
    // The provider goes away: the keys at hand serve on.
    serve(&server, ResponseTemplate::new(500)).await;
    clock.advance(900);
    long["jti"] = serde_json::json!("a third token");
    assert!(provider.identify(&signer.sign("k", &long)).await.is_ok());
    assert!(provider.identify(&signer.sign("unknown", &long)).await.is_err());
    assert!(provider.identify(&signer.sign("k", &long)).await.is_ok());
    assert_eq!(fetches(&server).await, 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed_even_to_the_right_keys() {
    let (server, signer) = (MockServer::start().await, Signer::ed25519());
    let elsewhere = ResponseTemplate::new(302).insert_header("location", format!("{}/moved", server.uri()));
    let keys = ResponseTemplate::new(200).set_body_string(jwks(&[signer.jwk("k")]));
    for (at, answer) in [("/jwks.json", elsewhere), ("/moved", keys)] {
        let mock = Mock::given(method("GET")).and(path(at));
        mock.respond_with(answer).mount(&server).await;
    }
    let provider = fetching(&server, &Arc::new(HandSet::at_now()));
    let outcome = provider.identify(&signer.sign("k", &claims())).await;
    assert!(matches!(outcome, Err(IdentityError::Unavailable(_))), "{outcome:?}");
    assert_eq!(fetches(&server).await, 1);
}

#[tokio::test]
async fn what_is_no_key_set_leaves_users_unknown_for_now() {
    let (server, signer) = (MockServer::start().await, Signer::ed25519());
    let keys = jwks(&[signer.jwk("k")]);
    let padded = format!("{}{}", " ".repeat(300 * 1024), keys);
    for (reason, answer) in [
        ("an error", ResponseTemplate::new(503)),
        ("garbage", ResponseTemplate::new(200).set_body_string("<html>")),
        ("no usable key", ResponseTemplate::new(200).set_body_string(jwks(&[]))),
        ("too large", ResponseTemplate::new(200).set_body_string(padded)),
        (
            "too slow",
            ResponseTemplate::new(200)
                .set_body_string(keys.clone())
                .set_delay(Duration::from_secs(30)),
        ),
    ] {
        serve(&server, answer).await;
        let provider = fetching(&server, &Arc::new(HandSet::at_now()));
        let outcome = provider.identify(&signer.sign("k", &claims())).await;
        assert!(
            matches!(outcome, Err(IdentityError::Unavailable(_))),
            "{reason}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_file_is_read_at_the_start_and_again_for_an_unknown_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    let (old, new, clock) = (Signer::ed25519(), Signer::p256(), Arc::new(HandSet::at_now()));
    std::fs::write(&path, jwks(&[old.jwk("old")])).unwrap();
    let provider = JwtIdentityProvider::new(
        Options {
            jwks_file: Some(path.clone()),
            ..options()
        },
        clock.clone(),
    )
    .unwrap();
    assert!(provider.identify(&old.sign("old", &claims())).await.is_ok());
    std::fs::write(&path, jwks(&[old.jwk("old"), new.jwk("new")])).unwrap();
    assert!(provider.identify(&new.sign("new", &claims())).await.is_ok());
}

#[test]
fn options_that_cannot_work_name_themselves() {
    let url = |url: &str| Options {
        jwks_url: Some(url.to_owned()),
        ..options()
    };
    let refused = |options: Options| {
        JwtIdentityProvider::new(options, Arc::new(HandSet::at_now()))
            .err()
            .unwrap()
            .to_string()
    };
    assert!(refused(options()).contains("one of jwks_url and jwks_file"));
    assert!(
        refused(Options {
            jwks_file: Some("x".into()),
            ..url("https://a.example/")
        })
        .contains("one of")
    );
    assert!(refused(url("http://login.example.com/jwks.json")).contains("must be https"));
    assert!(refused(url("file:///etc/passwd")).contains("must be https"));
    assert!(refused(url("nonsense")).contains("no URL"));
    assert!(refused(url("https://user:secret@a.example/jwks.json")).contains("no password"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), jwks(&[Signer::ed25519().jwk("k")])).unwrap();
    let not_allowed = Options {
        jwks_file: Some(file.path().to_owned()),
        algorithms: vec![Algorithm::Rs256, Algorithm::Es256],
        ..options()
    };
    assert!(refused(not_allowed).contains("no usable key"));
    assert!(
        refused(Options {
            jwks_file: Some("/nowhere/jwks.json".into()),
            ..options()
        })
        .contains("/nowhere/jwks.json")
    );
    assert!(
        refused(Options {
            issuer: String::new(),
            ..url("https://a.example/")
        })
        .contains("issuer")
    );
}
