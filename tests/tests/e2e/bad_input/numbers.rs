//! Phone numbers and ids that are none.

use phoneproof_tests::TestApp;
use serde_json::json;

use super::{NUMBERS, Scene, both, form, json_text, scene, sent};

const ONE: &str = "%2B14155552671";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_number_is_refused_and_not_added() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let before = user.get("/v1/me").await.response().clone();
    let (forty, thousands) = ("4".repeat(40), format!("+1{}", "4".repeat(10_000)));
    for number in [
        "hello",
        "+1 415 555 CALL",
        "+1415555267a",
        forty.as_str(),
        thousands.as_str(),
        "+１４１５５５５２６７１",
        "+١٤١٥٥٥٥٢٦٧١",
        "+14155552671\0",
        "\0",
        "+1415\u{0}55552671",
        "+",
        "++14155552671",
        "+14155552671+",
        "4155552671",
        "+14155552671;ext=5",
        "+14155552671;phone-context=+1",
        "+dwPAA;phone-context=AA",
        ";phone-context=+1",
        "tel:+14155552671",
        "\u{202a}+14155552671\u{202c}",
        "+1415555\u{200b}2671",
        "\u{feff}+14155552671",
        "+1 415 555 267",
        "+1 415 555 26711",
        "+999 123 456 789",
        "+1 415 555 2671, +1 415 555 2672",
        "+14155552671\r\nBcc: +14155552672",
        "'; DROP TABLE users; --",
    ] {
        for body in both("phone_number", number) {
            let refused = sent(&user, NUMBERS, body).await;
            refused.is_error(422, "form_param_format_invalid").about("phone_number");
        }
    }
    for empty in ["", " ", "\t\n", "\u{a0}"] {
        for body in both("phone_number", empty) {
            let refused = sent(&user, NUMBERS, body).await;
            refused.is_error(422, "form_param_nil").about("phone_number");
        }
    }
    assert_eq!(user.get("/v1/me").await.response(), &before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_missing_double_or_no_text_is_not_guessed() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    for (body, code) in [
        (form(""), "form_param_missing"),
        (form("number=1"), "form_param_missing"),
        (json_text("{}"), "form_param_missing"),
        (json_text(r#"{"phone_number":null}"#), "form_param_missing"),
        (
            form(format!("phone_number={ONE}&phone_number={ONE}")),
            "form_param_type_invalid",
        ),
        (form(format!("phone_number[]={ONE}")), "form_param_type_invalid"),
        (
            form(format!("phone_number={ONE}&phone_number[a]={ONE}")),
            "form_param_type_invalid",
        ),
        (
            json_text(r#"{"phone_number":"+14155552671","phone_number":"+14155552671"}"#),
            "form_param_type_invalid",
        ),
        (
            json_text(r#"{"phone_number":["+14155552671"]}"#),
            "form_param_type_invalid",
        ),
        (json_text(r#"{"phone_number":14155552671}"#), "form_param_type_invalid"),
        (json_text(r#"{"phone_number":{"$ne":null}}"#), "form_param_type_invalid"),
        (json_text(r#"{"phone_number":true}"#), "form_param_type_invalid"),
    ] {
        let refused = sent(&user, NUMBERS, body).await;
        refused.is_error(422, code).about("phone_number");
    }
    for flag in ["maybe", "1", "yes", "TRUE", "null", "true,false"] {
        let with_flag = [("phone_number", "+14155552671"), ("reserved_for_second_factor", flag)];
        let refused = user.post(NUMBERS, &with_flag).await;
        refused
            .is_error(422, "form_param_type_invalid")
            .about("reserved_for_second_factor");
    }
    assert_eq!(user.get(NUMBERS).await.resource(), &json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_are_anothers_or_nonsense_are_unknown() {
    let app = TestApp::spawn().await;
    let Scene { user, verified, .. } = scene(&app).await;
    let before = user.get("/v1/me").await.response().clone();
    let (eve, long) = (app.user("user_eve"), format!("idn_{}", "0".repeat(3_000)));
    for id in [
        verified.as_str(),
        "user_a",
        "idn_",
        "%00",
        "%ff",
        "..%2f..%2fusers",
        "*",
        "idn_'--",
        &long,
    ] {
        let path = format!("{NUMBERS}/{id}");
        for answer in [
            eve.get(&path).await,
            eve.delete(&path).await,
            eve.patch(&path, &[("reserved_for_second_factor", "true")]).await,
            eve.post(&format!("{path}/prepare_verification"), &[]).await,
            eve.post(&format!("{path}/attempt_verification"), &[("code", "123456")])
                .await,
        ] {
            answer.is_error(404, "resource_not_found");
        }
    }
    assert_eq!(user.get("/v1/me").await.response(), &before);
}
