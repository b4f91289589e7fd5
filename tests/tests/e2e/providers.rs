//! A provider is a name in the configuration: the whole way through Twilio, its receipts included, and two gateways
//! with a failover. The providers' ends are loopback servers that answer as documented.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use phoneproof_tests::{Answer, Program, Setup, TestApp};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const TOKEN: &str = "auth-token-of-the-account";
const CALLBACK: &str = "https://phone.example.com/v1/sms_callbacks/main";

fn twilio(url: &str) -> [(&'static str, String); 6] {
    [
        ("SMS__GATEWAYS__MAIN__PROVIDER", "twilio".to_owned()),
        ("SMS__GATEWAYS__MAIN__ACCOUNT_SID", ACCOUNT.to_owned()),
        ("SMS__GATEWAYS__MAIN__AUTH_TOKEN", TOKEN.to_owned()),
        ("SMS__GATEWAYS__MAIN__FROM", "+14155550000".to_owned()),
        ("SMS__GATEWAYS__MAIN__BASE_URL", url.to_owned()),
        ("SERVER__PUBLIC_URL", "https://phone.example.com".to_owned()),
    ]
}

async fn accepting() -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path(format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json")))
        .respond_with(
            ResponseTemplate::new(201).set_body_json(json!({ "sid": "SM7", "status": "accepted", "from": null })),
        )
        .mount(&server)
        .await;
    server
}

/// Adds a number and asks for a code; answers what became of the text.
async fn texted(app: &TestApp, number: &str) -> (Answer, Value) {
    let user = app.user("user_a");
    let path = format!("/v1/me/phone_numbers/{}", app.added_number(&user, number).await);
    let prepared = user
        .post(&format!("{path}/prepare_verification"), &[("strategy", "phone_code")])
        .await;
    let message = app.text_once(number, |text| text["status"] != "sending").await;
    (prepared, message)
}

async fn receipt(app: &TestApp, status: &str, signed: &str) -> Answer {
    let fields = [("ErrorCode", "30003"), ("MessageSid", "SM7"), ("MessageStatus", status)];
    let text = fields
        .iter()
        .fold(signed.to_owned(), |text, (name, value)| text + name + value);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN.as_bytes());
    let signature = BASE64_STANDARD.encode(hmac::sign(&key, text.as_bytes()));
    let nobody = app.nobody();
    // Through a proxy: the host is another one than the address that Twilio signs.
    let request = nobody.request(Method::POST, "/v1/sms_callbacks/main").form(&fields);
    nobody.send(request.header("x-twilio-signature", signature)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn twilio_takes_a_text_and_tells_what_became_of_it() {
    let provider = accepting().await;
    let app = twilio(&provider.uri())
        .into_iter()
        .fold(Setup::default(), |setup, (name, value)| {
            setup.option(&format!("PHONEPROOF__{name}"), value)
        })
        .spawn()
        .await;
    let (prepared, message) = texted(&app, &app.number()).await;
    assert_eq!(prepared.status, 200);
    assert_eq!(
        (&message["status"], &message["gateway"], &message["provider_message_id"]),
        (&json!("sent"), &json!("main"), &json!("SM7"))
    );
    let asked = provider.received_requests().await.unwrap();
    let form = String::from_utf8(asked[0].body.clone()).unwrap();
    assert!(
        form.contains("StatusCallback=https%3A%2F%2Fphone.example.com%2Fv1%2Fsms_callbacks%2Fmain"),
        "{form}"
    );

    let show = async || {
        let path = format!("/v1/sms_messages/{}", message["id"].as_str().unwrap());
        app.back_end().get(&path).await.json.clone()
    };
    receipt(&app, "delivered", "https://evil.example/")
        .await
        .is_error(403, "authorization_invalid");
    assert_eq!(show().await["status"], "sent", "a forgery changes nothing");
    assert_eq!(receipt(&app, "undelivered", CALLBACK).await.status, 204);
    let undelivered = show().await;
    assert_eq!(undelivered["status"], "undelivered");
    assert!(undelivered["error"].as_str().unwrap().contains("30003"));
    assert_eq!(receipt(&app, "delivered", CALLBACK).await.status, 204);
    assert_eq!(show().await["status"], "delivered");
    let large = "x".repeat(70_000);
    app.nobody()
        .post("/v1/sms_callbacks/main", &[("MessageSid", &large)])
        .await
        .is_error(413, "request_body_too_large");
    app.nobody()
        .post("/v1/sms_callbacks/other", &[])
        .await
        .is_error(404, "resource_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_twilio_rejects_is_told_at_once() {
    let provider = MockServer::start().await;
    let refusal = json!({ "code": 21614, "message": "not a mobile number", "status": 400 });
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(400).set_body_json(refusal))
        .mount(&provider)
        .await;
    let app = twilio(&provider.uri())
        .into_iter()
        .fold(Setup::default(), |setup, (name, value)| {
            setup.option(&format!("PHONEPROOF__{name}"), value)
        })
        .spawn()
        .await;
    let (prepared, message) = texted(&app, &app.number()).await;
    prepared.is_error(400, "sms_send_error");
    assert_eq!(message["status"], "failed");
    assert!(message["error"].as_str().unwrap().contains("21614"));
}

const ROUTES: &str = r#"
environment = "development"
[sms]
allowed_countries = ["US", "GB"]
[sms.gateways.uk]
provider = "console"
[sms.gateways.main]
provider = "twilio"
account_sid = "AC0123456789abcdef0123456789abcdef"
auth_token = "x"
from = "+14155550000"
at_once = 100
[[sms.routes]]
gateway = "uk"
countries = ["GB"]
sender = "Acme"
[[sms.routes]]
gateway = "main"
"#;

#[test]
fn the_routes_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("phoneproof.toml");
    std::fs::write(&file, ROUTES).unwrap();
    let file = file.display().to_string();
    let explain = |number: &str| {
        let output = Program::run(&["sms", "route", number, "--config", &file], &BTreeMap::new());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(
        explain("+44 7400 123456"),
        "+447400123456 is mobile in GB.\n1. uk (sender: Acme)\n2. main (sender: the gateway's own)\n"
    );
    assert!(explain("+1 415 555 2671").ends_with("1. main (sender: the gateway's own)\n"));
    assert!(explain("+33 6 12 34 56 78").contains("not texted"));
    let sent = Program::run(
        &[
            "sms",
            "send",
            "--to",
            "+447400123456",
            "--locale",
            "de",
            "--config",
            &file,
        ],
        &BTreeMap::new(),
    );
    let said = String::from_utf8_lossy(&sent.stdout).into_owned();
    assert!(
        said.contains("Taken by uk as console-") && said.contains("1 segment(s), GSM-7"),
        "{said}"
    );
}

#[test]
fn routes_that_lead_nowhere_stop_the_start() {
    let folder = tempfile::tempdir().unwrap();
    for (edit, complaint) in [
        (("gateway = \"main\"", "gateway = \"mian\""), "sms.routes.gateway"),
        (("[[sms.routes]]\ngateway = \"main\"\n", ""), "sms.gateways.main"),
        (("countries = [\"GB\"]", "countries = [\"XX\"]"), "sms.routes.countries"),
        (("countries = [\"GB\"]", "prefixes = [\"44\"]"), "sms.routes.prefixes"),
        (("sender = \"Acme\"", "timeout_ms = 60000"), "sms.routes.timeout_ms"),
        (("sender = \"Acme\"", "sendr = \"Acme\""), "sendr"),
        (("at_once = 100", "at_once = 0"), "at_once"),
        (("from = \"+14155550000\"", ""), "messaging_service_sid"),
    ] {
        let file = folder.path().join("phoneproof.toml");
        std::fs::write(&file, ROUTES.replace(edit.0, edit.1)).unwrap();
        let output = Program::run(
            &["check-config", "--config", &file.display().to_string()],
            &BTreeMap::new(),
        );
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(complaint), "{edit:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}
