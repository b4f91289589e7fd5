//! `/metrics`: what it counts, and who may read it.

use std::sync::Arc;
use std::time::Duration;

use phoneproof_domain::ports::SendError;
use phoneproof_tests::{FakeCarrier, Setup, TestApp};

const LIVE_KEY: &str = "sk_live_0123456789abcdef01234567";

/// Real users' configuration, on the console all the same.
fn production() -> Setup {
    TestApp::with("PHONEPROOF__KEYS__PUBLISHABLE_KEY", "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k")
        .option("PHONEPROOF__KEYS__SECRET_KEY", LIVE_KEY)
        .option("PHONEPROOF__SMS__GATEWAYS__MAIN__PROVIDER", "console")
}

/// The figure of one row; zero if there is none.
#[expect(clippy::unwrap_used, reason = "a figure that is no number has failed the test")]
fn figure(metrics: &str, row: &str) -> u64 {
    let value = metrics
        .lines()
        .find_map(|line| line.strip_prefix(row)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().unwrap())
}

fn codes(metrics: &str, event: &str) -> u64 {
    figure(metrics, &format!("phoneproof_codes_total{{event=\"{event}\"}}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_counted_by_what_became_of_them() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let _ = app.verified_number(&user).await;
    let number = app.number();
    let path = format!("/v1/me/phone_numbers/{}", app.added_number(&user, &number).await);
    let (prepare, attempt) = (
        format!("{path}/prepare_verification"),
        format!("{path}/attempt_verification"),
    );
    let _ = user.post(&prepare, &[]).await.response();
    user.post(&prepare, &[])
        .await
        .is_error(429, "verification_code_too_many_requests");
    let wrong = app.wrong_code(&number).await;
    for _ in 0..6 {
        let _ = user.post(&attempt, &[("code", &wrong)]).await;
    }
    let _ = user.post(&attempt, &[("code", "12345")]).await;
    app.clock.advance(Duration::from_secs(30));
    let _ = user.post(&prepare, &[]).await.response();
    app.clock.advance(Duration::from_secs(600));
    let _ = user.post(&attempt, &[("code", &wrong)]).await;
    // Test numbers are never texted.
    let test = app.added_number(&user, "+14155550100").await;
    let _ = user
        .post(&format!("/v1/me/phone_numbers/{test}/prepare_verification"), &[])
        .await
        .response();

    user.patch(&path, &[("reserved_for_second_factor", "true")])
        .await
        .is_error(400, "identification_update_second_factor_unverified");

    let answer = app.nobody().get("/metrics").await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("text/plain; version=0.0.4; charset=utf-8"))
    );
    let metrics = answer.text;
    for (event, expected) in [
        ("sent", 3),
        ("not_sent", 0),
        ("verified", 1),
        ("wrong", 4),
        ("failed", 2),
        ("expired", 1),
    ] {
        assert_eq!(codes(&metrics, event), expected, "{event}\n{metrics}");
    }
    let refused = "phoneproof_http_requests_total{method=\"POST\",route=\"/v1/me/phone_numbers/{id}/prepare_verification\",status=\"429\"}";
    assert_eq!(figure(&metrics, refused), 1, "{metrics}");
    let meant = "phoneproof_http_requests_total{method=\"PATCH\",route=\"/v1/me/phone_numbers/{id}\",status=\"400\"}";
    assert_eq!(figure(&metrics, meant), 1, "POST with _method=PATCH\n{metrics}");
    assert!(figure(&metrics, "phoneproof_store_commits_total") >= figure(&metrics, "phoneproof_store_groups_total"));
    for secret in [&number[1..], "user_a", "idn_"] {
        assert!(!metrics.contains(secret), "{secret}\n{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_were_not_sent_are_counted_apart() {
    let carrier = FakeCarrier::new(|_| Err(SendError::Rejected("landline".into())));
    let app = Setup::default().gateway(Arc::new(carrier)).spawn().await;
    let user = app.user("user_a");
    let path = format!("/v1/me/phone_numbers/{}", app.added_number(&user, &app.number()).await);
    user.post(&format!("{path}/prepare_verification"), &[])
        .await
        .is_error(400, "sms_send_error");
    let metrics = app.nobody().get("/metrics").await.text;
    assert_eq!(
        (codes(&metrics, "sent"), codes(&metrics, "not_sent")),
        (0, 1),
        "{metrics}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_does_not_grow_the_table() {
    let app = TestApp::spawn().await;
    let nobody = app.nobody();
    for n in 0..20 {
        let _ = nobody.get(&format!("/v1/scan/{n}")).await;
        let method = reqwest::Method::from_bytes(format!("SCAN{n}").as_bytes()).unwrap();
        let _ = nobody.send(nobody.request(method, "/v1/me")).await;
    }
    let metrics = nobody.get("/metrics").await.text;
    assert!(!metrics.to_lowercase().contains("scan"), "{metrics}");
    let rows = metrics
        .lines()
        .filter(|line| line.starts_with("phoneproof_http_requests_total"))
        .count();
    assert_eq!(rows, 2, "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_are_for_those_who_have_the_token() {
    let token = "PHONEPROOF__METRICS__TOKEN";
    for (setup, anybody, with_token) in [
        (Setup::default(), true, true),
        (TestApp::with(token, "scrape-me"), false, true),
        (production(), false, false),
        (production().option(token, "scrape-me"), false, true),
    ] {
        let app = setup.spawn().await;
        for (who, may) in [
            (app.nobody(), anybody),
            (app.bearer("scrape-me"), with_token),
            (app.bearer("scrape-mf"), anybody),
            (app.bearer("scrape-me-too"), anybody),
            (app.bearer(LIVE_KEY), anybody),
        ] {
            let answer = who.get("/metrics").await;
            if may {
                assert!(answer.text.contains("phoneproof_codes_total"), "{answer:#?}");
            } else {
                answer.is_error(404, "resource_not_found");
            }
        }
    }
}
