//! `kill -9` while texts are on their way: each acknowledged one is taken, and no code is another's.
#![expect(
    clippy::print_stdout,
    reason = "the counts are worth reading: --nocapture shows them"
)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use phoneproof_tests::{Actor, Program, TestStore};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const KEY: &str = "sk_test_0123456789abcdef";
const TEXTS: usize = 60;
/// How long texts are waited for before the test has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// The team's own sender: it books each text, and answers while it is told to.
#[derive(Default)]
struct Provider {
    taken: Mutex<BTreeMap<String, Vec<String>>>,
    calls: watch::Sender<usize>,
    silent: AtomicBool,
}

#[expect(clippy::unwrap_used, reason = "a test without its provider has failed")]
async fn provider() -> (String, Arc<Provider>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let provider = Arc::new(Provider::default());
    let serving = provider.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, serving.clone()));
        }
    });
    (url, provider)
}

#[expect(
    clippy::unwrap_used,
    reason = "a provider that is called wrongly has failed the test"
)]
async fn serve(mut stream: TcpStream, provider: Arc<Provider>) {
    let (mut buffer, mut read) = (vec![0; 16 * 1024], 0);
    while let Ok(more @ 1..) = stream.read(&mut buffer[read..]).await {
        read += more;
        let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
        let Some((_, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let Ok(event) = serde_json::from_str::<Value>(body) else {
            continue;
        };
        read = 0;
        let field = |value: &Value| value.as_str().unwrap().to_owned();
        let (to, code) = (
            field(&event["data"]["to_phone_number"]),
            field(&event["data"]["data"]["otp_code"]),
        );
        provider.taken.lock().unwrap().entry(to).or_default().push(code);
        // Every second one is taken, and the answer never leaves.
        let mut call = 0;
        provider.calls.send_modify(|calls| {
            call = *calls;
            *calls += 1;
        });
        if provider.silent.load(Ordering::SeqCst) && call.is_multiple_of(2) {
            std::future::pending::<()>().await;
        }
        let answer = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}

fn options(store: &TestStore, provider: &str) -> BTreeMap<String, String> {
    BTreeMap::from(
        [
            ("SERVER__LISTEN", "127.0.0.1:0".to_owned()),
            ("STORE__URL", store.url()),
            ("KEYS__SECRET_KEY", KEY.to_owned()),
            (
                "INSTANCE__SECRET",
                "an instance secret of tests, long enough".to_owned(),
            ),
            ("SMS__GATEWAYS__MAIN__PROVIDER", "webhook".to_owned()),
            ("SMS__GATEWAYS__MAIN__URL", provider.to_owned()),
            (
                "SMS__GATEWAYS__MAIN__SECRET",
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
            ),
            ("SMS__GATEWAYS__MAIN__TIMEOUT_MS", "30000".to_owned()),
            ("SMS__GATEWAYS__MAIN__AT_ONCE", "200".to_owned()),
            ("DELIVERY__WAIT_MS", "100".to_owned()),
        ]
        .map(|(name, value)| (format!("PHONEPROOF__{name}"), value)),
    )
}

async fn ask(back_end: &Actor, number: &str) -> bool {
    let user = back_end
        .json(Method::POST, "/v1/users", &json!({ "phone_number": [number] }))
        .await;
    let id = user.resource()["phone_numbers"][0]["id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let path = format!("/v1/phone_numbers/{id}/prepare_verification");
    back_end.json(Method::POST, &path, &json!({})).await.status == 200
}

async fn counted(back_end: &Actor, status: &str) -> u64 {
    let path = format!("/v1/sms_messages?paginated=true&status={status}&limit=1");
    back_end.get(&path).await.json["total_count"].as_u64().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_survive_the_death_of_their_process() {
    let store = TestStore::create();
    let (url, provider) = provider().await;
    let options = options(&store, &url);
    provider.silent.store(true, Ordering::SeqCst);
    let numbers: Vec<String> = (0..TEXTS).map(|at| format!("+1415300{at:04}")).collect();

    let mut dying = Program::serve(&options);
    let back_end = dying.actor(Some(KEY));
    let acknowledged = join_all(numbers.iter().map(|number| ask(&back_end, number))).await;
    assert!(
        acknowledged.iter().all(|acknowledged| *acknowledged),
        "the wait is short, the answer is yes"
    );
    dying.kill();

    // The leases of the dead run out a minute later; the test does not wait for that.
    let left = store.query("UPDATE sms_messages SET due_at_ms = 1 WHERE due_at_ms IS NOT NULL RETURNING id");
    let left = left.len();
    assert!(left > 0, "the provider was silent for some");
    // A provider of its own: what the dead one had on the line is not counted here.
    let (url, next) = self::provider().await;
    let options = self::options(&store, &url);
    let heir = Program::serve(&options);
    let mut calls = next.calls.subscribe();
    let all = calls.wait_for(|calls| *calls >= left);
    let _ = tokio::time::timeout(PATIENCE, all).await.unwrap().unwrap();
    // A process that stops records the outcomes first.
    heir.signal("TERM");
    assert_eq!(heir.ended().0, Some(0));
    let after = Program::serve(&options);
    let sent = counted(&after.actor(Some(KEY)), "sent").await;
    assert_eq!(sent, TEXTS as u64, "each acknowledged text ends as sent");

    let mut taken = provider.taken.lock().unwrap();
    for (number, codes) in std::mem::take(&mut *next.taken.lock().unwrap()) {
        taken.entry(number).or_default().extend(codes);
    }
    assert_eq!(taken.len(), TEXTS, "none is lost");
    let doubled = taken.values().filter(|codes| codes.len() > 1).count();
    println!("acknowledged {TEXTS}, lost 0, sent twice {doubled} (of {left} in hand at the death)");
    assert!(doubled <= left);
    for (number, codes) in &*taken {
        assert!(codes.len() <= 2, "{number}: at most one repetition a death");
        assert!(codes.windows(2).all(|pair| pair[0] == pair[1]), "{number}: one code");
    }
}
