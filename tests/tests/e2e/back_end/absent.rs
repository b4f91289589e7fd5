//! What Clerk's instances have and instances here do not: an application that asks in passing goes on.

use phoneproof_tests::{Browser, TestApp, text};
use reqwest::Method;
use serde_json::json;

use super::{id, made, user_path};

#[tokio::test(flavor = "multi_thread")]
async fn there_is_none_of_what_an_instance_does_not_have() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let user = made(&back_end, &json!({ "phone_number": [app.number()] })).await;
    let page = json!({ "data": [], "total_count": 0 });
    for list in [
        "domains",
        "organizations",
        "organization_memberships",
        "organization_invitations",
        "waitlist_entries",
    ] {
        assert_eq!(
            back_end.get(&format!("/v1/{list}?limit=10")).await.resource(),
            &page,
            "{list}"
        );
    }
    for list in [
        "organization_memberships",
        "organization_invitations",
        "trusted_devices",
    ] {
        let of_user = format!("{}/{list}", user_path(&user));
        assert_eq!(back_end.get(&of_user).await.resource(), &page, "{list}");
        back_end
            .get(&format!("/v1/users/user_nobody/{list}"))
            .await
            .is_error(404, "resource_not_found");
    }
    for list in ["invitations", "jwt_templates", "redirect_urls", "allowlist_identifiers"] {
        assert_eq!(
            back_end.get(&format!("/v1/{list}")).await.resource(),
            &json!([]),
            "{list}"
        );
        let paginated = back_end.get(&format!("/v1/{list}?paginated=true")).await;
        assert_eq!(paginated.resource(), &page, "{list}");
        back_end
            .get(&format!("/v1/{list}?limit=0"))
            .await
            .is_error(422, "form_param_value_invalid")
            .about("limit");
    }
    let invitation = json!({ "email_address": "ada@example.com" });
    for (path, body) in [
        ("/v1/invitations", invitation.clone()),
        ("/v1/invitations/bulk", json!([invitation])),
    ] {
        let refused = back_end.json(Method::POST, path, &body).await;
        refused.is_error(400, "invitations_not_supported");
    }
    // Nor does anything answer in the place of what is served nowhere.
    for path in [
        "/v1/actor_tokens",
        "/v1/agents/tasks",
        "/v1/machines",
        "/v1/saml_connections",
    ] {
        let refused = back_end
            .json(Method::POST, path, &json!({ "user_id": id(&user) }))
            .await;
        refused.is_error(404, "resource_not_found");
    }
}

/// The SDK of a server-rendered application takes the 401 and sends the browser to the handshake.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_has_no_refresh_token() {
    let app = TestApp::spawn().await;
    let done = Browser::new(&app).sign_up(&app, &app.number()).await;
    let session = text(&done["client"]["sessions"][0]["id"]).to_owned();
    let body = json!({
        "expired_token": "x", "refresh_token": "y", "request_origin": "https://app.example.com", "format": "cookie",
        "request_headers": { "x-forwarded-for": ["192.0.2.1"] }, "suffixed_cookies": true,
    });
    let path = format!("/v1/sessions/{session}/refresh");
    let refused = app.back_end().json(Method::POST, &path, &body).await;
    refused.is_error(401, "refresh_token_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_code_counts_as_one_of_an_authenticator_app() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let user = made(
        &back_end,
        &json!({ "phone_number": [app.number()], "backup_codes": ["abcde01234", "abcde01235"] }),
    )
    .await;
    let path = format!("{}/verify_totp", user_path(&user));
    let verify = async |code: &str| back_end.json(Method::POST, &path, &json!({ "code": code })).await;
    assert_eq!(
        verify("ABCDE-01234").await.resource(),
        &json!({ "verified": true, "code_type": "backup_code" })
    );
    for wrong in ["abcde01234", "abcde01239", "123456"] {
        verify(wrong).await.is_error(422, "form_code_incorrect").about("code");
    }
    let off = back_end
        .json(Method::DELETE, &format!("{}/totp", user_path(&user)), &json!({}))
        .await;
    assert_eq!(off.resource(), &json!({ "user_id": id(&user) }));
    assert_eq!(verify("abcde01235").await.resource()["verified"], true, "codes stay");
}
