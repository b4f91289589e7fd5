//! PostgreSQL restarted, its connections cut, its tables locked, under several running servers: each change is refused in
//! time, nothing that was acknowledged is lost, and when the fault ends the servers go on by themselves.
#![expect(
    clippy::print_stdout,
    reason = "the counts are worth reading: --nocapture shows them"
)]

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::join_all;
use phoneproof_domain::ports::{Clock, Receipt, SendError, Sms, SmsGateway};
use phoneproof_store_postgres::testing::Server;
use phoneproof_tests::{FakeCarrier, Kept, Load, Program, Setup, TestStore, kept};
use tokio::sync::{MutexGuard, Semaphore};

use super::faults::{CHANGES, CLIENTS, IN_TIME, REFUSALS, SECRET_KEY, clock, probes, turn};

fn options(store: &TestStore) -> BTreeMap<String, String> {
    let more = [
        ("SERVER__LISTEN", "127.0.0.1:0"),
        ("KEYS__SECRET_KEY", SECRET_KEY),
        ("STORE__CONNECTIONS", "4"),
        ("LOG__LEVEL", "off"),
    ];
    let more = more.map(|(name, value)| (format!("PHONEPROOF__{name}"), value.to_owned()));
    store.options().into_iter().chain(more).collect()
}

/// Two servers and the load on each.
struct Pair {
    programs: [Program; 2],
    loads: [Load; 2],
    turn: MutexGuard<'static, ()>,
}

impl Pair {
    async fn start(store: &TestStore) -> Self {
        let turn = turn().await;
        let programs = [(); 2].map(|()| Program::serve(&options(store)));
        let loads = [0, 1].map(|at: usize| {
            let back_end = programs[at].actor(Some(SECRET_KEY));
            Load::start_as(&format!("{at}-"), &back_end, CLIENTS / 2)
        });
        let pair = Self { programs, loads, turn };
        pair.acknowledge(CHANGES / 2).await;
        pair
    }

    /// Waits until each server has acknowledged so many more.
    async fn acknowledge(&self, more: usize) {
        for load in &self.loads {
            let before = load.tally().acknowledged;
            load.until(|tally| tally.acknowledged >= before + more).await;
        }
    }

    /// Waits until each server has refused so many more.
    async fn refuse(&self, more: usize) {
        for load in &self.loads {
            let before = load.tally().refused;
            load.until(|tally| tally.refused >= before + more).await;
        }
    }

    async fn probes(&self) -> Vec<(u16, String)> {
        let mut said = Vec::new();
        for program in &self.programs {
            said.push(probes(&program.actor(None)).await);
        }
        said
    }

    /// Ends the load, compares, and says the counts.
    async fn end(self, what: &str, recovered: Duration) {
        let Self {
            programs,
            loads,
            turn: _turn,
        } = self;
        let (mut acknowledged, mut refused, mut slowest) = (BTreeMap::new(), 0, Duration::ZERO);
        for load in loads {
            let (tally, users) = load.stop().await;
            acknowledged.extend(users);
            refused += tally.refused;
            slowest = slowest.max(tally.slowest_refusal);
        }
        let Kept { lost, doubled } = kept(&programs[0].actor(Some(SECRET_KEY)), &acknowledged).await;
        println!(
            "{what}: {} acknowledged, {refused} refused (slowest {} ms), {lost} lost, {doubled} doubled, \
             recovered in {recovered:.0?}",
            acknowledged.len(),
            slowest.as_millis()
        );
        assert_eq!(lost, 0, "{what}");
        // A commit whose answer was cut off is refused and may be there; each client can have asked for one a cut.
        assert!(doubled <= CLIENTS * 4, "{what}: {doubled}");
        assert!(slowest < IN_TIME, "{what}: {slowest:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_is_restarted_under_load() {
    let server = Server::start();
    let store = TestStore::on(&server.url());
    let pair = Pair::start(&store).await;
    assert_eq!(pair.probes().await, vec![(200, "ok".to_owned()); 2]);
    server.stop();
    pair.refuse(REFUSALS).await;
    assert_eq!(pair.probes().await, vec![(503, "unavailable".to_owned()); 2]);
    server.resume();
    let ended = clock();
    pair.acknowledge(1).await;
    let recovered = ended.elapsed();
    pair.acknowledge(CHANGES / 2).await;
    assert_eq!(pair.probes().await, vec![(200, "ok".to_owned()); 2]);
    pair.end("PostgreSQL restarted", recovered).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_connections_are_cut_under_load() {
    let store = TestStore::postgres();
    let pair = Pair::start(&store).await;
    let mut recovered = Duration::ZERO;
    for _ in 0..4 {
        store.database().unwrap().cut_off();
        let ended = clock();
        pair.acknowledge(1).await;
        recovered = recovered.max(ended.elapsed());
        pair.acknowledge(CHANGES / 8).await;
    }
    assert_eq!(pair.probes().await, vec![(200, "ok".to_owned()); 2]);
    pair.end("connections cut 4 times", recovered).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pool_is_exhausted_under_load() {
    let store = TestStore::postgres();
    let pair = Pair::start(&store).await;
    // Whoever holds this keeps every connection of the pools waiting.
    let (client, driver) = tokio_postgres::connect(&store.url(), tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(driver);
    client
        .batch_execute("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    pair.refuse(REFUSALS).await;
    assert_eq!(pair.probes().await, vec![(503, "unavailable".to_owned()); 2]);
    client.batch_execute("ROLLBACK").await.unwrap();
    let ended = clock();
    pair.acknowledge(1).await;
    let recovered = ended.elapsed();
    pair.acknowledge(CHANGES / 2).await;
    assert_eq!(pair.probes().await, vec![(200, "ok".to_owned()); 2]);
    pair.end("pool exhausted", recovered).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_processes_is_killed_under_load() {
    let store = TestStore::postgres();
    let mut pair = Pair::start(&store).await;
    pair.programs[1].kill();
    // Its own clients meet a closed door; those of the other one notice nothing.
    let before = pair.loads[0].tally();
    pair.loads[0]
        .until(|tally| tally.acknowledged >= before.acknowledged + CHANGES)
        .await;
    assert_eq!(pair.loads[0].tally().refused, before.refused);
    let mut acknowledged = BTreeMap::new();
    let Pair {
        programs,
        loads,
        turn: _turn,
    } = pair;
    for load in loads {
        acknowledged.extend(load.abandon().await);
    }
    let kept = kept(&programs[0].actor(Some(SECRET_KEY)), &acknowledged).await;
    println!(
        "kill -9 of one of two: {} acknowledged, {} lost, {} doubled",
        acknowledged.len(),
        kept.lost,
        kept.doubled
    );
    assert_eq!(kept.lost, 0);
}

/// Takes a text once it is told to.
struct Slow(Arc<FakeCarrier>, Semaphore);

#[async_trait::async_trait]
impl SmsGateway for Slow {
    async fn send(&self, sms: &Sms) -> Result<Receipt, SendError> {
        let _ = self.1.acquire().await;
        self.0.send(sms).await
    }
}

/// Half a minute ahead, the other process takes each lease for older than it is, and each code too.
#[tokio::test(flavor = "multi_thread")]
async fn the_clock_of_one_process_is_30_seconds_off() {
    const TEXTS: usize = 40;
    let carrier = Arc::new(FakeCarrier::new(|_| Ok(Receipt::of("SM1"))));
    let slow = Arc::new(Slow(carrier.clone(), Semaphore::new(0)));
    let outbox = Arc::new(OnceLock::new());
    let start = async |gateway: Arc<dyn SmsGateway>, url: Option<String>| {
        let (outbox, gateway) = (outbox.clone(), gateway.clone());
        let setup = Setup::default()
            .adapters(move |adapters| {
                adapters.gateway = gateway;
                let _ = outbox.set(adapters.store.sms_outbox.clone());
            })
            .option("PHONEPROOF__DELIVERY__WAIT_MS", "100")
            .option("PHONEPROOF__PHONE_NUMBERS__MAX_UNVERIFIED", "0");
        match url {
            Some(url) => setup.option("PHONEPROOF__STORE__URL", url),
            None => setup,
        }
        .spawn()
        .await
    };
    let right = start(slow.clone(), None).await;
    let ahead = start(carrier.clone(), Some(right.store.url())).await;
    ahead.clock.advance(Duration::from_secs(30));

    // Each text is under way at one process for as long as a provider may take; the other one looks for what is left.
    let asked = join_all((0..TEXTS).map(|at| {
        let (user, number) = (right.user(&format!("user_{at}")), format!("+1415300{at:04}"));
        let right = &right;
        async move {
            let path = format!("/v1/me/phone_numbers/{}", right.added_number(&user, &number).await);
            (
                user.post(&format!("{path}/prepare_verification"), &[]).await.status,
                path,
            )
        }
    }))
    .await;
    let acknowledged = asked.iter().filter(|(status, _)| *status == 200).count();
    assert_eq!(acknowledged, TEXTS);
    for _ in 0..3 {
        for app in [&right, &ahead] {
            app.clock.advance(Duration::from_secs(15));
        }
        let claimed = outbox.get().unwrap().claim(ahead.clock.now(), 100).await.unwrap();
        assert!(claimed.is_empty(), "the lease holds: {claimed:?}");
    }
    slow.1.add_permits(TEXTS);
    let unsent = "SELECT count(*) FROM sms_messages WHERE state <> 'sent'";
    right
        .once(async || (right.store.query(unsent) == ["0"]).then_some(()))
        .await;
    let mut codes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for sms in carrier.given() {
        codes
            .entry(sms.to.to_string())
            .or_default()
            .extend(sms.code.as_ref().map(|code| code.reveal().to_owned()));
    }
    // The code of the one is good at the other.
    for (at, (_, path)) in asked.iter().enumerate() {
        let code = &codes[&format!("+1415300{at:04}")][0];
        let user = ahead.user(&format!("user_{at}"));
        let verified = user
            .post(&format!("{path}/attempt_verification"), &[("code", code)])
            .await;
        assert_eq!(verified.response()["verification"]["status"], "verified", "{at}");
    }
    let (lost, doubled) = (
        TEXTS - codes.len(),
        codes.values().filter(|codes| codes.len() > 1).count(),
    );
    println!("a clock 30 s ahead: {acknowledged} texts acknowledged, {lost} lost, {doubled} doubled");
    assert_eq!((lost, doubled), (0, 0));
}
