//! Which tokens pass: the port's conformance suite for each algorithm, and every forgery we know.

use std::sync::Arc;

use crate::issuer::{AUDIENCE, HandSet, ISSUER, NOW, Signer, claims, claims_but, jwks};
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::KeySize;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use phoneproof_domain::conformance::identity_provider::{self, Samples};
use phoneproof_domain::ports::{IdentityError, IdentityProvider};
use phoneproof_identity_jwt::JwtIdentityProvider;
use serde_json::{Value, json};

#[expect(clippy::unwrap_used, reason = "a test without its provider has failed")]
fn provider(keys: &[Value], clock: Arc<HandSet>) -> JwtIdentityProvider {
    JwtIdentityProvider::with_jwks(ISSUER, AUDIENCE, &jwks(keys), clock).unwrap()
}

/// Signed by nobody, with this header.
fn unsigned(header: &Value, signature: &str) -> String {
    format!(
        "{}.{}.{signature}",
        BASE64.encode(header.to_string()),
        BASE64.encode(claims().to_string())
    )
}

/// The classical confusion: the public key as the secret of a symmetric signature.
fn hmac_with_public_key(signer: &Signer, kid: &str) -> String {
    let token = unsigned(&json!({ "alg": "HS256", "typ": "JWT", "kid": kid }), "");
    let body = token.trim_end_matches('.');
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, &signer.public_der()),
        body.as_bytes(),
    );
    format!("{body}.{}", BASE64.encode(tag))
}

#[expect(clippy::unwrap_used, reason = "a signed token has three parts")]
fn bad_tokens(signer: &Signer, other: &Signer) -> Vec<(&'static str, String)> {
    let header = |name: &str, value: Value| {
        let mut header = json!({ "alg": signer.algorithm(), "typ": "JWT", "kid": "k" });
        header[name] = value;
        header
    };
    let good = signer.sign("k", &claims());
    let (head, rest) = good.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let tampered = format!(
        "{head}.{}.{signature}",
        BASE64.encode(claims_but("sub", json!("auth0|eve")).to_string())
    );
    let wrong_alg = if signer.algorithm() == "ES256" {
        "RS256"
    } else {
        "ES256"
    };
    let twice = claims().to_string().replacen('{', r#"{"sub":"auth0|eve","#, 1);
    let twice = signer.sign_text(&header("kid", json!("k")).to_string(), &twice);
    let mut bad = vec![
        (
            "alg none",
            unsigned(&json!({ "alg": "none", "typ": "JWT", "kid": "k" }), ""),
        ),
        ("alg None", unsigned(&json!({ "alg": "None", "kid": "k" }), "")),
        (
            "no signature",
            good.rsplit_once('.').map(|(signed, _)| format!("{signed}.")).unwrap(),
        ),
        ("public key as HMAC secret", hmac_with_public_key(signer, "k")),
        (
            "another algorithm in the header",
            signer.sign_with_header(&header("alg", json!(wrong_alg)), &claims()),
        ),
        ("another key", other.sign("k", &claims())),
        ("tampered claims", tampered),
        ("unknown kid", signer.sign("unknown", &claims())),
        (
            "an extension that is critical",
            signer.sign_with_header(&header("crit", json!(["x"])), &claims()),
        ),
        (
            "its own key in the header",
            other.sign_with_header(&header("jwk", other.jwk("k")), &claims()),
        ),
        ("one claim twice", twice),
        ("kid as path", signer.sign("../../k", &claims())),
        (
            "kid of another type",
            signer.sign_with_header(&header("kid", json!(["k"])), &claims()),
        ),
    ];
    for (reason, name, value) in [
        ("wrong audience", "aud", json!("somebody else")),
        ("audiences of others", "aud", json!(["a", "b"])),
        ("no audience", "aud", Value::Null),
        ("no issuer", "iss", Value::Null),
        ("no subject", "sub", Value::Null),
        ("empty subject", "sub", json!("")),
        ("subject with a line break", "sub", json!("a\nb")),
        ("subject of another type", "sub", json!(7)),
        ("no expiry", "exp", Value::Null),
        ("expiry as text", "exp", json!("1800000060")),
        ("expired past the leeway", "exp", json!(NOW - 5)),
        ("not valid yet", "nbf", json!(NOW + 6)),
        ("issued in the future", "iat", json!(NOW + 6)),
    ] {
        bad.push((reason, signer.sign("k", &claims_but(name, value))));
    }
    bad
}

#[tokio::test]
async fn keeps_the_contract_of_the_port_with_every_algorithm() {
    let pairs = [
        (Signer::rsa(KeySize::Rsa2048), Signer::rsa(KeySize::Rsa2048)),
        (Signer::p256(), Signer::p256()),
        (Signer::ed25519(), Signer::ed25519()),
    ];
    for (signer, other) in &pairs {
        let samples = Samples {
            good: signer.sign("k", &claims()),
            user: "auth0|ada".parse().unwrap(),
            foreign: signer.sign("k", &claims_but("iss", json!("https://elsewhere.example.com/"))),
            bad: bad_tokens(signer, other),
        };
        identity_provider::all(&provider(&[signer.jwk("k")], Arc::new(HandSet::at_now())), &samples).await;
    }
}

#[tokio::test]
async fn a_token_of_another_issuer_is_left_to_it_whatever_its_algorithm() {
    let signer = Signer::ed25519();
    let provider = provider(&[signer.jwk("k")], Arc::new(HandSet::at_now()));
    let foreign = claims_but("iss", json!("https://elsewhere.example.com/"));
    for algorithm in ["HS256", "ES512", "none"] {
        let token = signer.sign_with_header(&json!({ "alg": algorithm, "kid": "k" }), &foreign);
        let outcome = provider.identify(&token).await;
        assert!(
            matches!(outcome, Err(IdentityError::NotMine)),
            "{algorithm}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn claims_within_the_leeway_and_lists_of_audiences_pass() {
    let signer = Signer::ed25519();
    let provider = provider(&[signer.jwk("k")], Arc::new(HandSet::at_now()));
    for (name, value) in [
        ("exp", json!(NOW - 4)),
        ("nbf", json!(NOW + 5)),
        ("iat", json!(NOW + 5)),
        ("iat", Value::Null),
        ("nbf", Value::Null),
        ("exp", json!(1_800_000_060.5)),
        ("aud", json!(["other", AUDIENCE])),
    ] {
        let token = signer.sign("k", &claims_but(name, value.clone()));
        assert!(provider.identify(&token).await.is_ok(), "{name} {value}");
    }
}

#[tokio::test]
async fn a_token_that_passed_expires_all_the_same() {
    let (signer, clock) = (Signer::ed25519(), Arc::new(HandSet::at_now()));
    let provider = provider(&[signer.jwk("k")], clock.clone());
    let token = signer.sign("k", &claims());
    assert!(provider.identify(&token).await.is_ok());
    clock.advance(64);
    assert!(provider.identify(&token).await.is_ok(), "within the leeway");
    clock.advance(1);
    assert!(matches!(
        provider.identify(&token).await,
        Err(IdentityError::Invalid(_))
    ));
}

#[tokio::test]
async fn a_token_without_kid_needs_an_only_key() {
    let (one, two) = (Signer::ed25519(), Signer::p256());
    let token = one.sign_with_header(&json!({ "alg": "EdDSA" }), &claims());
    let alone = provider(&[one.jwk("k")], Arc::new(HandSet::at_now()));
    assert!(alone.identify(&token).await.is_ok());
    let both = provider(&[one.jwk("k"), two.jwk("l")], Arc::new(HandSet::at_now()));
    assert!(matches!(both.identify(&token).await, Err(IdentityError::Invalid(_))));
}

#[test]
fn keys_that_cannot_be_trusted_are_no_keys() {
    let clock = || Arc::new(HandSet::at_now());
    let with = |jwk: Value| JwtIdentityProvider::with_jwks(ISSUER, AUDIENCE, &jwks(&[jwk]), clock());
    let mut encrypting = Signer::ed25519().jwk("k");
    encrypting["use"] = json!("enc");
    let mut signing = Signer::ed25519().jwk("k");
    signing["key_ops"] = json!(["sign"]);
    let mut short = Signer::p256().jwk("k");
    short["x"] = json!("AAAA");
    let mut misnamed = Signer::p256().jwk("k");
    misnamed["alg"] = json!("RS256");
    let mut weak = Signer::rsa(KeySize::Rsa2048).jwk("k");
    weak["n"] = json!(&weak["n"].as_str().unwrap()[..170]);
    for (reason, jwk) in [
        ("symmetric", json!({ "kty": "oct", "kid": "k", "k": "c2VjcmV0" })),
        ("for encryption", encrypting),
        ("for other operations", signing),
        ("half a point", short),
        ("named for another algorithm", misnamed),
        ("RSA of 1020 bits", weak),
        ("nonsense", json!({ "kty": "RSA" })),
    ] {
        assert!(with(jwk).is_err(), "{reason}");
    }
    assert!(JwtIdentityProvider::with_jwks(ISSUER, AUDIENCE, "{", clock()).is_err());
    assert!(with(Signer::ed25519().jwk("k")).is_ok());
}
