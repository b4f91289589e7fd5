//! Numbers that an outside identity provider vouches for: added, followed, removed, refused.

use std::time::Duration;

use futures_util::future::join_all;
use phoneproof_tests::{Actor, Answer, Browser, Setup, TestApp};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::issuer::{AUDIENCE, ISSUER, NOW, Signer, claims, jwks};

const NUMBERS: &str = "/v1/me/phone_numbers";

/// The provider, with its keys in a file.
struct Provider {
    signer: Signer,
    folder: TempDir,
}

impl Provider {
    #[expect(clippy::unwrap_used, reason = "a test without its key file has failed")]
    fn new() -> Self {
        let (signer, folder) = (Signer::ed25519(), tempfile::tempdir().unwrap());
        std::fs::write(folder.path().join("jwks.json"), jwks(&[signer.jwk()])).unwrap();
        Self { signer, folder }
    }

    /// Whose word on numbers counts for nothing.
    #[expect(clippy::unwrap_used, reason = "the path of a temporary folder is text")]
    fn unsaid(&self) -> Setup {
        let file = self.folder.path().join("jwks.json");
        Setup::default()
            .option("PHONEPROOF__IDENTITY__PROVIDER", "jwt")
            .option("PHONEPROOF__IDENTITY__ISSUER", ISSUER)
            .option("PHONEPROOF__IDENTITY__AUDIENCE", AUDIENCE)
            .option("PHONEPROOF__IDENTITY__JWKS_FILE", file.to_str().unwrap())
    }

    /// Whose word counts.
    fn trusted(&self) -> Setup {
        self.unsaid()
            .option("PHONEPROOF__IDENTITY__NAME", "acme")
            .option("PHONEPROOF__IDENTITY__PHONE_NUMBERS", "trust")
    }

    /// The bearer of a token that was issued so many seconds after the start, and says this of the number.
    fn says(&self, app: &TestApp, user: &str, at: i64, phone: &Value) -> Actor {
        let mut claims = claims(user);
        claims["iat"] = json!(NOW + at);
        claims["exp"] = json!(NOW + 86_400);
        for (name, value) in phone.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        app.bearer(&self.signer.sign(&claims))
    }
}

fn verified(number: &str) -> Value {
    json!({ "phone_number": number, "phone_number_verified": true })
}

fn unverified(number: &str) -> Value {
    json!({ "phone_number": number, "phone_number_verified": false })
}

async fn me(user: &Actor) -> Value {
    user.get("/v1/me").await.response().clone()
}

/// The user's numbers, each with its status and the type it is linked to.
fn shown(me: &Value) -> Vec<(String, Value, Value)> {
    let numbers = me["phone_numbers"].as_array().cloned().unwrap_or_default();
    let show = |number: &Value| {
        (
            number["phone_number"].as_str().unwrap_or_default().to_owned(),
            number["verification"]["status"].clone(),
            number["linked_to"][0]["type"].clone(),
        )
    };
    numbers.iter().map(show).collect()
}

fn linked(number: &str) -> (String, Value, Value) {
    (number.to_owned(), json!("verified"), json!("oauth_acme"))
}

fn own(number: &str) -> (String, Value, Value) {
    (number.to_owned(), json!("verified"), Value::Null)
}

fn is_ok(answer: &Answer) {
    assert_eq!(answer.status, 200, "{answer:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_claim_counts_for_nothing_unless_the_operator_says_so() {
    let provider = Provider::new();
    for app in [
        provider.unsaid().spawn().await,
        provider
            .unsaid()
            .option("PHONEPROOF__IDENTITY__PHONE_NUMBERS", "off")
            .spawn()
            .await,
    ] {
        let user = provider.says(&app, "auth0|ada", 0, &verified(&app.number()));
        assert_eq!(shown(&me(&user).await), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verified_number_is_there_at_first_sight_and_linked_to_the_account() {
    let provider = Provider::new();
    let app = provider.trusted().spawn().await;
    let number = app.number();
    let spelled = format!(
        "{} ({}) {}-{}",
        &number[..2],
        &number[2..5],
        &number[5..8],
        &number[8..]
    );
    let user = provider.says(&app, "auth0|ada", 0, &verified(&spelled));
    let list = user.get(NUMBERS).await;
    let only = list.json[0].clone();
    assert_eq!(
        only,
        json!({
            "id": only["id"], "object": "phone_number", "phone_number": number,
            "reserved_for_second_factor": false, "default_second_factor": false, "reserved": false,
            "verification": {
                "object": "verification_admin", "status": "verified", "strategy": "admin", "attempts": null,
                "expire_at": null,
            },
            "linked_to": [{ "type": "oauth_acme", "id": only["linked_to"][0]["id"] }],
            "backup_codes": null, "created_at": NOW * 1000, "updated_at": NOW * 1000,
        })
    );
    let account = only["linked_to"][0]["id"].as_str().unwrap();
    assert!(account.starts_with("idn_") && account.len() == 31, "{account}");
    assert_ne!(only["id"], account);
    // Everybody is shown the same.
    let shown_to_user = me(&user).await;
    assert_eq!(shown_to_user["phone_numbers"], json!([only]));
    assert_eq!(shown_to_user["primary_phone_number_id"], only["id"]);
    let shown_to_back_end = app.back_end().get("/v1/users/auth0%7Cada").await.resource().clone();
    assert_eq!(shown_to_back_end["phone_numbers"], json!([only]));
    // A claim that says nothing new changes nothing, whatever its spelling, and whoever else asks.
    app.clock.advance(Duration::from_secs(60));
    for phone in [verified(&number), verified(&spelled), json!({})] {
        let again = me(&provider.says(&app, "auth0|ada", 60, &phone)).await;
        assert_eq!(again, shown_to_user);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_follows_the_claim_and_the_account_stays_the_same() {
    let provider = Provider::new();
    let app = provider.trusted().spawn().await;
    let (first, second, third) = (app.number(), app.number(), app.number());
    let before = me(&provider.says(&app, "auth0|ada", 0, &verified(&first))).await;
    let after = me(&provider.says(&app, "auth0|ada", 1, &verified(&second))).await;
    assert_eq!(shown(&after), [linked(&second)]);
    let account = |me: &Value| me["phone_numbers"][0]["linked_to"].clone();
    assert_eq!(account(&before), account(&after));
    assert!(after["updated_at"].as_i64() > before["updated_at"].as_i64());
    // A token from before the change says nothing any more.
    let old = provider.says(&app, "auth0|ada", 0, &verified(&first));
    assert_eq!(shown(&me(&old).await), [linked(&second)]);
    // The number is free for others again.
    let other = app.user("user_other");
    is_ok(&other.post(NUMBERS, &[("phone_number", &first)]).await);
    // One that the user has proven stays when the claim goes on.
    let user = provider.says(&app, "auth0|ada", 2, &json!({}));
    let (_, proven) = app.verified_number(&user).await;
    let user = provider.says(&app, "auth0|ada", 3, &verified(&proven));
    assert_eq!(shown(&me(&user).await), [linked(&proven)]);
    let user = provider.says(&app, "auth0|ada", 4, &verified(&third));
    assert_eq!(shown(&me(&user).await), [own(&proven), linked(&third)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_the_provider_no_longer_vouches_for_loses_its_proof() {
    let provider = Provider::new();
    let app = provider.trusted().spawn().await;
    let number = app.number();
    assert_eq!(
        shown(&me(&provider.says(&app, "auth0|ada", 0, &unverified(&number))).await),
        [],
        "an unverified one is not added"
    );
    let _ = me(&provider.says(&app, "auth0|ada", 1, &verified(&number))).await;
    let user = provider.says(&app, "auth0|ada", 2, &unverified(&number));
    let withdrawn = me(&user).await;
    assert_eq!(shown(&withdrawn), [(number.clone(), Value::Null, Value::Null)]);
    assert_eq!(withdrawn["primary_phone_number_id"], Value::Null);
    // The user proves it by a code instead.
    let path = format!("{NUMBERS}/{}", withdrawn["phone_numbers"][0]["id"].as_str().unwrap());
    is_ok(
        &user
            .post(&format!("{path}/prepare_verification"), &[("strategy", "phone_code")])
            .await,
    );
    let code = app.code(&number).await;
    is_ok(
        &user
            .post(&format!("{path}/attempt_verification"), &[("code", &code)])
            .await,
    );
    assert_eq!(shown(&me(&user).await), [own(&number)]);
    let again = provider.says(&app, "auth0|ada", 3, &verified(&number));
    let linked_again = me(&again).await;
    assert_eq!(shown(&linked_again), [linked(&number)]);
    assert_eq!(
        linked_again["phone_numbers"][0]["verification"]["strategy"],
        "phone_code"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_its_user_removed_stays_away_until_the_claim_changes() {
    let provider = Provider::new();
    let app = provider.trusted().spawn().await;
    let (number, other) = (app.number(), app.number());
    let user = provider.says(&app, "auth0|ada", 0, &verified(&number));
    let id = me(&user).await["phone_numbers"][0]["id"].clone();
    let path = format!("{NUMBERS}/{}", id.as_str().unwrap());
    assert_eq!(user.delete(&path).await.response()["deleted"], true);
    assert_eq!(shown(&me(&user).await), []);
    app.clock.advance(Duration::from_secs(7_200));
    let later = provider.says(&app, "auth0|ada", 7_200, &verified(&number));
    assert_eq!(shown(&me(&later).await), []);
    let changed = provider.says(&app, "auth0|ada", 7_201, &verified(&other));
    assert_eq!(shown(&me(&changed).await), [linked(&other)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_turns_no_second_factor_off() {
    let provider = Provider::new();
    let app = provider.trusted().spawn().await;
    let (number, next) = (app.number(), app.number());
    let user = provider.says(&app, "auth0|ada", 0, &verified(&number));
    let id = me(&user).await["phone_numbers"][0]["id"].clone();
    let path = format!("{NUMBERS}/{}", id.as_str().unwrap());
    is_ok(&user.patch(&path, &[("reserved_for_second_factor", "true")]).await);
    let user = provider.says(&app, "auth0|ada", 1, &verified(&next));
    let after = me(&user).await;
    assert_eq!(shown(&after), [own(&number), linked(&next)]);
    assert_eq!(
        (&after["two_factor_enabled"], &after["backup_code_enabled"]),
        (&json!(true), &json!(true))
    );
    // The user may.
    assert_eq!(user.delete(&path).await.response()["deleted"], true);
    assert_eq!(shown(&me(&user).await), [linked(&next)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_number_to_sign_in_with_stays_and_signs_in() {
    let provider = Provider::new();
    let app = provider
        .trusted()
        .option("PHONEPROOF__PHONE_NUMBERS__USED_FOR_FIRST_FACTOR", "true")
        .spawn()
        .await;
    let number = app.number();
    let user = provider.says(&app, "auth0|ada", 0, &verified(&number));
    let id = me(&user).await["phone_numbers"][0]["id"].clone();
    let path = format!("{NUMBERS}/{}", id.as_str().unwrap());
    user.delete(&path).await.is_error(400, "identification_deletion_failed");
    user.patch(&path, &[("reserved_for_second_factor", "true")])
        .await
        .is_error(400, "identification_update_failed");
    let user = provider.says(&app, "auth0|ada", 1, &unverified(&number));
    assert_eq!(shown(&me(&user).await), [own(&number)]);
    let browser = Browser::new(&app);
    assert_eq!(browser.first_factor(&app, &number).await["status"], "complete");
    assert_eq!(browser.get("/v1/me").await.response()["id"], "auth0|ada");
    // A change of the claim ends the user's sessions, as any change of numbers by token does.
    let _ = me(&provider.says(&app, "auth0|ada", 2, &verified(&app.number()))).await;
    browser.get("/v1/me").await.is_error(401, "signed_out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_changes_nothing_and_the_request_goes_on() {
    let provider = Provider::new();
    let app = provider.trusted().spawn().await;
    app.clock.advance(Duration::from_secs(60));
    let keeper = app.user("user_keeper");
    let (id, owned) = app.verified_number(&keeper).await;
    let number = app.number();
    let _ = me(&provider.says(&app, "auth0|ada", 0, &verified(&number))).await;
    let user = provider.says(&app, "auth0|ada", 1, &json!({}));
    let before = me(&user).await;
    let conflicts = [
        verified(&owned),
        verified("+442079460958"),
        verified("+14155550"),
        verified("call me"),
        json!({ "phone_number": 4_155_552_671_u64, "phone_number_verified": true }),
        json!({ "phone_number": ["+14155552671"], "phone_number_verified": true }),
    ];
    for (at, phone) in (2..).zip(&conflicts) {
        let user = provider.says(&app, "auth0|ada", at, phone);
        for _ in 0..2 {
            assert_eq!(me(&user).await, before, "{phone}");
        }
    }
    assert_eq!(shown(&me(&keeper).await), [own(&owned)]);
    // Nor at first sight.
    let stranger = provider.says(&app, "auth0|eve", 0, &verified(&owned));
    assert_eq!(shown(&me(&stranger).await), []);
    // The number that the owner has let go is there for the next claim.
    is_ok(&keeper.delete(&format!("{NUMBERS}/{id}")).await);
    let user = provider.says(&app, "auth0|ada", 20, &verified(&owned));
    assert_eq!(shown(&me(&user).await), [linked(&owned)]);
    // A claim that was refused is tried again after an hour.
    assert_eq!(shown(&me(&stranger).await), []);
    let _ = me(&provider.says(&app, "auth0|ada", 21, &verified(&number))).await;
    assert_eq!(shown(&me(&stranger).await), []);
    app.clock.advance(Duration::from_secs(3_600));
    assert_eq!(shown(&me(&stranger).await), [linked(&owned)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_requests_at_once_one_adds_the_number() {
    let provider = Provider::new();
    let app = provider.trusted().spawn().await;
    for round in 0..4 {
        let number = app.number();
        let user = provider.says(&app, "auth0|ada", round, &verified(&number));
        for answer in join_all((0..8).map(|_| user.get("/v1/me"))).await {
            assert_eq!(shown(answer.response()), [linked(&number)]);
        }
    }
    // Two users with one number: one of them has it.
    let number = app.number();
    let users = ["auth0|bob", "auth0|eve"].map(|user| provider.says(&app, user, 0, &verified(&number)));
    let answers = join_all((0..8).map(|n| users[n % 2].get("/v1/me"))).await;
    for answer in answers {
        is_ok(&answer);
    }
    let have = [me(&users[0]).await, me(&users[1]).await].map(|me| shown(&me).len());
    assert_eq!(have[0] + have[1], 1, "{have:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_from_before_are_told_and_no_limit_on_new_numbers_applies() {
    let provider = Provider::new();
    let app = provider
        .trusted()
        .option("PHONEPROOF__LIMITS__NEW_NUMBERS_PER_USER", "1/1h")
        .spawn()
        .await;
    let user = provider.says(&app, "auth0|ada", 0, &json!({}));
    let (_, first) = app.verified_number(&user).await;
    app.dispatched().await;
    app.clock.advance(Duration::from_secs(1));
    let before = app.text_to(&first).await["id"].clone();
    for at in 1..3 {
        let number = app.number();
        let user = provider.says(&app, "auth0|ada", at, &verified(&number));
        assert_eq!(shown(&me(&user).await), [own(&first), linked(&number)]);
    }
    let _ = app.text_once(&first, |text| text["id"] != before).await;
}
