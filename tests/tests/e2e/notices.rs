//! Users are told by e-mail what changed about their account.

use phoneproof_tests::{Browser, MailServer, TestApp};
use reqwest::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_the_factors_is_told_and_no_number_or_code_with_it() {
    let server = MailServer::start().await;
    let app = TestApp::with("PHONEPROOF__NOTICES__SMTP_URL", &server.url)
        .option("PHONEPROOF__NOTICES__FROM", "Acme <security@example.com>")
        .option("PHONEPROOF__APPLICATION__NAME", "Acme")
        .spawn()
        .await;
    let browser = Browser::new(&app);
    let done = browser.sign_up(&app, &app.number()).await;
    let user = done["response"]["created_user_id"].as_str().unwrap();
    let path = format!("/v1/users/{user}");
    let back_end = app.back_end();
    let body = json!({ "notice_email_address": "ada@example.com" });
    assert_eq!(back_end.json(Method::PATCH, &path, &body).await.status, 200);
    let second = app.number();
    let (id, codes) = browser.add_second_factor(&app, &second).await;
    browser.reverify(&app, &second).await;
    let _ = browser.post("/v1/me/backup_codes", &[]).await.response();
    assert_eq!(browser.delete(&format!("/v1/me/phone_numbers/{id}")).await.status, 200);

    let told = server.mails(5).await;
    let mut sentences: Vec<&str> = Vec::new();
    for mail in &told {
        assert!(mail.contains("RCPT TO:<ada@example.com>"), "{mail}");
        assert!(mail.contains("Subject: Acme: your account has changed"), "{mail}");
        assert!(
            !mail.contains(&second) && !codes.iter().any(|code| mail.contains(code)),
            "{mail}"
        );
        sentences.extend(
            mail.lines()
                .filter(|line| line.ends_with("account.") || line.ends_with("no longer work.")),
        );
    }
    sentences.sort_unstable();
    let tail = &second[second.len() - 4..];
    assert_eq!(
        sentences,
        [
            "New backup codes were made for your account; the old ones no longer work.".to_owned(),
            format!("The phone number +1******{tail} was added to your account."),
            format!("The phone number +1******{tail} was removed from your account."),
            "Two-step verification was turned off for your account.".to_owned(),
            "Two-step verification was turned on for your account.".to_owned(),
        ]
    );
    for malformed in ["nobody", "a@example.com\r\nBcc: eve@example.com"] {
        let body = json!({ "notice_email_address": malformed });
        back_end
            .json(Method::PATCH, &path, &body)
            .await
            .is_error(422, "form_param_format_invalid")
            .about("notice_email_address");
    }
}
