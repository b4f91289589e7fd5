//! Renewing the keys: nobody whose key is known waits, nobody is refused who only came first.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use phoneproof_domain::ports::{IdentityError, IdentityProvider};
use phoneproof_identity_jwt::{JwtIdentityProvider, Options};
use serde_json::{Value, json};
use wiremock::{MockServer, ResponseTemplate};

use crate::issuer::{HandSet, NOW, Signer, claims_but, jwks};
use crate::key_sources::{fetches, fetching, options, serve};

/// Claims that outlive every test here; `jti` makes the token another one.
fn lasting(jti: &str) -> Value {
    let mut claims = claims_but("exp", json!(NOW + 100_000));
    claims["jti"] = json!(jti);
    claims
}

fn keys_of(signers: &[(&str, &Signer)]) -> ResponseTemplate {
    let keys: Vec<Value> = signers.iter().map(|(kid, signer)| signer.jwk(kid)).collect();
    ResponseTemplate::new(200).set_body_string(jwks(&keys))
}

/// An answer that takes long, and yet not as long as the provider waits.
fn slowly(answer: ResponseTemplate) -> ResponseTemplate {
    answer.set_delay(Duration::from_millis(100))
}

async fn running() -> (MockServer, Arc<HandSet>, Signer, Signer) {
    let clock = Arc::new(HandSet::at_now());
    (MockServer::start().await, clock, Signer::ed25519(), Signer::ed25519())
}

#[tokio::test]
async fn all_who_come_with_a_new_key_wait_for_the_one_fetch() {
    let (server, clock, old, new) = running().await;
    serve(&server, keys_of(&[("old", &old)])).await;
    let provider = fetching(&server, &clock);
    assert!(provider.identify(&old.sign("old", &lasting("a"))).await.is_ok());
    serve(&server, slowly(keys_of(&[("new", &new)]))).await;
    clock.advance(60);
    let tokens: Vec<String> = (0..16).map(|n| new.sign("new", &lasting(&n.to_string()))).collect();
    let asked = join_all(tokens.iter().map(|token| provider.identify(token))).await;
    assert!(asked.iter().all(Result::is_ok), "{asked:?}");
    assert_eq!(fetches(&server).await, 1);
}

#[tokio::test]
async fn a_request_that_is_dropped_takes_no_keys_with_it() {
    let (server, clock, signer, _) = running().await;
    serve(&server, slowly(keys_of(&[("k", &signer)]))).await;
    let provider = fetching(&server, &clock);
    let token = signer.sign("k", &lasting("a"));
    let mut first = provider.identify(&token);
    assert!(first.as_mut().now_or_never().is_none(), "the fetch is under way");
    tokio::task::yield_now().await;
    drop(first);
    assert!(provider.identify(&token).await.is_ok());
    assert_eq!(fetches(&server).await, 1);
}

#[tokio::test]
async fn nobody_whose_key_is_known_waits_for_a_fetch() {
    let (server, clock, signer, _) = running().await;
    serve(&server, keys_of(&[("k", &signer)])).await;
    let provider = fetching(&server, &clock);
    assert!(provider.identify(&signer.sign("k", &lasting("a"))).await.is_ok());
    serve(&server, slowly(keys_of(&[("k", &signer)]))).await;
    // Once because the keys are old, once because of somebody else's unknown key.
    clock.advance(900);
    let answer = provider.identify(&signer.sign("k", &lasting("b"))).now_or_never();
    assert!(matches!(answer, Some(Ok(_))), "{answer:?}");
    let made_up = signer.sign("made-up", &lasting("c"));
    let mut stranger = provider.identify(&made_up);
    assert!(stranger.as_mut().now_or_never().is_none());
    let answer = provider.identify(&signer.sign("k", &lasting("d"))).now_or_never();
    assert!(matches!(answer, Some(Ok(_))), "{answer:?}");
    assert!(matches!(stranger.await, Err(IdentityError::Invalid(_))));
    assert_eq!(fetches(&server).await, 1);
}

#[tokio::test]
async fn a_withdrawn_key_is_noticed_though_its_tokens_are_known() {
    let (server, clock, old, new) = running().await;
    serve(&server, keys_of(&[("old", &old)])).await;
    let provider = fetching(&server, &clock);
    let token = old.sign("old", &lasting("a"));
    assert!(provider.identify(&token).await.is_ok());
    serve(&server, keys_of(&[("new", &new)])).await;
    // After so long a silence the first who comes waits for the keys of today.
    clock.advance(1_800);
    let answer = provider.identify(&token).await;
    assert!(matches!(answer, Err(IdentityError::Invalid(_))), "{answer:?}");
}

#[tokio::test]
async fn a_key_taken_out_of_the_file_is_noticed_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    let (old, new, clock) = (Signer::ed25519(), Signer::p256(), Arc::new(HandSet::at_now()));
    std::fs::write(&path, jwks(&[old.jwk("old")])).unwrap();
    let from_file = Options {
        jwks_file: Some(path.clone()),
        ..options()
    };
    let provider = JwtIdentityProvider::new(from_file, clock.clone()).unwrap();
    let token = old.sign("old", &lasting("a"));
    assert!(provider.identify(&token).await.is_ok());
    std::fs::write(&path, jwks(&[new.jwk("new")])).unwrap();
    clock.advance(1_800);
    assert!(provider.identify(&token).await.is_err());
    // A file that is half-written or gone changes nothing.
    std::fs::write(&path, "{").unwrap();
    clock.advance(1_800);
    assert!(provider.identify(&new.sign("new", &lasting("b"))).await.is_ok());
}

#[tokio::test]
async fn a_provider_that_was_away_at_the_start_is_asked_again_soon() {
    let (server, clock, signer, _) = running().await;
    serve(&server, ResponseTemplate::new(503)).await;
    let provider = fetching(&server, &clock);
    let token = signer.sign("k", &lasting("a"));
    for _ in 0..50 {
        assert!(matches!(
            provider.identify(&token).await,
            Err(IdentityError::Unavailable(_))
        ));
    }
    assert_eq!(fetches(&server).await, 1);
    serve(&server, keys_of(&[("k", &signer)])).await;
    clock.advance(5);
    assert!(provider.identify(&token).await.is_ok());
}

#[tokio::test]
async fn a_clock_that_is_set_back_stops_no_renewal() {
    let (server, clock, old, new) = running().await;
    serve(&server, keys_of(&[("old", &old)])).await;
    let provider = fetching(&server, &clock);
    let issued_before = |signer: &Signer, kid: &str| {
        let mut claims = lasting(kid);
        claims["iat"] = json!(NOW - 100_000);
        claims["nbf"] = json!(NOW - 100_000);
        signer.sign(kid, &claims)
    };
    assert!(provider.identify(&issued_before(&old, "old")).await.is_ok());
    serve(&server, keys_of(&[("old", &old), ("new", &new)])).await;
    clock.advance(-3_600);
    assert!(provider.identify(&issued_before(&new, "new")).await.is_ok());
}
