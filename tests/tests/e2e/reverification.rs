//! Proving a factor again within a session: what is offered at which level.

use phoneproof_tests::{Browser, TestApp, text};
use serde_json::{Value, json};

/// The strategies that are offered as first and as second factor; none where nothing is offered.
fn offered(begun: &Value) -> [Option<Vec<&str>>; 2] {
    ["supported_first_factors", "supported_second_factors"].map(|name| {
        let factors = begun[name].as_array()?;
        Some(factors.iter().map(|factor| text(&factor["strategy"])).collect())
    })
}

/// A card that is offered a first factor sends a code to it at once, which is refused where the second factor is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_factor_that_is_not_asked_for_is_not_offered() {
    let app = TestApp::spawn().await;
    let browser = Browser::new(&app);
    let done = browser.sign_up(&app, &app.number()).await;
    let session = text(&done["client"]["sessions"][0]["id"]).to_owned();
    let verify = format!("/v1/client/sessions/{session}/verify");
    let (first, second) = (vec!["phone_code"], vec!["phone_code", "backup_code"]);
    // Without a second factor there is but the first to ask for.
    for level in ["first_factor", "second_factor", "multi_factor"] {
        let begun = browser.post(&verify, &[("level", level)]).await.response().clone();
        assert_eq!(begun["status"], "needs_first_factor", "{level}");
        assert_eq!(offered(&begun), [Some(first.clone()), None], "{level}");
    }
    browser.add_second_factor(&app, &app.number()).await;
    for (level, status, factors) in [
        ("first_factor", "needs_first_factor", [Some(first.clone()), None]),
        ("second_factor", "needs_second_factor", [None, Some(second.clone())]),
        ("multi_factor", "needs_first_factor", [Some(first), Some(second)]),
    ] {
        let begun = browser.post(&verify, &[("level", level)]).await.response().clone();
        assert_eq!((&begun["status"], &begun["level"]), (&json!(status), &json!(level)));
        assert_eq!(offered(&begun), factors, "{level}");
    }
    let begun = browser.post(&verify, &[("level", "second_factor")]).await;
    assert_eq!(begun.response()["supported_first_factors"], Value::Null);
    let stray = format!("{verify}/prepare_first_factor");
    browser
        .post(&stray, &[("strategy", "phone_code")])
        .await
        .is_error(400, "invalid_action_for_session_reverification");
}
