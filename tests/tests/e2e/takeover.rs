//! How an account could be taken over, or its owner kept out: each way was open once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use phoneproof_domain::ports::{Commit, CommitError, Write};
use phoneproof_tests::{Answer, Browser, TestApp, text};
use reqwest::Method;
use serde_json::json;

const PASSWORD: &str = "correct horse battery";
const HOUR: Duration = Duration::from_secs(3600);
const TWO_DAYS: Duration = Duration::from_secs(48 * 3600);

/// A browser with a user who has signed up with a number: the browser, the user's id, the number's id, the number.
async fn signed_up(app: &TestApp) -> (Browser, String, String, String) {
    let (browser, number) = (Browser::new(app), app.number());
    let done = browser.sign_up(app, &number).await;
    let user = &done["client"]["sessions"][0]["user"];
    (
        browser,
        text(&user["id"]).to_owned(),
        text(&user["phone_numbers"][0]["id"]).to_owned(),
        number,
    )
}

async fn with_password(app: &TestApp, user: &str) {
    let body = json!({ "password": PASSWORD });
    let path = format!("/v1/users/{user}");
    assert_eq!(app.back_end().json(Method::PATCH, &path, &body).await.status, 200);
}

/// The same cookies in another browser.
fn stolen_from(app: &TestApp, victim: &Browser) -> Browser {
    let thief = Browser::new(app);
    thief.set_cookie("__client", &victim.cookie("__client").unwrap_or_default());
    thief
}

async fn sign_in_by_password(app: &TestApp, number: &str, password: &str) -> Answer {
    let form = [("identifier", number), ("password", password)];
    Browser::new(app).post("/v1/client/sign_ins", &form).await
}

/// Begins a sign-in, asks for a code of `strategy`, and enters it; answers the browser and the path of the sign-in.
async fn by_code(app: &TestApp, number: &str, strategy: &str) -> (Browser, String) {
    let browser = Browser::new(app);
    let form = [("identifier", number), ("strategy", strategy)];
    let begun = browser.post("/v1/client/sign_ins", &form).await.response().clone();
    let path = format!("/v1/client/sign_ins/{}", text(&begun["id"]));
    let code = app.code(number).await;
    let form = [("strategy", strategy), ("code", &code)];
    let passed = browser.post(&format!("{path}/attempt_first_factor"), &form).await;
    assert_eq!(passed.status, 200, "{passed:#?}");
    (browser, path)
}

/// How many texts without a code the number has got.
async fn notices_to(app: &TestApp, number: &str) -> usize {
    // With a clock that stands still the dispatcher does not look again.
    app.clock.advance(Duration::from_millis(1));
    app.dispatched().await;
    let path = format!("/dev/inbox?to={}", number.replace('+', "%2B"));
    let messages = app.nobody().get(&path).await.json["messages"].clone();
    let texts = messages.as_array().cloned().unwrap_or_default();
    texts.iter().filter(|text| text["code"].is_null()).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_stolen_client_nothing_sensitive_is_done_and_the_owner_hears_of_what_is() {
    let app = TestApp::spawn().await;
    let (owner, _, first, number) = signed_up(&app).await;
    let second = app.number();
    let (factor, _) = owner.add_second_factor(&app, &second).await;
    app.clock.advance(TWO_DAYS);
    let thief = stolen_from(&app, &owner);
    assert_eq!(thief.get("/v1/me").await.status, 200, "the session itself is alive");
    let of = |id: &str| format!("/v1/me/phone_numbers/{id}");
    let off = [("reserved_for_second_factor", "false")];
    let added = app.number();
    let refused = [
        thief.patch(&of(&factor), &off).await,
        thief
            .post("/v1/me/change_password", &[("new_password", PASSWORD)])
            .await,
        thief.post("/v1/me/phone_numbers", &[("phone_number", &added)]).await,
        thief.patch("/v1/me", &[("primary_phone_number_id", &factor)]).await,
        thief.delete(&of(&first)).await,
        thief.delete(&of(&factor)).await,
        thief.post("/v1/me/backup_codes", &[]).await,
        thief.delete("/v1/me").await,
    ];
    for answer in &refused {
        answer.is_error(403, "session_reverification_required");
    }
    let before = (notices_to(&app, &number).await, notices_to(&app, &second).await);

    // Whoever proves the strongest factor goes on, and the user's other numbers are told.
    owner.reverify(&app, &second).await;
    assert_eq!(
        owner
            .patch("/v1/me", &[("primary_phone_number_id", &factor)])
            .await
            .status,
        200
    );
    let after = (notices_to(&app, &number).await, notices_to(&app, &second).await);
    assert_eq!((after.0 - before.0, after.1 - before.1), (1, 0));
    let set = owner
        .post("/v1/me/change_password", &[("new_password", PASSWORD)])
        .await;
    assert_eq!(set.status, 200, "{set:#?}");
    assert!(notices_to(&app, &number).await > after.0);
    // The number that goes is told as well.
    let told = notices_to(&app, &second).await;
    assert_eq!(owner.patch(&of(&factor), &off).await.status, 200);
    assert!(notices_to(&app, &second).await > told);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_three_notices_a_day_are_texted_to_a_user_and_none_if_they_are_off() {
    for (name, value, expected) in [
        ("PHONEPROOF__LIMITS__NOTICES_PER_USER", "3/1d", 3),
        ("PHONEPROOF__NOTICES__TEXTS", "false", 0),
    ] {
        let app = TestApp::with(name, value).spawn().await;
        let (owner, _, _, number) = signed_up(&app).await;
        let second = app.number();
        let _ = owner.add_second_factor(&app, &second).await;
        for _ in 0..5 {
            app.clock.advance(Duration::from_secs(60));
            owner.reverify(&app, &second).await;
            let _ = owner.post("/v1/me/backup_codes", &[]).await.response();
        }
        let told = notices_to(&app, &number).await + notices_to(&app, &second).await;
        assert_eq!(told, expected, "{name}={value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_or_half_a_sign_in_dies_with_what_it_rests_on() {
    let app = TestApp::spawn().await;
    let (owner, user, first, number) = signed_up(&app).await;
    with_password(&app, &user).await;
    let reset = async |browser: &Browser, path: &str| {
        let form = [("password", "a stranger's new password")];
        browser.post(&format!("{path}/reset_password"), &form).await
    };
    // By the very password.
    app.clock.advance(Duration::from_secs(60));
    let (thief, path) = by_code(&app, &number, "reset_password_phone_code").await;
    let form = [
        ("new_password", "another good password"),
        ("current_password", PASSWORD),
    ];
    let changed = owner.post("/v1/me/change_password", &form).await;
    assert_eq!(changed.status, 200, "{changed:#?}");
    reset(&thief, &path).await.is_error(404, "resource_not_found");

    // By the number that the code went to.
    app.clock.advance(Duration::from_secs(60));
    let (thief, path) = by_code(&app, &number, "reset_password_phone_code").await;
    let other = app.number();
    let added = owner.post("/v1/me/phone_numbers", &[("phone_number", &other)]).await;
    let added = format!("/v1/me/phone_numbers/{}", text(&added.response()["id"]));
    let prepared = owner
        .post(&format!("{added}/prepare_verification"), &[("strategy", "phone_code")])
        .await;
    assert_eq!(prepared.status, 200, "{prepared:#?}");
    let code = app.code(&other).await;
    let verified = owner
        .post(&format!("{added}/attempt_verification"), &[("code", &code)])
        .await;
    assert_eq!(verified.status, 200, "{verified:#?}");
    assert_eq!(owner.delete(&format!("/v1/me/phone_numbers/{first}")).await.status, 200);
    reset(&thief, &path).await.is_error(404, "resource_not_found");

    // Half of one is over ten minutes after its first factor.
    app.clock.advance(Duration::from_secs(60));
    let (late, path) = by_code(&app, &other, "reset_password_phone_code").await;
    app.clock.advance(Duration::from_secs(600));
    reset(&late, &path).await.is_error(404, "resource_not_found");

    // What waits for the second factor dies with the password that was the first.
    let (owner, user, _, number) = signed_up(&app).await;
    with_password(&app, &user).await;
    let second = app.number();
    let (_, codes) = owner.add_second_factor(&app, &second).await;
    let thief = Browser::new(&app);
    let form = [("identifier", number.as_str()), ("password", PASSWORD)];
    let half = thief.post("/v1/client/sign_ins", &form).await.response().clone();
    assert_eq!(half["status"], "needs_second_factor");
    owner.reverify(&app, &second).await;
    let form = [
        ("new_password", "another good password"),
        ("current_password", PASSWORD),
    ];
    assert_eq!(owner.post("/v1/me/change_password", &form).await.status, 200);
    let path = format!("/v1/client/sign_ins/{}/attempt_second_factor", text(&half["id"]));
    let form = [("strategy", "backup_code"), ("code", codes[0].as_str())];
    thief.post(&path, &form).await.is_error(404, "resource_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_closes_one_factor_for_an_hour_and_keeps_no_owner_out() {
    let app = TestApp::spawn().await;
    let (_, user, _, number) = signed_up(&app).await;
    with_password(&app, &user).await;
    app.clock.advance(Duration::from_secs(60));
    for _ in 0..11 {
        let _ = sign_in_by_password(&app, &number, "wrong horse battery").await;
    }
    let closed = sign_in_by_password(&app, &number, PASSWORD).await;
    closed.is_error(429, "too_many_requests");
    // The code to the number in the hand is open.
    assert_eq!(
        Browser::new(&app).first_factor(&app, &number).await["status"],
        "complete"
    );
    app.clock.advance(HOUR);
    assert_eq!(
        sign_in_by_password(&app, &number, PASSWORD).await.response()["status"],
        "complete"
    );

    // However long it goes on: an hour after the last wrong try the owner is let in.
    for _ in 0..32 {
        for _ in 0..3 {
            let _ = sign_in_by_password(&app, &number, "wrong horse battery").await;
        }
        app.clock.advance(Duration::from_secs(24 * 3600));
    }
    assert_eq!(
        sign_in_by_password(&app, &number, PASSWORD).await.response()["status"],
        "complete"
    );

    // Without a password: wrong codes close the code, for an hour.
    let (_, _, _, number) = signed_up(&app).await;
    for _ in 0..2 {
        app.clock.advance(Duration::from_secs(60));
        let stranger = Browser::new(&app);
        let form = [("identifier", number.as_str()), ("strategy", "phone_code")];
        let begun = stranger.post("/v1/client/sign_ins", &form).await.response().clone();
        let path = format!("/v1/client/sign_ins/{}/attempt_first_factor", text(&begun["id"]));
        let wrong = app.wrong_code(&number).await;
        for _ in 0..5 {
            let _ = stranger
                .post(&path, &[("strategy", "phone_code"), ("code", &wrong)])
                .await;
        }
    }
    let form = [("identifier", number.as_str()), ("strategy", "phone_code")];
    let closed = Browser::new(&app).post("/v1/client/sign_ins", &form).await;
    closed.is_error(429, "too_many_requests");
    app.clock.advance(HOUR);
    assert_eq!(
        Browser::new(&app).first_factor(&app, &number).await["status"],
        "complete"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_128_guesses_at_once_at_the_current_password_no_more_are_compared_than_in_turn() {
    let app = TestApp::spawn().await;
    let (owner, user, _, _) = signed_up(&app).await;
    with_password(&app, &user).await;
    let guess = async || {
        let form = [
            ("new_password", "another good password"),
            ("current_password", "wrong horse battery"),
        ];
        let thief = stolen_from(&app, &owner);
        thief.post("/v1/me/change_password", &form).await
    };
    let tries = join_all((0..128).map(|_| guess())).await;
    let compared = tries.iter().filter(|answer| answer.status == 422).count();
    assert!(compared <= 10, "{compared} guesses were answered");
    for answer in tries.iter().filter(|answer| answer.status != 422) {
        assert!([409, 429, 503].contains(&answer.status), "{answer:#?}");
    }
    // However the crowd was shed, ten in all are compared.
    let mut in_turn = 0;
    for _ in 0..12 {
        in_turn += usize::from(guess().await.status == 422);
    }
    assert_eq!(compared + in_turn, 10);
    guess().await.is_error(429, "too_many_requests");
    let removal = stolen_from(&app, &owner)
        .post("/v1/me/remove_password", &[("current_password", PASSWORD)])
        .await;
    removal.is_error(429, "too_many_requests");
}

#[tokio::test(flavor = "multi_thread")]
async fn changing_a_sign_up_is_limited_as_beginning_one() {
    let app = TestApp::with("PHONEPROOF__LIMITS__SIGN_INS_PER_ADDRESS", "5/10s")
        .spawn()
        .await;
    let browser = Browser::new(&app);
    let begun = browser.post("/v1/client/sign_ups", &[]).await;
    let path = format!("/v1/client/sign_ups/{}", text(&begun.response()["id"]));
    let mut statuses = Vec::new();
    for _ in 0..6 {
        let form = [("phone_number", app.number()), ("password", PASSWORD.to_owned())];
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        statuses.push(browser.patch(&path, &form).await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 200, 429, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_changes_nothing_before_the_second_factor_has_passed() {
    let app = TestApp::spawn().await;
    let (owner, user, _, number) = signed_up(&app).await;
    with_password(&app, &user).await;
    let second = app.number();
    let (_, codes) = owner.add_second_factor(&app, &second).await;
    app.clock.advance(Duration::from_secs(60));
    let (browser, path) = by_code(&app, &number, "reset_password_phone_code").await;
    let form = [
        ("password", "another good password"),
        ("sign_out_of_other_sessions", "true"),
    ];
    let half = browser
        .post(&format!("{path}/reset_password"), &form)
        .await
        .response()
        .clone();
    assert_eq!(half["status"], "needs_second_factor");
    assert_eq!(owner.get("/v1/me").await.status, 200, "nobody is signed out");
    let old = sign_in_by_password(&app, &number, PASSWORD).await;
    assert_eq!(
        old.response()["status"],
        "needs_second_factor",
        "the old password stands"
    );
    let form = [("strategy", "backup_code"), ("code", codes[0].as_str())];
    let done = browser.post(&format!("{path}/attempt_second_factor"), &form).await;
    assert_eq!(done.response()["status"], "complete");
    owner.get("/v1/me").await.is_error(401, "signed_out");
    sign_in_by_password(&app, &number, PASSWORD)
        .await
        .is_error(422, "form_password_incorrect");
    let new = sign_in_by_password(&app, &number, "another good password").await;
    assert_eq!(new.response()["status"], "needs_second_factor");
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_count_by_number_and_a_step_up_makes_a_stolen_client_worthless() {
    let app = TestApp::with("PHONEPROOF__LIMITS__ATTEMPTS_PER_NUMBER", "10/1h")
        .spawn()
        .await;
    // Sign-ups with one number, each in a browser of its own.
    let number = app.number();
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let browser = Browser::new(&app);
        let form = [("phone_number", number.as_str()), ("strategy", "phone_code")];
        let begun = browser.post("/v1/client/sign_ups", &form).await.response().clone();
        let path = format!("/v1/client/sign_ups/{}/attempt_verification", text(&begun["id"]));
        let wrong = app.wrong_code(&number).await;
        for _ in 0..4 {
            statuses.push(browser.post(&path, &[("code", &wrong)]).await.status);
        }
    }
    assert_eq!(statuses[..10], [422; 10]);
    assert_eq!(statuses[10..], [429; 2]);

    // A number that several users are adding, tried at once.
    let number = app.number();
    let mut tries = Vec::new();
    for at in 0..4 {
        let user = app.user(&format!("user_{at}"));
        let id = app.added_number(&user, &number).await;
        let path = format!("/v1/me/phone_numbers/{id}");
        let _ = user.post(&format!("{path}/prepare_verification"), &[]).await.response();
        tries.extend((0..4).map(|_| (user.clone(), format!("{path}/attempt_verification"))));
    }
    let wrong = app.wrong_code(&number).await;
    let answers = join_all(tries.iter().map(|(user, path)| {
        let form = [("code", wrong.as_str())];
        async move { user.post(path, &form).await }
    }))
    .await;
    let over = answers.iter().filter(|answer| answer.status == 429).count();
    assert_eq!(over, 6, "{answers:#?}");

    // Each change of factors and each step-up gives the client a new token.
    let (owner, _, _, number) = signed_up(&app).await;
    let thief = stolen_from(&app, &owner);
    owner.reverify(&app, &number).await;
    assert_ne!(thief.cookie("__client"), owner.cookie("__client"));
    // A moment it is told to come again, for it may be a request that crossed with the change.
    let crossed = thief.get("/v1/me").await;
    assert_eq!((crossed.status, crossed.header("retry-after")), (503, Some("1")));
    app.clock.advance(Duration::from_secs(10));
    thief.get("/v1/me").await.is_error(401, "signed_out");
    assert_eq!(owner.get("/v1/me").await.status, 200);
    let before = owner.cookie("__client");
    let _ = owner.add_second_factor(&app, &app.number()).await;
    assert_ne!(before, owner.cookie("__client"));
}

/// Notes of each commit which aggregates it writes.
struct Noted {
    commits: Arc<dyn Commit>,
    noted: Arc<Mutex<Vec<Vec<&'static str>>>>,
}

#[async_trait]
impl Commit for Noted {
    async fn commit(&self, writes: Vec<Write>) -> Result<(), CommitError> {
        let kinds = writes.iter().map(|write| match write {
            Write::User(_) => "user",
            Write::Client(_) => "client",
            Write::SignInToken(_) => "ticket",
            Write::Message(_) => "text",
            Write::Event(_) => "event",
        });
        self.noted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(kinds.collect());
        self.commits.commit(writes).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_factors_and_the_end_of_the_other_sessions_are_one_commit() {
    let noted = Arc::new(Mutex::new(Vec::new()));
    let kept = noted.clone();
    let app = TestApp::with("PHONEPROOF__APPLICATION__NAME", "Acme")
        .adapters(move |adapters| {
            let commits = adapters.store.commits.clone();
            adapters.store.commits = Arc::new(Noted { commits, noted: kept });
        })
        .spawn()
        .await;
    let (here, _, _, number) = signed_up(&app).await;
    app.clock.advance(Duration::from_secs(60));
    let there = Browser::new(&app);
    assert_eq!(there.first_factor(&app, &number).await["status"], "complete");
    let (second, _) = here.add_second_factor(&app, &app.number()).await;
    there.get("/v1/me").await.is_error(401, "signed_out");
    noted.lock().unwrap().clear();
    let all = [("default_second_factor", "true")];
    let path = format!("/v1/me/phone_numbers/{second}");
    let _ = here.patch(&path, &all).await;
    noted.lock().unwrap().clear();
    let me = here.get("/v1/me").await.response().clone();
    let factor = me["phone_numbers"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|n| n["id"] == second.as_str());
    here.reverify(&app, text(&factor.unwrap()["phone_number"])).await;
    noted.lock().unwrap().clear();
    let off = here.patch(&path, &[("reserved_for_second_factor", "false")]).await;
    assert_eq!(off.status, 200, "{off:#?}");
    let commits = noted.lock().unwrap().clone();
    assert_eq!(commits.len(), 1, "{commits:?}");
    assert!(commits[0].starts_with(&["user", "client"]), "{commits:?}");
    assert!(commits[0].contains(&"text"), "the notice goes with it: {commits:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_users_holds_while_first_numbers_are_verified() {
    let app = TestApp::spawn().await;
    let back_end = app.back_end();
    let verified = async |at: usize| {
        let user = app.user(&format!("user_{at:02}"));
        let _ = app.verified_number(&user).await;
    };
    let changes = async {
        for round in 0..4 {
            join_all((0..6).map(|at| verified(round * 6 + at))).await;
        }
    };
    let lists = async {
        for _ in 0..60 {
            let list = back_end.get("/v1/users?limit=500").await;
            assert_eq!(list.status, 200, "{list:#?}");
            for user in list.json.as_array().into_iter().flatten() {
                let numbers = user["phone_numbers"].as_array().into_iter().flatten();
                let any = numbers
                    .into_iter()
                    .any(|number| number["verification"]["status"] == "verified");
                assert_eq!(user["primary_phone_number_id"].is_string(), any, "{user:#?}");
            }
        }
    };
    tokio::join!(changes, lists);
}
