//! Against a loopback endpoint.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use phoneproof_domain::Timestamp;
use phoneproof_domain::conformance::sms_gateway;
use phoneproof_domain::ports::{MockClock, SendError, SmsGateway};
use phoneproof_domain::{OtpCode, ports::Sms};
use phoneproof_sms_webhook::{Options, WebhookSms};
use serde_json::Value;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn gateway(url: &str) -> WebhookSms {
    let mut clock = MockClock::new();
    clock
        .expect_now()
        .return_const(Timestamp::from_millis(1_700_000_000_000));
    let options = Options {
        url: url.to_owned(),
        secret: SECRET.into(),
        timeout_ms: 300,
    };
    WebhookSms::new(&options, Arc::new(clock)).unwrap()
}

#[tokio::test]
async fn keeps_the_contract_of_its_port() {
    let server = MockServer::start().await;
    let next = AtomicU32::new(0);
    Mock::given(method("POST"))
        .respond_with(move |_: &wiremock::Request| {
            let id = next.fetch_add(1, Ordering::Relaxed);
            ResponseTemplate::new(202).set_body_json(serde_json::json!({ "id": format!("own-{id}") }))
        })
        .mount(&server)
        .await;
    sms_gateway::takes_texts(&gateway(&server.uri()), &"+14155552671".parse().unwrap()).await;
}

fn sms(code: Option<&str>, text: &str) -> Sms {
    Sms::new(
        "sms_2b1Ug0kTf5Wx9Qh3Zr7YcVnAd4E".parse().unwrap(),
        "+14155552671".parse().unwrap(),
        code.map(|code| OtpCode::parse(code).unwrap()),
        text.to_owned(),
        std::time::Duration::from_secs(540),
    )
}

#[tokio::test]
async fn the_event_is_the_contracts_and_the_same_on_every_try() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    let sms = sms(Some("918273"), "918273 is your code");
    for _ in 0..2 {
        gateway(&server.uri()).send(&sms).await.unwrap();
    }
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests[0].headers["svix-id"], requests[1].headers["svix-id"]);
    let event: Value = serde_json::from_slice(&requests[0].body).unwrap();
    assert_eq!(event["type"], "sms.created");
    assert_eq!(event["data"]["to_phone_number"], "+14155552671");
    assert_eq!(event["data"]["data"]["otp_code"], "918273");
    assert_eq!(event["data"]["slug"], "verification_code");
    assert_eq!(event["data"]["delivered_by_clerk"], false);
    assert!(
        requests[0].headers["svix-signature"]
            .to_str()
            .unwrap()
            .starts_with("v1,")
    );
}

#[tokio::test]
async fn a_notice_has_no_code() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(204))
        .mount(&server)
        .await;
    let notice = sms(None, "Your number was changed.");
    gateway(&server.uri()).send(&notice).await.unwrap();
    let requests = server.received_requests().await.unwrap();
    let event: Value = serde_json::from_slice(&requests[0].body).unwrap();
    assert_eq!(event["data"]["slug"], "security_notice");
    assert_eq!(event["data"]["message"], "Your number was changed.");
    assert_eq!(event["data"]["data"], serde_json::json!({ "otp_code": null }));
}

#[tokio::test]
async fn every_refusal_is_sorted() {
    type Kind = fn(&SendError) -> bool;
    let kinds: [(u16, Kind); 6] = [
        (422, |error| matches!(error, SendError::Rejected(_))),
        (401, |error| matches!(error, SendError::Refused(_))),
        (302, |error| matches!(error, SendError::Unknown(_))),
        (429, |error| matches!(error, SendError::Throttled { .. })),
        (503, |error| matches!(error, SendError::Unavailable(_))),
        (500, |error| matches!(error, SendError::Unknown(_))),
    ];
    for (status, kind) in kinds {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(status))
            .mount(&server)
            .await;
        sms_gateway::fails(&gateway(&server.uri()), &"+14155552671".parse().unwrap(), kind).await;
    }
}
