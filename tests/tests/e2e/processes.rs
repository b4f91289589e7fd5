//! Two and four processes on one store: each race between them ends as in some order, and no limit is exceeded.
//!
//! A server in this process makes the state and reads what came of it; those that race are processes of their own, as a
//! team runs them behind a load balancer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use phoneproof_domain::ports::{Receipt, SendError};
use phoneproof_tests::{Actor, Answer, Browser, FakeCarrier, Program, Setup, TestApp, text};
use serde_json::{Value, json};
use tokio::sync::watch;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// How many processes race.
const SIZES: [usize; 2] = [2, 4];
/// How long texts are waited for before the test has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// Requests at once.
const CROWD: usize = 64;
/// `phone.example.com$`: what processes of one instance share.
const PUBLISHABLE_KEY: &str = "pk_test_cGhvbmUuZXhhbXBsZS5jb20k";

/// Processes of one instance.
struct Fleet {
    /// Makes the state, and reads what came of it.
    app: TestApp,
    processes: Vec<Program>,
}

impl Fleet {
    async fn start(size: usize) -> Self {
        Self::with(size, &[]).await
    }

    async fn with(size: usize, options: &[(&str, &str)]) -> Self {
        let shared: BTreeMap<String, String> = [("KEYS__PUBLISHABLE_KEY", PUBLISHABLE_KEY)]
            .iter()
            .chain(options)
            .map(|(name, value)| (format!("PHONEPROOF__{name}"), (*value).to_owned()))
            .collect();
        let setup = shared
            .iter()
            .fold(Setup::default(), |setup, (name, value)| setup.option(name, value));
        let app = setup.spawn().await;
        app.clock.set_to_system();
        let mut theirs = app.options_of_another_process();
        theirs.extend(shared);
        let processes = (0..size).map(|_| Program::serve(&theirs)).collect();
        Self { app, processes }
    }

    /// A user at each process in turn.
    fn user(&self, at: usize, user: &str) -> Actor {
        self.process(at).actor(Some(&self.app.token(user)))
    }

    fn process(&self, at: usize) -> &Program {
        &self.processes[at % self.processes.len()]
    }

    /// Adds a number to the user and has a code texted to it; answers its path, the number and the code.
    async fn prepared(&self, user: &str) -> (String, String, String) {
        let (actor, number) = (self.app.user(user), self.app.number());
        let path = format!("/v1/me/phone_numbers/{}", self.app.added_number(&actor, &number).await);
        let prepare = format!("{path}/prepare_verification");
        let _ = actor.post(&prepare, &[]).await.response();
        let code = self.app.code(&number).await;
        (path, number, code)
    }
}

fn count(answers: &[Answer], status: u16, code: &str) -> usize {
    let fits = |answer: &&Answer| {
        answer.status == status && answer.json["errors"][0]["code"].as_str().unwrap_or_default() == code
    };
    answers.iter().filter(fits).count()
}

/// How often each outcome came.
fn tally(answers: &[Answer]) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    for answer in answers {
        let outcome = format!("{} {}", answer.status, answer.json["errors"][0]["code"]);
        *tally.entry(outcome).or_default() += 1;
    }
    tally
}

fn numbers(me: &Value) -> &[Value] {
    me["phone_numbers"].as_array().map_or(&[], Vec::as_slice)
}

/// What must hold of a user's second factors at every moment.
fn check_second_factors(me: &Value) {
    let having = |flag: &str| numbers(me).iter().filter(|number| number[flag] == true).count();
    let on = having("reserved_for_second_factor") > 0;
    assert_eq!(having("default_second_factor"), usize::from(on), "{me:#}");
    assert_eq!(
        (&me["two_factor_enabled"], &me["backup_code_enabled"]),
        (&json!(on), &json!(on)),
        "{me:#}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_at_one_code() {
    for size in SIZES {
        let fleet = Fleet::start(size).await;
        let attempt = async |path: &str, code: &str| {
            let path = format!("{path}/attempt_verification");
            let all = (0..CROWD).map(|at| {
                let (user, path) = (fleet.user(at, "user_a"), path.clone());
                async move { user.post(&path, &[("code", code)]).await }
            });
            join_all(all).await
        };
        let (path, number, _) = fleet.prepared("user_a").await;
        let wrong = attempt(&path, &fleet.app.wrong_code(&number).await).await;
        // The fifth of five fails the verification, and is answered so.
        assert_eq!(count(&wrong, 422, "form_code_incorrect"), 4, "{:?}", tally(&wrong));
        assert_eq!(count(&wrong, 200, ""), 0);
        let shown = fleet.app.user("user_a").get(&path).await.response()["verification"].clone();
        assert_eq!((&shown["attempts"], &shown["status"]), (&json!(5), &json!("failed")));

        let (path, _, code) = fleet.prepared("user_a").await;
        let right = attempt(&path, &code).await;
        assert_eq!(count(&right, 200, ""), 1, "{:?}", tally(&right));
        assert_eq!(
            count(&right, 400, "verification_already_verified"),
            CROWD - 1,
            "{:?}",
            tally(&right)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn make_default_reserve_and_release() {
    for size in SIZES {
        let fleet = Fleet::start(size).await;
        let user = fleet.app.user("user_a");
        let mut paths = Vec::new();
        for _ in 0..4 {
            paths.push(format!(
                "/v1/me/phone_numbers/{}",
                fleet.app.verified_number(&user).await.0
            ));
        }
        let same = join_all((0..16).map(|at| {
            let (user, path) = (fleet.user(at, "user_a"), &paths[0]);
            async move { user.patch(path, &[("reserved_for_second_factor", "true")]).await }
        }))
        .await;
        assert_eq!(count(&same, 200, ""), 16, "{:?}", tally(&same));
        let issued = same
            .iter()
            .filter(|answer| answer.response()["backup_codes"].is_array());
        assert_eq!(issued.count(), 1, "the ten codes are shown once");
        for round in 0..4 {
            let changes = join_all((0..24).map(|at| {
                let (user, path) = (fleet.user(at, "user_a"), &paths[(at + round) % paths.len()]);
                let form = match (at + round) % 3 {
                    0 => [("reserved_for_second_factor", "true")],
                    1 => [("default_second_factor", "true")],
                    _ => [("reserved_for_second_factor", "false")],
                };
                async move { user.patch(path, &form).await }
            }))
            .await;
            assert!(
                changes.iter().all(|answer| answer.status < 500),
                "{:?}",
                tally(&changes)
            );
            check_second_factors(user.get("/v1/me").await.response());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_of_one_number() {
    for size in SIZES {
        let fleet = Fleet::start(size).await;
        let user = fleet.app.user("user_a");
        let mut paths = Vec::new();
        for _ in 0..4 {
            paths.push(format!(
                "/v1/me/phone_numbers/{}",
                fleet.app.verified_number(&user).await.0
            ));
        }
        let gone = join_all((0..CROWD).map(|at| {
            let (user, path) = (fleet.user(at, "user_a"), &paths[0]);
            async move { user.delete(path).await }
        }))
        .await;
        assert_eq!(count(&gone, 200, ""), 1, "{:?}", tally(&gone));
        assert_eq!(count(&gone, 404, "resource_not_found"), CROWD - 1, "{:?}", tally(&gone));

        // Of those that are left one stays: the last to sign in with.
        let all = join_all((0..CROWD).map(|at| {
            let (user, path) = (fleet.user(at / 3, "user_a"), &paths[1 + at % 3]);
            async move { user.delete(path).await }
        }))
        .await;
        assert_eq!(count(&all, 200, ""), 2, "{:?}", tally(&all));
        let me = user.get("/v1/me").await.response().clone();
        assert_eq!(numbers(&me).len(), 1, "{me:#}");
        assert_eq!(me["primary_phone_number_id"], numbers(&me)[0]["id"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_number_that_several_users_claim() {
    for size in SIZES {
        let fleet = Fleet::start(size).await;
        let number = fleet.app.number();
        let mut claims = Vec::new();
        for at in 0..8 {
            let name = format!("user_{at}");
            let user = fleet.app.user(&name);
            let path = format!("/v1/me/phone_numbers/{}", fleet.app.added_number(&user, &number).await);
            // Each code waits 30 s for the one before.
            fleet.app.clock.advance(Duration::from_secs(31));
            let _ = user.post(&format!("{path}/prepare_verification"), &[]).await.response();
            claims.push((name, path, fleet.app.code(&number).await));
        }
        fleet.app.clock.set_to_system();
        let answers = join_all(claims.iter().enumerate().map(|(at, (name, path, code))| {
            let user = fleet.user(at, name);
            async move {
                user.post(&format!("{path}/attempt_verification"), &[("code", code)])
                    .await
            }
        }))
        .await;
        assert_eq!(count(&answers, 200, ""), 1, "{:?}", tally(&answers));
        assert_eq!(
            count(&answers, 422, "form_identifier_exists"),
            7,
            "{:?}",
            tally(&answers)
        );
        let query = format!("/v1/users?limit=100&phone_number={}", number.replace('+', "%2B"));
        let users = fleet.app.back_end().get(&query).await.resource().clone();
        let owners = users.as_array().unwrap().iter();
        let owners = owners.filter(|user| numbers(user)[0]["verification"]["status"] == "verified");
        assert_eq!(owners.count(), 1, "{users:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_completion_of_one_sign_in() {
    for size in SIZES {
        let fleet = Fleet::start(size).await;
        let browser = Browser::new(&fleet.app);
        let number = fleet.app.number();
        browser.sign_up(&fleet.app, &number).await;
        let _ = browser.delete("/v1/client/sessions").await;
        fleet.app.clock.advance(Duration::from_secs(31));
        let begun = browser.post("/v1/client/sign_ins", &[("identifier", &number)]).await;
        let path = format!("/v1/client/sign_ins/{}", text(&begun.response()["id"]));
        let factor = text(&begun.response()["supported_first_factors"][0]["phone_number_id"]).to_owned();
        let form = [("strategy", "phone_code"), ("phone_number_id", factor.as_str())];
        let _ = browser
            .post(&format!("{path}/prepare_first_factor"), &form)
            .await
            .response();
        fleet.app.clock.set_to_system();
        let code = fleet.app.code(&number).await;
        let form = [("strategy", "phone_code"), ("code", code.as_str())];
        let answers = join_all((0..CROWD).map(|at| {
            let there = browser.at(fleet.process(at));
            let (path, form) = (format!("{path}/attempt_first_factor"), &form);
            async move { there.post(&path, form).await }
        }))
        .await;
        assert_eq!(count(&answers, 200, ""), 1, "{:?}", tally(&answers));
        let won = answers.iter().find(|answer| answer.status == 200).unwrap();
        let user = text(&won.json["client"]["sessions"][0]["user"]["id"]);
        let sessions = fleet
            .app
            .back_end()
            .get(&format!("/v1/sessions?user_id={user}&status=active"))
            .await;
        assert_eq!(sessions.json.as_array().map(Vec::len), Some(1), "{:#}", sessions.json);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_backup_code() {
    for size in SIZES {
        let fleet = Fleet::start(size).await;
        let (number, second) = (fleet.app.number(), fleet.app.number());
        let first = Browser::new(&fleet.app);
        first.sign_up(&fleet.app, &number).await;
        let (_, codes) = first.add_second_factor(&fleet.app, &second).await;
        // Several browsers that have the first factor, and one backup code.
        let mut waiting = Vec::new();
        for _ in 0..4 {
            fleet.app.clock.advance(Duration::from_secs(601));
            let browser = Browser::new(&fleet.app);
            let half = browser.first_factor(&fleet.app, &number).await;
            assert_eq!(half["status"], "needs_second_factor");
            waiting.push((browser, format!("/v1/client/sign_ins/{}", text(&half["id"]))));
        }
        fleet.app.clock.set_to_system();
        let form = [("strategy", "backup_code"), ("code", codes[0].as_str())];
        let answers = join_all((0..32).map(|at| {
            let (browser, path) = &waiting[at % waiting.len()];
            let there = browser.at(fleet.process(at / waiting.len()));
            let (path, form) = (format!("{path}/attempt_second_factor"), &form);
            async move { there.post(&path, form).await }
        }))
        .await;
        assert_eq!(count(&answers, 200, ""), 1, "{:?}", tally(&answers));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_claims_of_one_outbox() {
    const TEXTS: usize = 60;
    for size in SIZES {
        // The provider of the first process is down: each text is tried, and waits.
        let down = Arc::new(AtomicBool::new(true));
        let taken: Arc<Mutex<Vec<String>>> = Arc::default();
        let takings = watch::Sender::new(0);
        let (is_down, numbers, ours) = (down.clone(), taken.clone(), takings.clone());
        let carrier = Arc::new(FakeCarrier::new(move |sms| {
            if is_down.load(Ordering::SeqCst) {
                return Err(SendError::Unavailable("maintenance".into()));
            }
            numbers.lock().unwrap().push(sms.to.to_string());
            ours.send_modify(|takings| *takings += 1);
            Ok(Receipt::of("taken"))
        }));
        let setup = Setup::default().option("PHONEPROOF__PHONE_NUMBERS__MAX_UNVERIFIED", "0");
        // What it could not send, other processes do.
        let app = setup.gateway(carrier).leaving_texts_unsent().spawn().await;
        app.clock.set_to_system();
        let asked = join_all((0..TEXTS).map(|at| {
            let (user, number) = (app.user(&format!("user_{at}")), format!("+1415300{at:04}"));
            async move {
                let added = user.post("/v1/me/phone_numbers", &[("phone_number", &number)]).await;
                let path = format!("/v1/me/phone_numbers/{}", text(&added.response()["id"]));
                user.post(&format!("{path}/prepare_verification"), &[]).await
            }
        }))
        .await;
        assert_eq!(count(&asked, 200, ""), TEXTS, "{:?}", tally(&asked));
        // More processes, to whose provider nothing has happened.
        let provider = MockServer::start().await;
        let theirs = takings.clone();
        let taking = move |_: &Request| {
            theirs.send_modify(|takings| *takings += 1);
            ResponseTemplate::new(200).set_body_json(json!({ "id": "taken" }))
        };
        Mock::given(any()).respond_with(taking).mount(&provider).await;
        let mut theirs = app.options_of_another_process();
        let gateway = [
            ("PROVIDER", "webhook".to_owned()),
            ("URL", provider.uri()),
            ("SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()),
        ];
        theirs.extend(gateway.map(|(name, value)| (format!("PHONEPROOF__SMS__GATEWAYS__MAIN__{name}"), value)));
        let processes: Vec<Program> = (0..size).map(|_| Program::serve(&theirs)).collect();
        let sending = "SELECT count(*) FROM sms_messages WHERE state = 'sending'";
        app.once(async || (app.store.query(sending) == ["0"]).then_some(()))
            .await;
        // All are due at once, and every process goes for them.
        down.store(false, Ordering::SeqCst);
        let due = "UPDATE sms_messages SET due_at_ms = 1 WHERE state = 'queued' RETURNING id";
        let _ = app.store.query(due);
        let mut all = takings.subscribe();
        let all = all.wait_for(|takings| *takings >= TEXTS);
        let _ = tokio::time::timeout(PATIENCE, all).await.unwrap().unwrap();
        // A process that stops records the outcomes first.
        for process in processes {
            process.signal("TERM");
            assert_eq!(process.ended().0, Some(0));
        }
        let unsent = "SELECT count(*) FROM sms_messages WHERE state <> 'sent'";
        app.once(async || (app.store.query(unsent) == ["0"]).then_some(()))
            .await;
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        let requests = provider.received_requests().await.unwrap();
        let theirs = requests.iter().map(|request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            text(&body["data"]["to_phone_number"]).to_owned()
        });
        for number in theirs.chain(taken.lock().unwrap().iter().cloned()) {
            *times.entry(number).or_default() += 1;
        }
        assert_eq!(times.len(), TEXTS);
        assert!(times.values().all(|times| *times == 1), "{times:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit() {
    for size in SIZES {
        let limits = [
            ("LIMITS__CODES_IN_ALL", "10/1h"),
            ("LIMITS__CODES_PER_NUMBER", "5/1h"),
            ("PHONE_NUMBERS__MAX_UNVERIFIED", "0"),
        ];
        let fleet = Fleet::with(size, &limits).await;
        let answers = join_all((0..CROWD).map(|at| {
            let process = fleet.process(at);
            let browser = Browser::new(&fleet.app).at(process);
            let number = format!("+1415300{at:04}");
            async move {
                let begun = browser.post("/v1/client/sign_ups", &[("phone_number", &number)]).await;
                let path = format!("/v1/client/sign_ups/{}", text(&begun.response()["id"]));
                let form = [("strategy", "phone_code")];
                browser.post(&format!("{path}/prepare_verification"), &form).await
            }
        }))
        .await;
        assert_eq!(count(&answers, 200, ""), 10, "{:?}", tally(&answers));
        let refused = answers.iter().filter(|answer| answer.status == 429);
        assert_eq!(refused.count(), CROWD - 10, "{:?}", tally(&answers));
    }
}
