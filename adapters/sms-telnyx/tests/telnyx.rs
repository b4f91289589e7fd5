//! Against a loopback server that answers as Telnyx documents it.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use phoneproof_domain::MessageState;
use phoneproof_domain::conformance::sms_gateway;
use phoneproof_domain::ports::{Callback, CallbackError, SendError, SmsReceipts};
use phoneproof_sms_telnyx::{Options, TelnyxSms};
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const TO: &str = "+14155552671";
const NOW: i64 = 1_700_000_000;

fn gateway(url: &str, public_key: Option<String>) -> TelnyxSms {
    let options = Options {
        api_key: "KEY123".into(),
        public_key,
        from: Some("+14155550000".to_owned()),
        messaging_profile_id: None,
        base_url: url.to_owned(),
        timeout_ms: 300,
    };
    TelnyxSms::new(options, Some("https://phone.example.com/cb".to_owned())).unwrap()
}

#[tokio::test]
async fn keeps_the_contract_of_its_port() {
    let server = MockServer::start().await;
    let next = AtomicU32::new(0);
    Mock::given(method("POST"))
        .and(path("/v2/messages"))
        .and(header("authorization", "Bearer KEY123"))
        .respond_with(move |request: &wiremock::Request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            assert_eq!((&body["to"], &body["from"]), (&json!(TO), &json!("+14155550000")));
            let id = next.fetch_add(1, Ordering::Relaxed);
            let to = json!([{ "phone_number": TO, "status": "queued", "carrier": "", "line_type": "" }]);
            ResponseTemplate::new(200).set_body_json(
                json!({ "data": { "record_type": "message", "id": format!("{id:032x}"), "to": to, "parts": 1 } }),
            )
        })
        .mount(&server)
        .await;
    sms_gateway::takes_texts(&gateway(&server.uri(), None), &TO.parse().unwrap()).await;
}

#[tokio::test]
async fn every_refusal_is_sorted() {
    type Kind = fn(&SendError) -> bool;
    let rejected: Kind = |error| matches!(error, SendError::Rejected(_));
    let refused: Kind = |error| matches!(error, SendError::Refused(_));
    let throttled: Kind = |error| matches!(error, SendError::Throttled { .. });
    let unavailable: Kind = |error| matches!(error, SendError::Unavailable(_));
    let unknown: Kind = |error| matches!(error, SendError::Unknown(_));
    let error = |status: u16, code: &str| {
        let errors = json!({ "errors": [{ "code": code, "title": format!("about {TO}"), "detail": "…" }] });
        ResponseTemplate::new(status).set_body_json(errors)
    };
    for (answer, kind) in [
        (error(400, "40300"), rejected),
        (error(400, "40001"), rejected),
        (error(401, "10009"), refused),
        (error(403, "20100"), refused),
        (error(400, "40305"), refused),
        (error(429, "10011"), throttled),
        (error(503, "50003"), unavailable),
        (error(500, "10007"), unavailable),
        (error(400, "99999"), refused),
        (ResponseTemplate::new(502).set_body_string("<html>"), unknown),
        (ResponseTemplate::new(200).set_body_string("garbage"), unknown),
        (ResponseTemplate::new(200).set_delay(Duration::from_secs(2)), unknown),
    ] {
        let server = MockServer::start().await;
        Mock::given(method("POST")).respond_with(answer).mount(&server).await;
        sms_gateway::fails(&gateway(&server.uri(), None), &TO.parse().unwrap(), kind).await;
    }
}

#[test]
fn receipts_are_believed_with_telnyxs_signature_alone() {
    let pair = Ed25519KeyPair::generate().unwrap();
    let gateway = gateway(
        "https://api.telnyx.com",
        Some(BASE64_STANDARD.encode(pair.public_key())),
    );
    let call = |status: &str, time: i64| {
        let payload = json!({ "id": "m7", "to": [{ "phone_number": TO, "status": status }], "errors": [] });
        let body = json!({ "data": { "event_type": "message.finalized", "payload": payload } }).to_string();
        let signature = pair.sign(format!("{time}|{body}").as_bytes());
        Callback {
            headers: vec![
                ("telnyx-timestamp".to_owned(), time.to_string()),
                ("telnyx-signature-ed25519".to_owned(), BASE64_STANDARD.encode(signature)),
            ],
            body: body.into_bytes(),
            now: NOW,
            ..Callback::default()
        }
    };
    for (status, state) in [
        ("sent", Some(MessageState::Sent)),
        ("delivered", Some(MessageState::Delivered)),
        ("delivery_failed", Some(MessageState::Undelivered)),
        ("queued", None),
        ("delivery_unconfirmed", None),
    ] {
        let read = gateway.read(&call(status, NOW)).unwrap();
        assert_eq!(
            read.first()
                .map(|receipt| (receipt.state, receipt.provider_id.as_str())),
            state.map(|state| (state, "m7"))
        );
    }
    let mut edited = call("delivery_failed", NOW);
    edited.body = call("delivered", NOW).body;
    for forged in [
        edited,
        call("delivered", NOW - 301),
        Callback {
            now: NOW,
            ..Callback::default()
        },
    ] {
        assert!(matches!(gateway.read(&forged), Err(CallbackError::Signature)));
    }
}
