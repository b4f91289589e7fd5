//! Requests at the same moment, over HTTP and on a real file: each race ends as in some order.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use phoneproof_tests::{Actor, Answer, TestApp};

/// As many requests at once as an attacker with one machine sends.
const CROWD: usize = 128;

/// How often each outcome came: its status and, for an error, its code.
fn tally(answers: &[Answer]) -> BTreeMap<(u16, String), usize> {
    let mut tally = BTreeMap::new();
    for answer in answers {
        let code = answer.json["errors"][0]["code"].as_str().unwrap_or_default();
        *tally.entry((answer.status, code.to_owned())).or_default() += 1;
    }
    tally
}

fn count(answers: &[Answer], status: u16, code: &str) -> usize {
    tally(answers).get(&(status, code.to_owned())).copied().unwrap_or(0)
}

/// Adds `number` and has a code texted to it; answers the path of the phone number.
async fn prepared(app: &TestApp, user: &Actor, number: &str) -> String {
    let path = format!("/v1/me/phone_numbers/{}", app.added_number(user, number).await);
    let _ = user.post(&format!("{path}/prepare_verification"), &[]).await.response();
    path
}

async fn attempt(user: &Actor, path: &str, code: &str) -> Answer {
    user.post(&format!("{path}/attempt_verification"), &[("code", code)])
        .await
}

/// What must hold of a user's second factors at every moment.
fn check_second_factors(me: &serde_json::Value) {
    let numbers = me["phone_numbers"].as_array().map_or(&[][..], Vec::as_slice);
    let having = |flag: &str| numbers.iter().filter(|number| number[flag] == true).count();
    let (reserved, default) = (having("reserved_for_second_factor"), having("default_second_factor"));
    assert_eq!(default, usize::from(reserved > 0), "{me:#}");
    assert_eq!(me["two_factor_enabled"], reserved > 0, "{me:#}");
    assert_eq!(me["backup_code_enabled"], reserved > 0, "{me:#}");
    for number in numbers {
        let flags = [&number["reserved_for_second_factor"], &number["default_second_factor"]];
        assert!(flags[1] == false || flags[0] == true, "{me:#}");
        assert!(
            flags[0] == false || number["verification"]["status"] == "verified",
            "{me:#}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_crowd_of_wrong_codes_no_more_than_the_maximum_is_tried() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let number = app.number();
    let path = prepared(&app, &user, &number).await;
    let (right, wrong) = (app.code(&number).await, app.wrong_code(&number).await);

    let answers = join_all((0..CROWD).map(|_| attempt(&user, &path, &wrong))).await;
    // The fifth wrong code of five fails the verification, and is answered so.
    assert_eq!(count(&answers, 422, "form_code_incorrect"), 4, "{:?}", tally(&answers));
    assert!(answers.iter().all(|answer| answer.status >= 400 && answer.status < 500));
    let verification = user.get(&path).await.response()["verification"].clone();
    assert_eq!(verification["attempts"], 5);
    assert_eq!(verification["status"], "failed");
    attempt(&user, &path, &right).await.is_error(400, "verification_failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_code_succeeds_once_however_many_send_it() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let number = app.number();
    let path = prepared(&app, &user, &number).await;
    let right = app.code(&number).await;

    let answers = join_all((0..CROWD).map(|_| attempt(&user, &path, &right))).await;
    assert_eq!(count(&answers, 200, ""), 1, "{:?}", tally(&answers));
    assert_eq!(
        count(&answers, 400, "verification_already_verified"),
        CROWD - 1,
        "{:?}",
        tally(&answers)
    );
    assert_eq!(user.get(&path).await.response()["verification"]["attempts"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_code_among_wrong_ones_ends_as_in_some_order() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let number = app.number();
    let path = prepared(&app, &user, &number).await;
    let (right, wrong) = (app.code(&number).await, app.wrong_code(&number).await);

    let code = |at: usize| if at.is_multiple_of(3) { &right } else { &wrong };
    let answers = join_all((0..CROWD).map(|at| attempt(&user, &path, code(at)))).await;
    let (won, incorrect) = (count(&answers, 200, ""), count(&answers, 422, "form_code_incorrect"));
    let verification = user.get(&path).await.response()["verification"].clone();
    let attempts = verification["attempts"].as_u64();
    if won == 1 {
        assert!(incorrect <= 4, "{:?}", tally(&answers));
        assert_eq!(verification["status"], "verified");
        assert_eq!(
            attempts,
            Some(incorrect as u64 + 1),
            "every try before the right one counts"
        );
    } else {
        assert_eq!((won, incorrect), (0, 4), "{:?}", tally(&answers));
        assert_eq!((&verification["status"], attempts), (&"failed".into(), Some(5)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_many_verify_at_once_has_one_owner() {
    let app = TestApp::spawn().await;
    let number = app.number();
    let mut claims = Vec::new();
    for at in 0..16 {
        let user = app.user(&format!("user_{at}"));
        let path = prepared(&app, &user, &number).await;
        claims.push((user, path, app.code(&number).await));
    }
    let answers = join_all(claims.iter().map(|(user, path, code)| attempt(user, path, code))).await;
    assert_eq!(count(&answers, 200, ""), 1, "{:?}", tally(&answers));
    assert_eq!(
        count(&answers, 422, "form_identifier_exists"),
        15,
        "{:?}",
        tally(&answers)
    );
    let query = format!("/v1/users?limit=100&phone_number={}", number.replace('+', "%2B"));
    let owners = app.back_end().get(&query).await.resource().clone();
    let verified = |user: &&serde_json::Value| user["phone_numbers"][0]["verification"]["status"] == "verified";
    assert_eq!(owners.as_array().unwrap().iter().filter(verified).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_added_once_and_the_cap_on_unverified_ones_holds() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let add = |number: String| {
        let user = user.clone();
        async move { user.post("/v1/me/phone_numbers", &[("phone_number", &number)]).await }
    };
    let number = app.number();
    let same = join_all((0..CROWD / 4).map(|_| add(number.clone()))).await;
    assert_eq!(count(&same, 200, ""), 1, "{:?}", tally(&same));
    assert_eq!(
        count(&same, 422, "form_identifier_exists"),
        CROWD / 4 - 1,
        "{:?}",
        tally(&same)
    );

    let different = join_all((0..CROWD / 4).map(|_| add(app.number()))).await;
    assert_eq!(count(&different, 200, ""), 4, "{:?}", tally(&different));
    let me = user.get("/v1/me").await.response().clone();
    assert_eq!(me["phone_numbers"].as_array().unwrap().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_code_of_many_is_out() {
    let app = TestApp::with("PHONEPROOF__LIMITS__ENABLED", "false").spawn().await;
    let user = app.user("user_a");
    let number = app.number();
    let path = prepared(&app, &user, &number).await;
    let prepare = format!("{path}/prepare_verification");
    let prepares = join_all((0..32).map(|_| user.post(&prepare, &[]))).await;
    assert!(count(&prepares, 200, "") >= 1, "{:?}", tally(&prepares));
    let inbox = app
        .nobody()
        .get(&format!("/dev/inbox?to={}", number.replace('+', "%2B")))
        .await;
    let mut codes: Vec<_> = inbox.json["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["code"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        codes.len(),
        count(&prepares, 200, "") + 1,
        "a text for each that was answered"
    );
    codes.dedup();
    // The texts may arrive in another order than the codes were made, so any one may be the live one; but no two are.
    let tries: Vec<_> = codes.iter().take(4).collect();
    let answers = join_all(tries.iter().map(|code| attempt(&user, &path, code))).await;
    assert!(count(&answers, 200, "") <= 1, "{:?}", tally(&answers));
    let shown = user.get(&path).await.response()["verification"].clone();
    let won = count(&answers, 200, "") == 1;
    assert_eq!(shown["status"] == "verified", won, "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_default_whatever_is_turned_on_and_off_at_once() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let mut paths = Vec::new();
    for _ in 0..4 {
        paths.push(format!("/v1/me/phone_numbers/{}", app.verified_number(&user).await.0));
    }
    for round in 0..6 {
        let changes = (0..24).map(|at| {
            let (user, path) = (user.clone(), &paths[(at + round) % paths.len()]);
            let form = match (at + round) % 3 {
                0 => [("reserved_for_second_factor", "true")],
                1 => [("default_second_factor", "true")],
                _ => [("reserved_for_second_factor", "false")],
            };
            async move { user.patch(path, &form).await }
        });
        let answers = join_all(changes).await;
        assert!(
            answers.iter().all(|answer| answer.status < 500),
            "{:?}",
            tally(&answers)
        );
        check_second_factors(user.get("/v1/me").await.response());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_factor_that_is_turned_on_twice_issues_codes_once() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let _ = app.verified_number(&user).await;
    let path = format!("/v1/me/phone_numbers/{}", app.verified_number(&user).await.0);
    let reserve = || user.patch(&path, &[("reserved_for_second_factor", "true")]);
    let answers = join_all((0..32).map(|_| reserve())).await;
    assert_eq!(count(&answers, 200, ""), 32, "{:?}", tally(&answers));
    let issued = answers
        .iter()
        .filter(|answer| answer.response()["backup_codes"].is_array());
    assert_eq!(issued.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_number_to_sign_in_with_survives_a_crowd_of_deletions() {
    let app = TestApp::spawn().await;
    let user = app.user("user_a");
    let mut paths = Vec::new();
    for _ in 0..4 {
        paths.push(format!("/v1/me/phone_numbers/{}", app.verified_number(&user).await.0));
    }
    let answers = join_all((0..32).map(|at| user.delete(&paths[at % 4]))).await;
    assert_eq!(count(&answers, 200, ""), 3, "{:?}", tally(&answers));
    let me = user.get("/v1/me").await.response().clone();
    let left = me["phone_numbers"].as_array().unwrap();
    assert_eq!(left.len(), 1, "{me:#}");
    assert_eq!(me["primary_phone_number_id"], left[0]["id"]);
}
