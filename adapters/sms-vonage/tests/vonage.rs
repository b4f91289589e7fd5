//! Against a loopback server that answers as Vonage documents it.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_lc_rs::hmac;
use phoneproof_domain::conformance::sms_gateway;
use phoneproof_domain::ports::{Callback, CallbackError, SendError, Sms, SmsGateway, SmsReceipts};
use phoneproof_domain::{MessageState, OtpCode};
use phoneproof_sms_vonage::{Options, VonageSms};
use serde_json::json;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const TO: &str = "+14155552671";
const NOW: i64 = 1_700_000_000;

fn gateway(url: &str) -> VonageSms {
    let options = Options {
        api_key: "abcd1234".to_owned(),
        api_secret: "secret".into(),
        signature_secret: Some("signature".into()),
        from: "Acme".to_owned(),
        base_url: url.to_owned(),
        timeout_ms: 300,
    };
    VonageSms::new(options, Some("https://phone.example.com/cb".to_owned())).unwrap()
}

async fn vonage(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/sms/json"))
        .respond_with(answer)
        .mount(&server)
        .await;
    server
}

fn status(status: &str) -> ResponseTemplate {
    let message = json!({ "status": status, "error-text": format!("about {TO}") });
    ResponseTemplate::new(200).set_body_json(json!({ "message-count": "1", "messages": [message] }))
}

#[tokio::test]
async fn keeps_the_contract_of_its_port() {
    let server = MockServer::start().await;
    let next = AtomicU32::new(0);
    Mock::given(method("POST"))
        .respond_with(move |_: &wiremock::Request| {
            let id = next.fetch_add(1, Ordering::Relaxed);
            ResponseTemplate::new(200).set_body_json(json!({ "message-count": "1", "messages": [{
                "to": "14155552671", "message-id": format!("{id:016X}"), "status": "0", "remaining-balance": "3.14",
                "message-price": "0.03", "network": "310410",
            }] }))
        })
        .mount(&server)
        .await;
    sms_gateway::takes_texts(&gateway(&server.uri()), &TO.parse().unwrap()).await;
}

#[tokio::test]
async fn the_form_says_everything_that_vonage_needs() {
    let server = vonage(status("4")).await;
    let id = "sms_2b1Ug0kTf5Wx9Qh3Zr7YcVnAd4E";
    for text in ["918273 is your code", "918273 — ваш код"] {
        let code = OtpCode::parse("918273").unwrap();
        let sms = Sms::new(
            id.parse().unwrap(),
            TO.parse().unwrap(),
            Some(code),
            text.to_owned(),
            Duration::from_secs(540),
        );
        let _ = gateway(&server.uri()).send(&sms).await.unwrap_err();
    }
    let requests = server.received_requests().await.unwrap();
    let body = |at: usize| String::from_utf8(requests[at].body.clone()).unwrap();
    assert_eq!(
        body(0),
        format!(
            "api_key=abcd1234&api_secret=secret&from=Acme&to=14155552671&text=918273+is+your+code&type=text&ttl=540000\
             &client-ref={id}&callback=https%3A%2F%2Fphone.example.com%2Fcb"
        )
    );
    assert!(body(1).contains("&type=unicode&"));
}

#[tokio::test]
async fn every_refusal_is_sorted() {
    type Kind = fn(&SendError) -> bool;
    let rejected: Kind = |error| matches!(error, SendError::Rejected(_));
    let refused: Kind = |error| matches!(error, SendError::Refused(_));
    let throttled: Kind = |error| matches!(error, SendError::Throttled { .. });
    let unavailable: Kind = |error| matches!(error, SendError::Unavailable(_));
    let unknown: Kind = |error| matches!(error, SendError::Unknown(_));
    for (answer, kind) in [
        (status("1"), throttled),
        (status("4"), refused),
        (status("5"), unavailable),
        (status("6"), rejected),
        (status("7"), rejected),
        (status("9"), refused),
        (status("99"), refused),
        (ResponseTemplate::new(429).insert_header("retry-after", "3"), throttled),
        (ResponseTemplate::new(503), unavailable),
        (ResponseTemplate::new(500), unknown),
        (ResponseTemplate::new(200).set_body_string("garbage"), unknown),
        (
            ResponseTemplate::new(200).set_body_json(json!({ "messages": [] })),
            unknown,
        ),
        (ResponseTemplate::new(200).set_delay(Duration::from_secs(2)), unknown),
    ] {
        let server = vonage(answer).await;
        sms_gateway::fails(&gateway(&server.uri()), &TO.parse().unwrap(), kind).await;
    }
}

fn receipt(fields: &[(&str, &str)]) -> Callback {
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    let signed = sorted.iter().fold(String::new(), |text, (name, value)| {
        text + "&" + name + "=" + &value.replace(['&', '='], "_")
    });
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"signature");
    let tag = hmac::sign(&key, signed.as_bytes());
    let hex: String = tag
        .as_ref()
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let query = sorted
        .iter()
        .fold(String::new(), |text, (name, value)| text + name + "=" + value + "&");
    Callback {
        query: format!("{query}sig={hex}"),
        now: NOW,
        ..Callback::default()
    }
}

#[test]
fn receipts_are_believed_with_vonages_signature_alone() {
    let gateway = gateway("https://rest.nexmo.com");
    let now = NOW.to_string();
    for (status, code, state) in [
        ("delivered", "0", Some(MessageState::Delivered)),
        ("failed", "1", Some(MessageState::Undelivered)),
        ("accepted", "0", Some(MessageState::Sent)),
        ("unknown", "0", None),
    ] {
        let call = receipt(&[
            ("messageId", "0A"),
            ("status", status),
            ("err-code", code),
            ("timestamp", &now),
        ]);
        let read = gateway.read(&call).unwrap();
        assert_eq!(read.first().map(|receipt| receipt.state), state, "{status}");
    }
    let call = receipt(&[("messageId", "0A"), ("status", "delivered"), ("timestamp", &now)]);
    let late = (NOW - 301).to_string();
    for forged in [
        Callback {
            query: call.query.replace("0A", "0B"),
            ..call.clone()
        },
        Callback {
            query: String::new(),
            ..call
        },
        receipt(&[("messageId", "0A"), ("status", "delivered"), ("timestamp", &late)]),
        receipt(&[("messageId", "0A"), ("status", "delivered")]),
    ] {
        assert!(matches!(gateway.read(&forged), Err(CallbackError::Signature)));
    }
}
