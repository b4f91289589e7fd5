//! Codes and strategies that are none.

use phoneproof_tests::TestApp;
use serde_json::{Value, json};

use super::{NUMBERS, Scene, both, form, json_text, scene, sent};

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_code_is_no_try() {
    let app = TestApp::spawn().await;
    let Scene { user, path, code, .. } = scene(&app).await;
    let attempt = format!("{path}/attempt_verification");
    let full_width: String = code
        .chars()
        .filter_map(|digit| char::from_u32(digit as u32 - 0x30 + 0xff10))
        .collect();
    let spaced = format!("{} {}", &code[..3], &code[3..]);
    for text in [
        "12345",
        "1234567",
        "12345a",
        "abcdef",
        "+12345",
        "-12345",
        "12.345",
        "1e5000",
        "0x1234",
        "١٢٣٤٥٦",
        &full_width,
        &spaced,
        "12345\0",
        "\u{200b}12345",
        "%31%32",
    ] {
        for body in both("code", text) {
            sent(&user, &attempt, body)
                .await
                .is_error(422, "form_code_incorrect")
                .about("code");
        }
    }
    for (body, error) in [
        (form("code="), "form_param_nil"),
        (form("code=++"), "form_param_nil"),
        (json_text(r#"{"code":""}"#), "form_param_nil"),
        (form(""), "form_param_missing"),
        (json_text(r#"{"code":null}"#), "form_param_missing"),
        (form(format!("code={code}&code={code}")), "form_param_type_invalid"),
        (form(format!("code[]={code}")), "form_param_type_invalid"),
        (form(format!("code[]={code}&code[]=000000")), "form_param_type_invalid"),
        (form(format!("code[0]={code}")), "form_param_type_invalid"),
        (
            json_text(format!(r#"{{"code":["{code}"]}}"#)),
            "form_param_type_invalid",
        ),
        (
            json_text(format!(r#"{{"code":["{code}","000000"]}}"#)),
            "form_param_type_invalid",
        ),
        (json_text(r#"{"code":123456}"#), "form_param_type_invalid"),
        (json_text(r#"{"code":true}"#), "form_param_type_invalid"),
        (json_text(r#"{"code":{"$gt":""}}"#), "form_param_type_invalid"),
        (
            json_text(format!(r#"{{"code":"{code}","code":"{code}"}}"#)),
            "form_param_type_invalid",
        ),
    ] {
        sent(&user, &attempt, body).await.is_error(422, error).about("code");
    }
    let shown = user.get(&path).await.response()["verification"].clone();
    assert_eq!(
        (&shown["status"], &shown["attempts"]),
        (&json!("unverified"), &json!(0))
    );
    let verified = user.post(&attempt, &[("code", &code)]).await;
    assert_eq!(verified.response()["verification"]["attempts"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_strategy_is_phone_code_or_left_out() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let path = format!("{NUMBERS}/{}", app.added_number(&user, &app.number()).await);
    let prepare = format!("{path}/prepare_verification");
    for strategy in ["email_code", "PHONE_CODE", "phone_code ", "admin", "whatsapp"] {
        for body in both("strategy", strategy) {
            let refused = sent(&user, &prepare, body).await;
            refused.is_error(422, "form_param_value_invalid").about("strategy");
        }
    }
    for body in [
        form("strategy=phone_code&strategy=phone_code"),
        json_text(r#"{"strategy":1}"#),
    ] {
        let refused = sent(&user, &prepare, body).await;
        refused.is_error(422, "form_param_type_invalid").about("strategy");
    }
    assert_eq!(user.get(&path).await.response()["verification"], Value::Null);
    assert_eq!(app.nobody().get("/dev/inbox").await.json["messages"], json!([]));
    let _ = sent(&user, &prepare, form("strategy=&channel=sms")).await.response();
}
