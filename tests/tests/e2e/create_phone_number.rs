//! `create()`, `toString()` and `GET` of a phone number.

use phoneproof_tests::TestApp;
use serde_json::json;

const NUMBERS: &str = "/v1/me/phone_numbers";

#[tokio::test(flavor = "multi_thread")]
async fn a_new_number_is_unverified_and_complete() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let answer = user.post(NUMBERS, &[("phone_number", "+1 (415) 555-2671")]).await;
    let mut number = answer.response().clone();
    let id = number["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("idn_") && id.len() == 31, "{id}");
    number["id"] = json!("idn_…");
    let now = 1_800_000_000_000_i64;
    assert_eq!(
        number,
        json!({
            "id": "idn_…",
            "object": "phone_number",
            "phone_number": "+14155552671",
            "reserved_for_second_factor": false,
            "default_second_factor": false,
            "reserved": false,
            "verification": null,
            "linked_to": [],
            "backup_codes": null,
            "created_at": now,
            "updated_at": now,
        })
    );
    assert_eq!(user.get(&format!("{NUMBERS}/{id}")).await.response(), answer.response());
    assert_eq!(user.get(NUMBERS).await.resource(), &json!([answer.response()]));
    assert_eq!(
        user.get("/v1/me").await.response()["phone_numbers"],
        json!([answer.response()])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn any_reasonable_spelling_is_one_number() {
    let app = TestApp::spawn().await;
    let spellings = [
        "+14155552671",
        "+1 415 555 2671",
        "+1.415.555.2671",
        "+1 (415) 555-2671",
        "  +1-415-555-2671 ",
        "001 415 555 2671",
        "+1\u{a0}415\u{2011}555\u{2011}2671",
    ];
    for (at, spelling) in spellings.into_iter().enumerate() {
        let answer = app
            .user(&format!("user_{at}"))
            .post("/v1/me/phone_numbers/", &[("phone_number", spelling)])
            .await;
        assert_eq!(answer.response()["phone_number"], "+14155552671", "{spelling}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_allowlist_goes_by_the_real_region() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    for (number, alpha_2) in [
        ("+18765550123", Some("JM")),
        ("+12423590123", Some("BS")),
        ("+18092345678", Some("DO")),
        ("+17872345678", Some("PR")),
        ("+442079460958", Some("GB")),
        ("+18002345678", Some("US")),
        ("+19002345678", Some("US")),
        ("+870773111632", None),
    ] {
        let answer = user.post(NUMBERS, &[("phone_number", number)]).await;
        answer.is_error(403, "unsupported_country_code");
        assert_eq!(
            answer.json["errors"][0]["meta"]["alpha_2"].as_str(),
            alpha_2,
            "{number}"
        );
    }
    assert_eq!(user.get(NUMBERS).await.resource(), &json!([]));
    for (at, number) in ["+16042345678", "+14165550123", "+12125550123"].into_iter().enumerate() {
        let answer = app
            .user(&format!("user_{at}"))
            .post(NUMBERS, &[("phone_number", number)])
            .await;
        assert_eq!(answer.response()["phone_number"], number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_allowlist_is_configuration() {
    for (countries, admitted, refused) in [
        ("GB,JM", ["+447400123456", "+18765550123"], "+14155552671"),
        ("*", ["+4915123456789", "+819012345678"], "+448001234567"),
    ] {
        let app = TestApp::with("PHONEPROOF__SMS__ALLOWED_COUNTRIES", countries)
            .spawn()
            .await;
        let user = app.user("user_a");
        for number in admitted {
            assert_eq!(
                user.post(NUMBERS, &[("phone_number", number)]).await.response()["phone_number"],
                number
            );
        }
        user.post(NUMBERS, &[("phone_number", refused)])
            .await
            .is_error(403, "unsupported_country_code");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_stands_once_on_a_user_and_has_one_owner() {
    let app = TestApp::spawn().await;
    let (ada, bob) = (app.user("user_ada"), app.user("user_bob"));
    let shared = app.number();
    let _ = app.added_number(&ada, &shared).await;
    let twice = ada.post(NUMBERS, &[("phone_number", &shared)]).await;
    twice.is_error(422, "form_identifier_exists").about("phone_number");
    // Unverified, it may be on several users; verified, it is one user's.
    let _ = app.added_number(&bob, &shared).await;
    let (_, owned) = app.verified_number(&ada).await;
    let taken = bob.post(NUMBERS, &[("phone_number", &owned)]).await;
    taken.is_error(422, "form_identifier_exists").about("phone_number");
}

#[tokio::test(flavor = "multi_thread")]
async fn unverified_numbers_are_capped_and_verified_ones_are_not() {
    let app = TestApp::with("PHONEPROOF__PHONE_NUMBERS__MAX_UNVERIFIED", "2")
        .spawn()
        .await;
    let user = app.user("user_a");
    for _ in 0..3 {
        let _ = app.verified_number(&user).await;
    }
    let first = app.added_number(&user, &app.number()).await;
    let _ = app.added_number(&user, &app.number()).await;
    let refused = user.post(NUMBERS, &[("phone_number", &app.number())]).await;
    refused.is_error(400, "too_many_unverified_identifications");
    let _ = user.delete(&format!("{NUMBERS}/{first}")).await.response();
    let _ = app.added_number(&user, &app.number()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_number_cannot_be_a_second_factor() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let number = app.number();
    let reserved = [
        ("phone_number", number.as_str()),
        ("reserved_for_second_factor", "true"),
    ];
    user.post(NUMBERS, &reserved)
        .await
        .is_error(400, "identification_create_second_factor_unverified");
    let plain = [
        ("phone_number", number.as_str()),
        ("reserved_for_second_factor", "false"),
    ];
    assert_eq!(
        user.post(NUMBERS, &plain).await.response()["reserved_for_second_factor"],
        false
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn test_numbers_belong_to_test_mode() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let id = app.added_number(&user, "+1 (555) 555-0100").await;
    let attempt = format!("{NUMBERS}/{id}/attempt_verification");
    user.post(&attempt, &[("code", "424242")])
        .await
        .is_error(400, "verification_missing");
    let _ = user
        .post(&format!("{NUMBERS}/{id}/prepare_verification"), &[])
        .await
        .response();
    let verified = user.post(&attempt, &[("code", "424242")]).await;
    assert_eq!(verified.response()["verification"]["status"], "verified");
    assert_eq!(
        app.nobody().get("/dev/inbox").await.json["messages"],
        json!([]),
        "a test number was texted"
    );

    let real = TestApp::with("PHONEPROOF__TEST_MODE", "false").spawn().await;
    let user = real.user("user_a");
    let refused = user.post(NUMBERS, &[("phone_number", "+15555550100")]).await;
    refused.is_error(422, "form_param_format_invalid");
    let id = real.added_number(&user, "+14155550100").await;
    let _ = user
        .post(&format!("{NUMBERS}/{id}/prepare_verification"), &[])
        .await
        .response();
    assert_eq!(
        real.nobody().get("/dev/inbox").await.json["messages"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}
