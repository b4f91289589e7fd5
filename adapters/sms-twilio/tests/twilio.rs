//! Against a loopback server that answers as Twilio documents it.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::time::Duration;

use phoneproof_domain::conformance::sms_gateway;
use phoneproof_domain::ports::{Callback, CallbackError, SendError, Sms, SmsGateway, SmsReceipts};
use phoneproof_domain::{MessageState, OtpCode};
use phoneproof_sms_twilio::{Options, OptionsError, TwilioSms};
use wiremock::matchers::{body_string_contains, header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const SERVICE: &str = "MG0123456789abcdef0123456789abcdef";
const TO: &str = "+14155552671";

fn options(url: &str) -> Options {
    Options {
        account_sid: ACCOUNT.to_owned(),
        auth_token: Some("12345".into()),
        api_key: None,
        api_key_secret: None,
        from: Some("+14155550000".to_owned()),
        messaging_service_sid: None,
        base_url: url.to_owned(),
        timeout_ms: 500,
    }
}

fn sms() -> Sms {
    Sms::new(
        "sms_2b1Ug0kTf5Wx9Qh3Zr7YcVnAd4E".parse().unwrap(),
        TO.parse().unwrap(),
        Some(OtpCode::parse("918273").unwrap()),
        "918273 is your code & more: é".to_owned(),
        Duration::from_secs(540),
    )
}

/// What Twilio answers to a message that it takes (201).
fn created(request: &Request) -> ResponseTemplate {
    use std::hash::{BuildHasher, RandomState};
    let sid = format!("SM{:032x}", RandomState::new().hash_one(request.body.len()));
    ResponseTemplate::new(201).set_body_json(serde_json::json!({
        "sid": sid, "account_sid": ACCOUNT, "status": "accepted", "from": null, "to": TO, "body": "…",
        "messaging_service_sid": SERVICE, "num_segments": "0", "price": null, "error_code": null, "date_sent": null,
    }))
}

async fn twilio(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    server
}

fn refusal(status: u16, code: u32) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(serde_json::json!({
        "code": code, "message": format!("about {TO}"), "more_info": "https://www.twilio.com/docs/errors", "status": status,
    }))
}

#[tokio::test]
async fn keeps_the_contract_of_its_port() {
    let server = MockServer::start().await;
    Mock::given(path(format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json")))
        // AC…:12345
        .and(header(
            "authorization",
            "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjoxMjM0NQ==",
        ))
        .and(body_string_contains("From=%2B14155550000"))
        .respond_with(created)
        .mount(&server)
        .await;
    let gateway = TwilioSms::new(options(&server.uri()), None).unwrap();
    sms_gateway::takes_texts(&gateway, &TO.parse().unwrap()).await;
}

#[tokio::test]
async fn the_form_says_everything_that_twilio_needs() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(created).mount(&server).await;
    let options = Options {
        api_key: Some("SK1".to_owned()),
        api_key_secret: Some("secret".into()),
        from: None,
        messaging_service_sid: Some(SERVICE.to_owned()),
        ..options(&server.uri())
    };
    let gateway = TwilioSms::new(options, Some("https://phone.example.com/cb".to_owned())).unwrap();
    gateway.send(&sms()).await.unwrap();
    let mut named = sms();
    named.sender = Some("Acme".to_owned());
    gateway.send(&named).await.unwrap();
    let requests = server.received_requests().await.unwrap();
    let body = |at: usize| String::from_utf8(requests[at].body.clone()).unwrap();
    assert_eq!(
        body(0),
        format!(
            "To=%2B14155552671&MessagingServiceSid={SERVICE}&Body=918273+is+your+code+%26+more%3A+%C3%A9&ValidityPeriod=540\
             &StatusCallback=https%3A%2F%2Fphone.example.com%2Fcb"
        )
    );
    assert!(body(1).contains("&From=Acme&"), "the route's sender wins");
    assert_eq!(requests[0].headers["authorization"], "Basic U0sxOnNlY3JldA==");
}

#[tokio::test]
async fn every_refusal_is_sorted() {
    type Kind = fn(&SendError) -> bool;
    let rejected: Kind = |error| matches!(error, SendError::Rejected(_));
    let refused: Kind = |error| matches!(error, SendError::Refused(_));
    let throttled: Kind = |error| matches!(error, SendError::Throttled { retry_after } if retry_after.as_secs() == 5);
    let unavailable: Kind = |error| matches!(error, SendError::Unavailable(_));
    let unknown: Kind = |error| matches!(error, SendError::Unknown(_));
    let long_throttled: Kind =
        |error| matches!(error, SendError::Throttled { retry_after } if retry_after.as_secs() == 17);
    for (answer, kind) in [
        (refusal(400, 21211), rejected),
        (refusal(400, 21610), rejected),
        (refusal(400, 21612), rejected),
        (refusal(400, 21614), rejected),
        (refusal(400, 30006), rejected),
        (refusal(400, 21408), refused),
        (refusal(401, 20003), refused),
        (refusal(400, 21606), refused),
        (refusal(429, 63038), refused),
        (refusal(429, 20429), throttled),
        (refusal(429, 20429).insert_header("retry-after", "17"), long_throttled),
        (refusal(429, 14107), throttled),
        (refusal(400, 30008), unavailable),
        (refusal(503, 20503), unavailable),
        // What Twilio may yet invent, and what is no answer of Twilio's.
        (refusal(400, 99999), refused),
        (refusal(500, 0), unknown),
        (
            ResponseTemplate::new(502).set_body_string("<html>Bad gateway</html>"),
            unknown,
        ),
        (ResponseTemplate::new(503), unavailable),
        (
            ResponseTemplate::new(201).set_body_string("{\"status\": \"queued\"}"),
            unknown,
        ),
        (ResponseTemplate::new(201).set_body_string("garbage"), unknown),
        (
            ResponseTemplate::new(302).insert_header("location", "/elsewhere"),
            unknown,
        ),
        (ResponseTemplate::new(201).set_delay(Duration::from_secs(2)), unknown),
    ] {
        let server = twilio(answer).await;
        let gateway = TwilioSms::new(options(&server.uri()), None).unwrap();
        sms_gateway::fails(&gateway, &TO.parse().unwrap(), kind).await;
        assert_eq!(server.received_requests().await.unwrap().len(), 1, "asked once");
    }
}

#[tokio::test]
async fn nobody_there_is_certainly_not_taken() {
    let gateway = TwilioSms::new(options("http://127.0.0.1:1"), None).unwrap();
    sms_gateway::fails(&gateway, &TO.parse().unwrap(), |error| {
        matches!(error, SendError::Unavailable(_))
    })
    .await;
}

/// The example of Twilio's documentation (<https://www.twilio.com/docs/usage/security>), and what follows from it.
#[test]
fn receipts_are_believed_with_twilios_signature_alone() {
    let gateway = TwilioSms::new(options("https://api.twilio.com"), None).unwrap();
    let url = "https://example.com/myapp.php?foo=1&bar=2";
    let example = Callback {
        url: url.to_owned(),
        headers: vec![(
            "x-twilio-signature".to_owned(),
            "L/OH5YylLD5NRKLltdqwSvS0BnU=".to_owned(),
        )],
        body: b"CallSid=CA1234567890ABCDE&Caller=%2B14158675310&Digits=1234&From=%2B14158675310&To=%2B18005551212"
            .to_vec(),
        ..Callback::default()
    };
    // Signed rightly, and no message: understood as far as the signature.
    assert!(
        matches!(gateway.read(&example), Err(CallbackError::Malformed(_))),
        "{:?}",
        gateway.read(&example)
    );
    for forged in [
        Callback {
            url: "https://example.com/myapp.php?foo=1&bar=3".to_owned(),
            ..example.clone()
        },
        Callback {
            body: b"CallSid=CA1234567890ABCDE&Caller=%2B14158675310&Digits=1235&From=%2B14158675310&To=%2B18005551212"
                .to_vec(),
            ..example.clone()
        },
        Callback {
            headers: Vec::new(),
            ..example.clone()
        },
        Callback {
            headers: vec![("x-twilio-signature".to_owned(), "nonsense".to_owned())],
            ..example
        },
    ] {
        assert!(matches!(gateway.read(&forged), Err(CallbackError::Signature)));
    }
}

#[test]
fn states_are_read() {
    use aws_lc_rs::hmac;
    use base64::Engine;
    let gateway = TwilioSms::new(options("https://api.twilio.com"), None).unwrap();
    let url = "https://phone.example.com/cb";
    let call = |status: &str, code: &str| {
        let mut fields = vec![("MessageSid", "SM7"), ("MessageStatus", status)];
        if !code.is_empty() {
            fields.push(("ErrorCode", code));
        }
        let body = fields
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("&");
        fields.sort_unstable();
        let signed = fields
            .iter()
            .fold(url.to_owned(), |text, (name, value)| text + name + value);
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"12345");
        let signature = base64::prelude::BASE64_STANDARD.encode(hmac::sign(&key, signed.as_bytes()));
        Callback {
            url: url.to_owned(),
            headers: vec![("x-twilio-signature".to_owned(), signature)],
            body: body.into_bytes(),
            ..Callback::default()
        }
    };
    for (status, code, state) in [
        ("queued", "", None),
        ("accepted", "", None),
        ("sent", "", Some(MessageState::Sent)),
        ("delivered", "", Some(MessageState::Delivered)),
        ("undelivered", "30003", Some(MessageState::Undelivered)),
        ("failed", "30008", Some(MessageState::Undelivered)),
        ("invented", "", None),
    ] {
        let read = gateway.read(&call(status, code)).unwrap();
        assert_eq!(read.first().map(|receipt| receipt.state), state, "{status}");
        if let Some(receipt) = read.first() {
            assert_eq!(receipt.provider_id, "SM7");
            assert_eq!(receipt.error.is_some(), !code.is_empty());
        }
    }
}

#[test]
fn what_makes_no_gateway_is_said() {
    let complaint = |options: Options| TwilioSms::new(options, None).err().map(|error| error.to_string());
    let url = "https://api.twilio.com";
    assert!(matches!(
        TwilioSms::new(
            Options {
                account_sid: "AC1".to_owned(),
                ..options(url)
            },
            None
        ),
        Err(OptionsError::Account(_))
    ));
    assert!(
        complaint(Options {
            auth_token: None,
            ..options(url)
        })
        .is_some()
    );
    assert!(
        complaint(Options {
            api_key: Some("SK1".to_owned()),
            ..options(url)
        })
        .is_some()
    );
    assert!(
        complaint(Options {
            from: None,
            ..options(url)
        })
        .is_some()
    );
    assert!(
        complaint(Options {
            messaging_service_sid: Some(SERVICE.to_owned()),
            ..options(url)
        })
        .is_some()
    );
    assert!(complaint(options("http://api.twilio.com")).is_some());
    assert_eq!(complaint(options(url)), None);
}
