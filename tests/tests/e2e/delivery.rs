//! Texts on their way: every acknowledged one ends in exactly one accepted message or a recorded failure.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use phoneproof_domain::ports::{DeliveryReceipt, MessageQuery, Receipt, SendError, Sms, SmsOutbox, StoreError};
use phoneproof_domain::{Message, MessageId, OtpCode, SendOutcome, Timestamp};
use phoneproof_tests::{Actor, FakeCarrier, Setup, TestApp, TestStore};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

/// Adds a number and asks for a code; answers its path.
async fn asked(app: &TestApp, user: &Actor, number: &str) -> String {
    let path = format!("/v1/me/phone_numbers/{}", app.added_number(user, number).await);
    let prepared = user
        .post(&format!("{path}/prepare_verification"), &[("strategy", "phone_code")])
        .await;
    assert_eq!(prepared.status, 200, "{prepared:#?}");
    path
}

/// The code in a text that has one.
fn code_of(sms: &Sms) -> &str {
    sms.code.as_ref().map(OtpCode::reveal).unwrap_or_default()
}

async fn until(app: &TestApp, number: &str, status: &str) -> Value {
    app.text_once(number, |text| text["status"] == status).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_accounted_for_without_its_code() {
    let carrier = Arc::new(FakeCarrier::new(|_| Ok(Receipt::of("SM1"))));
    let app = Setup::default().gateway(carrier.clone()).spawn().await;
    let (user, number) = (app.user("user_a"), app.number());
    asked(&app, &user, &number).await;
    let shown = until(&app, &number, "sent").await;
    assert_eq!(
        (&shown["attempts"], &shown["segments"], &shown["provider_message_id"]),
        (&json!(1), &json!(1), &json!("SM1"))
    );
    assert_eq!(
        (&shown["user_id"], &shown["to_phone_number"]),
        (&json!("user_a"), &json!(number))
    );
    let sent = carrier.given();
    let code = code_of(&sent[0]);
    assert!(sent[0].body().starts_with(code), "{:?}", sent[0].body());
    assert!(!shown.to_string().contains(code));
    let one = app
        .back_end()
        .get(&format!("/v1/sms_messages/{}", shown["id"].as_str().unwrap()))
        .await;
    assert_eq!(one.json, shown);
    app.nobody()
        .get("/v1/sms_messages")
        .await
        .is_error(401, "clerk_key_invalid");
    app.back_end()
        .get("/v1/sms_messages/sms_x")
        .await
        .is_error(404, "resource_not_found");
    app.back_end()
        .get("/v1/sms_messages?status=lost")
        .await
        .is_error(422, "form_param_value_invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_gets_the_same_text_once_it_is_back() {
    let down = Arc::new(AtomicBool::new(true));
    let is_down = down.clone();
    let carrier = Arc::new(FakeCarrier::new(move |_| {
        if is_down.load(Ordering::SeqCst) {
            Err(SendError::Unavailable("maintenance".into()))
        } else {
            Ok(Receipt::of("SM1"))
        }
    }));
    let app = Setup::default().gateway(carrier.clone()).spawn().await;
    let (user, number) = (app.user("user_a"), app.number());
    let path = asked(&app, &user, &number).await;
    let waiting = until(&app, &number, "queued").await;
    assert!(waiting["error"].as_str().unwrap().contains("maintenance"));
    down.store(false, Ordering::SeqCst);
    app.clock.advance(Duration::from_secs(10));
    let sent = until(&app, &number, "sent").await;
    assert_eq!(sent["attempts"], 2);
    let given = carrier.given();
    assert_eq!(given.len(), 2);
    assert_eq!(code_of(&given[0]), code_of(&given[1]), "never a new code");
    assert!(given[1].valid_for < given[0].valid_for, "and less time is left for it");
    let verified = user
        .post(&format!("{path}/attempt_verification"), &[("code", code_of(&given[1]))])
        .await;
    assert_eq!(verified.response()["verification"]["status"], "verified");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_takes_expires_with_its_code() {
    let carrier = Arc::new(FakeCarrier::new(|_| Err(SendError::Unavailable("down".into()))));
    let app = Setup::default().gateway(carrier.clone()).spawn().await;
    let (user, number) = (app.user("user_a"), app.number());
    asked(&app, &user, &number).await;
    app.clock.advance(Duration::from_secs(600));
    let expired = until(&app, &number, "expired").await;
    assert_eq!((&expired["next_attempt_at"], carrier.given().len()), (&Value::Null, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_been_taken_is_never_sent_again() {
    let carrier = Arc::new(FakeCarrier::new(|_| Err(SendError::Unknown("cut".into()))));
    let app = Setup::default().gateway(carrier.clone()).spawn().await;
    let (user, number) = (app.user("user_a"), app.number());
    asked(&app, &user, &number).await;
    let sent = until(&app, &number, "sent").await;
    assert!(sent["error"].as_str().is_some(), "with its doubt");
    app.clock.advance(Duration::from_secs(500));
    asked(&app, &user, &app.number()).await;
    assert_eq!(
        carrier.given().iter().filter(|sms| sms.to.as_str() == number).count(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_provider_does_not_keep_the_request() {
    let app = TestApp::with("PHONEPROOF__DELIVERY__WAIT_MS", "100")
        .adapters(|adapters| adapters.gateway = Arc::new(Slow(tokio::sync::Semaphore::new(0))))
        .spawn()
        .await;
    let (user, number) = (app.user("user_a"), app.number());
    asked(&app, &user, &number).await;
    assert_eq!(app.text_to(&number).await["status"], "sending");
}

/// Never answers.
struct Slow(tokio::sync::Semaphore);

#[async_trait::async_trait]
impl phoneproof_domain::ports::SmsGateway for Slow {
    async fn send(&self, _: &phoneproof_domain::ports::Sms) -> Result<Receipt, SendError> {
        let _ = self.0.acquire().await;
        Ok(Receipt::of("late"))
    }
}

/// Keeps the end of a try when it is let, and fails once before.
struct SlowOutbox {
    outbox: Arc<dyn SmsOutbox>,
    room: Arc<Semaphore>,
    fails: AtomicBool,
}

#[async_trait::async_trait]
impl SmsOutbox for SlowOutbox {
    async fn record_outcome(&self, leased: &Message, outcome: &SendOutcome, now: Timestamp) -> Result<(), StoreError> {
        if let Ok(permit) = self.room.acquire().await {
            permit.forget();
        }
        if self.fails.swap(false, Ordering::SeqCst) {
            return Err(StoreError::Unavailable("busy".into()));
        }
        self.outbox.record_outcome(leased, outcome, now).await
    }

    async fn claim(&self, now: Timestamp, limit: u32) -> Result<Vec<Message>, StoreError> {
        self.outbox.claim(now, limit).await
    }

    async fn receipt(&self, gateway: &str, receipt: &DeliveryReceipt, now: Timestamp) -> Result<bool, StoreError> {
        self.outbox.receipt(gateway, receipt, now).await
    }

    async fn message(&self, id: &MessageId) -> Result<Option<Message>, StoreError> {
        self.outbox.message(id).await
    }

    async fn messages(&self, query: &MessageQuery) -> Result<(Vec<Message>, u64), StoreError> {
        self.outbox.messages(query).await
    }

    async fn forget_messages(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.outbox.forget_messages(before).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stop_waits_for_what_came_of_a_text_and_a_request_does_not() {
    let (store, room) = (TestStore::create(), Arc::new(Semaphore::new(0)));
    // Who waits for too long would be told that the text is under way.
    let carrier = Arc::new(FakeCarrier::new(|_| Err(SendError::Rejected("21211".into()))));
    let theirs = room.clone();
    let app = Setup::default()
        .gateway(carrier.clone())
        .option("PHONEPROOF__STORE__URL", store.url())
        .adapters(move |adapters| {
            adapters.store.sms_outbox = Arc::new(SlowOutbox {
                outbox: adapters.store.sms_outbox.clone(),
                room: theirs,
                fails: AtomicBool::new(true),
            });
        })
        .spawn()
        .await;
    let (user, number, address) = (app.user("user_a"), app.number(), app.url.clone());
    let path = format!("/v1/me/phone_numbers/{}", app.added_number(&user, &number).await);
    let form = [("strategy", "phone_code")];
    let prepared = user.post(&format!("{path}/prepare_verification"), &form).await;
    prepared.is_error(400, "sms_send_error");
    assert_eq!(app.text_to(&number).await["status"], "sending");
    drop(user);
    let stopping = tokio::spawn(app.stop());
    let address = address.strip_prefix("http://").unwrap().to_owned();
    while tokio::net::TcpStream::connect(&address).await.is_ok() {}
    assert!(!stopping.is_finished());
    room.add_permits(2);
    stopping.await.unwrap().unwrap();
    let state = "SELECT state FROM sms_messages";
    assert_eq!(
        (store.query(state), carrier.given().len()),
        (vec!["failed".to_owned()], 1)
    );
}

/// A process dies after the commit, before any provider was asked, or before its answer was kept.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_process_left_is_sent_by_another_with_the_same_code() {
    let store = TestStore::create();
    let url = store.url();
    let dead = TestApp::with("PHONEPROOF__DELIVERY__WAIT_MS", "100")
        .option("PHONEPROOF__STORE__URL", &url)
        .adapters(|adapters| adapters.gateway = Arc::new(Slow(tokio::sync::Semaphore::new(0))))
        .spawn()
        .await;
    let carrier = Arc::new(FakeCarrier::new(|_| Ok(Receipt::of("SM1"))));
    let alive = Setup::default()
        .gateway(carrier.clone())
        .option("PHONEPROOF__STORE__URL", &url)
        .spawn()
        .await;
    let (user, number) = (dead.user("user_a"), dead.number());
    let path = asked(&dead, &user, &number).await;
    assert_eq!(alive.text_to(&number).await["status"], "sending");
    assert_eq!(carrier.given().len(), 0, "the lease holds");
    alive.clock.advance(Duration::from_secs(91));
    let sent = until(&alive, &number, "sent").await;
    assert_eq!(sent["attempts"], 2);
    let given = carrier.given();
    assert_eq!(given.len(), 1);
    let verified = alive
        .user("user_a")
        .post(&format!("{path}/attempt_verification"), &[("code", code_of(&given[0]))])
        .await;
    assert_eq!(verified.response()["verification"]["status"], "verified");
}

/// Takes a text, and dies before anybody hears of it.
struct TakesAndDies(Arc<Books>);

#[async_trait::async_trait]
impl phoneproof_domain::ports::SmsGateway for TakesAndDies {
    async fn send(&self, sms: &phoneproof_domain::ports::Sms) -> Result<Receipt, SendError> {
        self.0.take(sms);
        std::future::pending().await
    }
}

/// Between the provider's yes and the commit of it: the one double send that there is, with the same code, once a
/// death; and a text whose senders die again and again is given up with its doubt noted.
#[tokio::test(flavor = "multi_thread")]
async fn a_death_after_the_providers_yes_repeats_the_text_once() {
    let store = TestStore::create();
    let url = store.url();
    let books = Arc::new(Books::default());
    let start = async || {
        let gateway = Arc::new(TakesAndDies(books.clone()));
        TestApp::with("PHONEPROOF__DELIVERY__WAIT_MS", "100")
            .option("PHONEPROOF__STORE__URL", &url)
            .adapters(|adapters| adapters.gateway = gateway)
            .spawn()
            .await
    };
    let (first, second) = (start().await, start().await);
    let number = first.number();
    asked(&first, &first.user("user_a"), &number).await;
    for seconds in [91, 91, 91] {
        let before = second.text_to(&number).await["attempts"].as_u64();
        second.clock.advance(Duration::from_secs(seconds));
        first.clock.advance(Duration::from_secs(seconds));
        let tried = |now: &Value| now["attempts"].as_u64() > before || now["status"] == "sent";
        let _ = second.text_once(&number, tried).await;
    }
    let given_up = until(&second, &number, "sent").await;
    assert!(given_up["error"].as_str().unwrap().contains("died"), "{given_up:#}");
    let taken = books.taken.lock().unwrap();
    let codes = &taken[&number];
    assert_eq!(codes.len(), 2, "the text and its repetition");
    assert_eq!(codes[0], codes[1], "with one code");
}

/// Counts what was taken, by number and code.
#[derive(Default)]
struct Books {
    taken: Mutex<BTreeMap<String, Vec<String>>>,
    asked: AtomicUsize,
}

impl Books {
    fn take(&self, sms: &phoneproof_domain::ports::Sms) {
        let mut taken = self.taken.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let codes = taken.entry(sms.to.as_str().to_owned()).or_default();
        codes.extend(sms.code.as_ref().map(|code| code.reveal().to_owned()));
    }
}

fn flaky(books: &Arc<Books>) -> Arc<FakeCarrier> {
    let books = books.clone();
    Arc::new(FakeCarrier::new(move |sms| {
        let asked = books.asked.fetch_add(1, Ordering::SeqCst);
        // Down for the first ones, and now and then.
        if asked < 40 || asked.is_multiple_of(5) {
            return Err(SendError::Unavailable("down".into()));
        }
        books.take(sms);
        Ok(Receipt::of(format!("SM{asked}")))
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_with_one_outbox_and_a_flaky_provider_send_each_text_once() {
    const TEXTS: usize = 120;
    let store = TestStore::create();
    let url = store.url();
    let books = Arc::new(Books::default());
    let start = async || {
        Setup::default()
            .gateway(flaky(&books))
            .option("PHONEPROOF__STORE__URL", &url)
            .option("PHONEPROOF__PHONE_NUMBERS__MAX_UNVERIFIED", "0")
            .spawn()
            .await
    };
    let (one, two) = (start().await, start().await);
    let numbers: Vec<String> = (0..TEXTS).map(|at| format!("+1415300{at:04}")).collect();
    let texts = numbers.iter().enumerate().map(|(at, number)| {
        let app = if at % 2 == 0 { &one } else { &two };
        async move { asked(app, &app.user(&format!("user_{at}")), number).await }
    });
    let acknowledged = join_all(texts).await.len();
    assert_eq!(acknowledged, TEXTS);
    // Time passes in steps, as it does; both look at the outbox.
    for _ in 0..45 {
        one.clock.advance(Duration::from_secs(10));
        two.clock.advance(Duration::from_secs(10));
        one.dispatched().await;
        two.dispatched().await;
    }
    assert_eq!(counted(&one, "sent").await, TEXTS);
    let taken = books.taken.lock().unwrap();
    assert_eq!(taken.len(), TEXTS, "none is lost");
    for (number, codes) in &*taken {
        assert_eq!(codes.len(), 1, "{number} was texted {} times", codes.len());
    }
}

async fn counted(app: &TestApp, status: &str) -> usize {
    let path = format!("/v1/sms_messages?paginated=true&status={status}&limit=1");
    let page = app.back_end().get(&path).await;
    let total = page.json["total_count"].as_u64();
    total.and_then(|count| usize::try_from(count).ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_language_is_the_users_or_the_requests() {
    let carrier = Arc::new(FakeCarrier::new(|_| Ok(Receipt::of("SM1"))));
    let app = Setup::default()
        .gateway(carrier.clone())
        .option("PHONEPROOF__APPLICATION__NAME", "Acme")
        .option("PHONEPROOF__SMS__WEB_OTP_DOMAIN", "example.com")
        .spawn()
        .await;
    let user = app.user("user_a");
    let path = format!("/v1/me/phone_numbers/{}", app.added_number(&user, &app.number()).await);
    let prepare = format!("{path}/prepare_verification");
    let request = user
        .request(reqwest::Method::POST, &prepare)
        .header("accept-language", "de-CH,en;q=0.5");
    assert_eq!(user.send(request).await.status, 200);
    let french = app
        .back_end()
        .json(
            reqwest::Method::PATCH,
            "/v1/users/user_a",
            &json!({ "locale": "fr-FR" }),
        )
        .await;
    assert_eq!(french.status, 200);
    app.clock.advance(Duration::from_secs(30));
    let request = user
        .request(reqwest::Method::POST, &prepare)
        .header("accept-language", "de-CH,en;q=0.5");
    assert_eq!(user.send(request).await.status, 200);
    let given = carrier.given();
    let code = code_of(&given[0]);
    assert_eq!(
        given[0].body(),
        format!(
            "{code} ist Ihr Code für Acme. Er gilt 10 Minuten; geben Sie ihn niemandem weiter.\n\n@example.com #{code}"
        )
    );
    assert!(
        given[1].body().contains("votre code de vérification Acme"),
        "{}",
        given[1].body()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_language_is_the_one_that_is_wanted_most_of_those_at_hand() {
    let carrier = Arc::new(FakeCarrier::new(|_| Ok(Receipt::of("SM1"))));
    let app = Setup::default().gateway(carrier.clone()).spawn().await;
    let user = app.user("user_a");
    for (asked, words) in [
        (&["ca, es;q=0.9"][..], "es su clave"),
        (&["de-CH;q=0, fr"], "est votre code"),
        (&["en;q=0.1, it"], "il suo codice"),
        (&["en;q=0.1", "it;q=0.2"], "il suo codice"),
        (&["de-CH, de;q=0, fr;q=0.1"], "est votre code"),
        (&["xx, *;q=0.5"], "is your"),
        (&["de;q=2, es;q=0.001"], "es su clave"),
        (&[], "is your"),
    ] {
        let path = format!("/v1/me/phone_numbers/{}", app.added_number(&user, &app.number()).await);
        let request = user.request(reqwest::Method::POST, &format!("{path}/prepare_verification"));
        let request = asked
            .iter()
            .fold(request, |request, value| request.header("accept-language", *value));
        let _ = user.send(request).await.response();
        let given = carrier.given();
        let text = given.last().map(|sms| sms.body().to_owned()).unwrap_or_default();
        assert!(text.contains(words), "{asked:?}: {text}");
        let _ = user.delete(&path).await.response();
    }
}
