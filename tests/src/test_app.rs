use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use phoneproof::config::{Config, Overrides, Settings};
use phoneproof::{Adapters, DevIssuer, Server};
use phoneproof_domain::ports::{Clock, SmsGateway};
use reqwest::Method;
use serde_json::Value;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::outbox::{Ledger, RecordingOutbox};
use crate::{Answer, HandSetClock, TestStore, no_limits};

/// The secret key of every test app.
const SECRET_KEY: &str = "sk_test_0123456789abcdef";
/// The secret key of a test app with live keys.
pub const LIVE_SECRET_KEY: &str = "sk_live_0123456789abcdef01234567";
/// Its publishable key, of `clerk.example.com`.
const LIVE_PUBLISHABLE_KEY: &str = "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k";
/// The instance secret of every test app.
const SECRET: &str = "an instance secret of the tests, long enough";

/// How many apps were started.
static APPS: AtomicUsize = AtomicUsize::new(0);

type Replacement = Box<dyn FnOnce(&mut Adapters) + Send>;

/// How a test app differs from the default one.
#[derive(Default)]
pub struct Setup {
    environment: BTreeMap<String, String>,
    gateway: Option<Arc<dyn SmsGateway>>,
    replacement: Option<Replacement>,
    may_leave_texts: bool,
}

impl Setup {
    /// Sets an option, by its name in the environment: `PHONEPROOF__TEST_MODE`.
    #[must_use]
    pub fn option(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// An app with live keys, which sets all cookies itself, and with the tools of development all the same.
    #[must_use]
    pub fn live() -> Self {
        Self::default()
            .option("PHONEPROOF__ENVIRONMENT", "development")
            .option("PHONEPROOF__KEYS__PUBLISHABLE_KEY", LIVE_PUBLISHABLE_KEY)
            .option("PHONEPROOF__KEYS__SECRET_KEY", LIVE_SECRET_KEY)
    }

    /// Puts a carrier in the place of the console.
    #[must_use]
    pub fn gateway(mut self, gateway: Arc<dyn SmsGateway>) -> Self {
        self.gateway = Some(gateway);
        self
    }

    /// Puts whatever else in the place of the configured adapters.
    #[must_use]
    pub fn adapters(mut self, replace: impl FnOnce(&mut Adapters) + Send + 'static) -> Self {
        self.replacement = Some(Box::new(replace));
        self
    }

    /// Expects that texts wait for another try when the test ends; otherwise the test fails then.
    #[must_use]
    pub fn leaving_texts_unsent(mut self) -> Self {
        self.may_leave_texts = true;
        self
    }

    /// Starts the app.
    pub async fn spawn(self) -> TestApp {
        TestApp::start(self).await
    }
}

/// The real server, in this process, with a database of its own.
pub struct TestApp {
    /// `http://127.0.0.1:…`
    pub url: String,
    /// The server's clock.
    pub clock: Arc<HandSetClock>,
    /// The store, unless an option names another one.
    pub store: TestStore,
    issuer: DevIssuer,
    client: reqwest::Client,
    next_number: AtomicU32,
    /// Which app of this process.
    app: usize,
    ledger: Arc<Ledger>,
    running_outbox: Option<watch::Sender<()>>,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<std::io::Result<()>>>,
}

impl TestApp {
    /// Starts the app as a developer would, on a database that is new.
    pub async fn spawn() -> Self {
        Setup::default().spawn().await
    }

    /// An app that differs from the default one.
    #[must_use]
    pub fn with(name: &str, value: impl Into<String>) -> Setup {
        Setup::default().option(name, value)
    }

    #[expect(clippy::unwrap_used, reason = "a test that cannot start its server has failed")]
    async fn start(setup: Setup) -> Self {
        let store = TestStore::create();
        let mut environment = BTreeMap::from([
            ("PHONEPROOF__SERVER__LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("PHONEPROOF__SERVER__WORKERS".to_owned(), "2".to_owned()),
            ("PHONEPROOF__STORE__URL".to_owned(), store.url()),
            ("PHONEPROOF__STORE__CONNECTIONS".to_owned(), "8".to_owned()),
            ("PHONEPROOF__KEYS__SECRET_KEY".to_owned(), SECRET_KEY.to_owned()),
            ("PHONEPROOF__INSTANCE__SECRET".to_owned(), SECRET.to_owned()),
        ]);
        // All tests share one address, and few are about how often something may be asked for.
        environment.extend(no_limits());
        environment.extend(setup.environment);
        let store_url = environment["PHONEPROOF__STORE__URL"].clone();
        let settings = Settings::new(Config::load(None, environment).unwrap(), Overrides::default()).unwrap();
        let clock = Arc::new(HandSetClock::default());
        let mut adapters = Adapters::from_settings(&settings, clock.clone()).await.unwrap();
        if let Some(gateway) = setup.gateway {
            adapters.gateway = gateway;
        }
        if let Some(replace) = setup.replacement {
            replace(&mut adapters);
        }
        let app = APPS.fetch_add(1, Ordering::Relaxed);
        let ledger = Ledger::of(&store_url);
        if setup.may_leave_texts {
            ledger.may_leave();
        }
        let (running_outbox, outbox_runs) = watch::channel(());
        adapters.store.sms_outbox = Arc::new(RecordingOutbox {
            outbox: adapters.store.sms_outbox.clone(),
            clock: clock.clone(),
            ledger: Arc::downgrade(&ledger),
            app,
            running: outbox_runs,
        });
        let server = Server::bind(&settings, adapters).unwrap();
        let url = format!("http://{}", server.address);
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(server.run_until(async move {
            let _ = stopped.await;
        }));
        Self {
            url,
            clock,
            store,
            issuer: DevIssuer::new(&settings.secret),
            client: client(),
            next_number: AtomicU32::new(0),
            app,
            ledger,
            running_outbox: Some(running_outbox),
            stop: Some(stop),
            running: Some(running),
        }
    }

    /// What became of the youngest text to `number`, as its back end is told.
    pub async fn text_to(&self, number: &str) -> Value {
        let path = format!("/v1/sms_messages?phone_number={}", number.replace('+', "%2B"));
        self.back_end().get(&path).await.json[0].clone()
    }

    /// The same once `reached` accepts it: the outcome of a try is recorded beside the answer of the request, or by the
    /// dispatcher.
    ///
    /// # Panics
    /// If it is not within a minute.
    pub async fn text_once(&self, number: &str, reached: impl Fn(&Value) -> bool) -> Value {
        self.once(async || Some(self.text_to(number).await).filter(|text| reached(text)))
            .await
    }

    /// Waits until `ask` has an answer. It asks now, and after each change that an app of this process made to the outbox of
    /// the store.
    ///
    /// # Panics
    /// If there is no answer within a minute.
    pub async fn once<T>(&self, ask: impl AsyncFn() -> Option<T>) -> T {
        self.ledger.once(ask).await
    }

    /// Waits until the dispatcher has tried each text that is due.
    ///
    /// # Panics
    /// If it has not within a minute.
    pub async fn dispatched(&self) {
        self.ledger.idle(self.app, self.clock.now()).await;
    }

    /// Stops the server as SIGTERM does and waits until it is gone.
    ///
    /// # Errors
    /// If the server broke down.
    pub async fn stop(mut self) -> std::io::Result<()> {
        drop(self.running_outbox.take());
        drop(self.stop.take());
        match self.running.take() {
            Some(running) => running.await.unwrap_or_else(|error| Err(std::io::Error::other(error))),
            None => Ok(()),
        }
    }

    /// The options of a further process of the same instance.
    pub fn options_of_another_process(&self) -> BTreeMap<String, String> {
        [
            ("SERVER__LISTEN", "127.0.0.1:0"),
            ("SERVER__WORKERS", "1"),
            ("STORE__URL", &self.store.url()),
            ("STORE__CONNECTIONS", "8"),
            ("KEYS__SECRET_KEY", SECRET_KEY),
            ("INSTANCE__SECRET", SECRET),
        ]
        .map(|(name, value)| (format!("PHONEPROOF__{name}"), value.to_owned()))
        .into()
    }

    /// A development token of `user`.
    #[must_use]
    #[expect(clippy::expect_used, reason = "test ids are well-formed")]
    pub fn token(&self, user: &str) -> String {
        self.issuer.token(
            &user.parse().expect("a user id"),
            self.clock.now(),
            Duration::from_secs(365 * 86_400),
        )
    }

    /// Somebody who sends requests with the token of `user`.
    #[must_use]
    pub fn user(&self, user: &str) -> Actor {
        self.bearer(&self.token(user))
    }

    /// A back end with the secret key.
    #[must_use]
    pub fn back_end(&self) -> Actor {
        self.bearer(SECRET_KEY)
    }

    /// Somebody with this text after `Bearer `.
    #[must_use]
    pub fn bearer(&self, bearer: &str) -> Actor {
        Actor {
            client: self.client.clone(),
            url: self.url.clone(),
            bearer: Some(bearer.to_owned()),
        }
    }

    /// Somebody without any token.
    #[must_use]
    pub fn nobody(&self) -> Actor {
        Actor {
            client: self.client.clone(),
            url: self.url.clone(),
            bearer: None,
        }
    }

    /// A valid US number that this app has not seen: no test number, and no two alike.
    #[must_use]
    pub fn number(&self) -> String {
        let n = self.next_number.fetch_add(1, Ordering::SeqCst);
        format!("+1415{}{:04}", 200 + n / 10_000, n % 10_000)
    }

    /// The code that was last texted to `number`, from the development inbox. A notice may have come after it.
    #[expect(clippy::expect_used, reason = "a test that expects a text has failed without one")]
    pub async fn code(&self, number: &str) -> String {
        let answer = self
            .nobody()
            .get(&format!("/dev/inbox?to={}", number.replace('+', "%2B")))
            .await;
        let messages = answer.json["messages"].as_array().cloned().unwrap_or_default();
        let last = messages.iter().rev().find_map(|message| message["code"].as_str());
        last.expect("no SMS with a code arrived").to_owned()
    }

    /// A code that was certainly not texted to `number`.
    pub async fn wrong_code(&self, number: &str) -> String {
        if self.code(number).await == "000000" {
            "000001".to_owned()
        } else {
            "000000".to_owned()
        }
    }

    /// Adds a new number to the user and verifies it; answers its id and the number.
    pub async fn verified_number(&self, user: &Actor) -> (String, String) {
        let number = self.number();
        let id = self.added_number(user, &number).await;
        let path = format!("/v1/me/phone_numbers/{id}");
        let _ = user
            .post(&format!("{path}/prepare_verification"), &[("strategy", "phone_code")])
            .await
            .response();
        let code = self.code(&number).await;
        let verified = user
            .post(&format!("{path}/attempt_verification"), &[("code", &code)])
            .await;
        assert_eq!(verified.response()["verification"]["status"], "verified");
        (id, number)
    }

    /// Adds `number` to the user, unverified; answers its id.
    #[expect(clippy::expect_used, reason = "a test that cannot add its number has failed")]
    pub async fn added_number(&self, user: &Actor, number: &str) -> String {
        let answer = user.post("/v1/me/phone_numbers", &[("phone_number", number)]).await;
        answer.response()["id"]
            .as_str()
            .expect("a phone number without an id")
            .to_owned()
    }
}

/// Whatever proxy the environment names, the server is reached directly.
#[expect(clippy::unwrap_used, reason = "a test without a client has failed")]
fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap()
}

/// Somebody who sends requests.
#[derive(Clone)]
pub struct Actor {
    client: reqwest::Client,
    url: String,
    bearer: Option<String>,
}

impl Actor {
    pub(crate) fn at(url: &str, bearer: Option<&str>) -> Self {
        Self {
            client: client(),
            url: url.to_owned(),
            bearer: bearer.map(str::to_owned),
        }
    }

    /// A request to be shaped by the test.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        match &self.bearer {
            Some(bearer) => request.bearer_auth(bearer),
            None => request,
        }
    }

    /// Sends a request that the test has shaped.
    #[expect(clippy::expect_used, reason = "a server that does not answer has failed the test")]
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        Answer::read(request.send().await.expect("no answer")).await
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// `POST` of a form, as the browser SDK does.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(self.request(Method::POST, path).form(form)).await
    }

    /// `PATCH` of a form, by `POST …?_method=PATCH` as the browser SDK does.
    pub async fn patch(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.post(&format!("{path}?_method=PATCH"), form).await
    }

    /// `DELETE`, by `POST …?_method=DELETE` as the browser SDK does.
    pub async fn delete(&self, path: &str) -> Answer {
        self.post(&format!("{path}?_method=DELETE"), &[]).await
    }

    /// Any method with a JSON body, as the back-end SDK does.
    pub async fn json(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.send(self.request(method, path).json(body)).await
    }
}
