//! Bodies that are not what they say.

use phoneproof_tests::TestApp;

use super::{NUMBERS, Raw, Scene, form, json_text, scene, sent};

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_what_it_says_is_refused() {
    let app = TestApp::spawn().await;
    let Scene { user, path, .. } = scene(&app).await;
    let before = user.get("/v1/me").await.response().clone();
    let deep = format!("{{\"code\":{}{}}}", "[".repeat(20_000), "]".repeat(20_000));
    for body in [
        Raw(
            "application/x-www-form-urlencoded",
            b"code=\xff\xfe&phone_number=\xff".to_vec(),
        ),
        form("code=%ff&phone_number=%ff"),
        form("%ff=1"),
        Raw(
            "application/json",
            b"{\"code\":\"\xff\",\"phone_number\":\"\xff\"}".to_vec(),
        ),
        json_text("{"),
        json_text("{}}"),
        json_text("[]"),
        json_text("\"code\""),
        json_text("1"),
        json_text("code=123456"),
        json_text(r#"{"code":"\ud800"}"#),
        json_text("{'code':'123456'}"),
        json_text(deep),
    ] {
        for path in [
            NUMBERS.to_owned(),
            format!("{path}/attempt_verification"),
            format!("{path}?_method=PATCH"),
        ] {
            let refused = sent(&user, &path, Raw(body.0, body.1.clone())).await;
            refused.is_error(422, "form_param_format_invalid");
            assert!(refused.json["errors"][0].get("meta").is_none(), "{refused:#?}");
        }
    }
    assert_eq!(user.get("/v1/me").await.response(), &before);
}
