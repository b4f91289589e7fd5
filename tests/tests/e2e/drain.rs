//! SIGTERM under load: whoever sends requests is told first, and refused once it has had time to send them elsewhere.
#![expect(
    clippy::print_stdout,
    reason = "the counts are worth reading: --nocapture shows them"
)]

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use phoneproof_tests::{Program, TestStore};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

const CLIENTS: usize = 8;
/// Answers of each client before the signal comes: all of them are at work then.
const WARM: usize = 20;

fn options(store: &TestStore, drain_seconds: &str) -> BTreeMap<String, String> {
    let more = [
        ("SERVER__LISTEN", "127.0.0.1:0"),
        ("SERVER__DRAIN_SECONDS", drain_seconds),
        ("SERVER__SHUTDOWN_SECONDS", "30"),
        ("LOG__LEVEL", "phoneproof=info"),
    ];
    let more = more.map(|(name, value)| (format!("PHONEPROOF__{name}"), value.to_owned()));
    store.options().into_iter().chain(more).collect()
}

fn address(program: &Program) -> String {
    program.url.trim_start_matches("http://").to_owned()
}

/// One answer: its status, and whether the connection ends with it.
struct Seen {
    status: u16,
    closes: bool,
}

/// One request on a connection that is there. An error is an answer that did not come whole.
async fn ask(connection: &mut BufReader<TcpStream>, request: &str) -> std::io::Result<Seen> {
    connection.get_mut().write_all(request.as_bytes()).await?;
    let mut seen = Seen {
        status: 0,
        closes: false,
    };
    let mut length = 0;
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end().to_lowercase();
        if let Some(rest) = line.strip_prefix("http/1.1 ") {
            seen.status = rest.get(..3).and_then(|code| code.parse().ok()).unwrap_or(0);
        } else if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap_or(0);
        } else if line == "connection: close" {
            seen.closes = true;
        } else if line.is_empty() {
            break;
        }
    }
    connection.read_exact(&mut vec![0; length]).await?;
    Ok(seen)
}

/// What one client met from its first request until no server was left for it.
#[derive(Debug, Default)]
struct Counts {
    answered: usize,
    /// Of these, after the signal.
    in_drain: usize,
    /// Answers that ended their connection.
    closing: usize,
    /// Requests on an accepted connection that got no whole answer, or another one than expected.
    failed: Vec<String>,
}

/// Sends requests one after the other, on one connection for as long as its server keeps it, and then to the next of
/// `servers` that lets it in; until none does.
async fn client(
    servers: watch::Receiver<Vec<String>>,
    request: String,
    answered: watch::Sender<usize>,
    signal: watch::Receiver<bool>,
) -> Counts {
    let mut counts = Counts::default();
    'connections: loop {
        let mut taken = None;
        let known = servers.borrow().clone();
        for server in known {
            taken = TcpStream::connect(server).await.ok();
            if taken.is_some() {
                break;
            }
        }
        let Some(stream) = taken else {
            return counts;
        };
        let mut connection = BufReader::new(stream);
        loop {
            let signalled = *signal.borrow();
            match ask(&mut connection, &request).await {
                Ok(Seen { status: 200, closes }) => {
                    counts.answered += 1;
                    counts.in_drain += usize::from(signalled);
                    answered.send_modify(|answered| *answered += 1);
                    if closes {
                        counts.closing += 1;
                        continue 'connections;
                    }
                }
                Ok(seen) => counts.failed.push(format!("status {}", seen.status)),
                Err(error) => {
                    counts.failed.push(error.to_string());
                    continue 'connections;
                }
            }
        }
    }
}

/// Sets the clients to work. Half of them change something.
fn clients(
    options: &BTreeMap<String, String>,
    servers: &watch::Receiver<Vec<String>>,
    answered: &watch::Sender<usize>,
    signal: &watch::Receiver<bool>,
) -> Vec<JoinHandle<Counts>> {
    let client = |at: usize| {
        let token = Program::run(&["dev", "token", "--user", &format!("user_{at}")], options).stdout;
        let token = String::from_utf8_lossy(&token).trim().to_owned();
        let request = if at.is_multiple_of(2) {
            format!("GET /v1/me HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n")
        } else {
            let body = format!("unsafe_metadata=%7B%22at%22%3A{at}%7D");
            format!(
                "POST /v1/me/metadata?_method=PATCH HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        };
        tokio::spawn(client(servers.clone(), request, answered.clone(), signal.clone()))
    };
    (0..CLIENTS).map(client).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_fails_no_request() {
    let store = TestStore::create();
    let options = options(&store, "60");
    let program = Program::serve(&options);
    let address = address(&program);
    let (answered, mut progress) = watch::channel(0);
    let (signal, signalled) = watch::channel(false);
    let (servers, listed) = watch::channel(vec![address]);
    let clients = clients(&options, &listed, &answered, &signalled);
    progress.wait_for(|count| *count >= CLIENTS * WARM).await.unwrap();
    let nobody = program.actor(None);
    assert_eq!(nobody.get("/v1/ready").await.status, 200);

    program.signal("TERM");
    signal.send_replace(true);
    // Asked again until it flips: nothing else tells when the signal has arrived.
    let flipped = loop {
        let ready = nobody.get("/v1/ready").await;
        if ready.status != 200 {
            break ready;
        }
    };
    assert_eq!(
        (flipped.status, flipped.json["status"].as_str()),
        (503, Some("draining"))
    );
    assert_eq!(
        (flipped.header("retry-after"), flipped.header("connection")),
        (Some("2"), Some("close"))
    );
    // It lives, and serves as before.
    assert_eq!(nobody.get("/v1/health").await.json["store"], "ok");
    let (at_flip, wanted) = (*progress.borrow(), CLIENTS * WARM);
    progress.wait_for(|count| *count >= at_flip + wanted).await.unwrap();

    // A load balancer has read that by now, and sends nobody here any more. What is left of the draining need not be waited for.
    servers.send_replace(Vec::new());
    let counts: Vec<Counts> = join_all(clients).await.into_iter().map(Result::unwrap).collect();
    program.signal("TERM");
    let (code, _, logged) = program.ended();
    let sum = |of: fn(&Counts) -> usize| counts.iter().map(of).sum::<usize>();
    let failed: Vec<_> = counts.iter().flat_map(|counts| &counts.failed).collect();
    println!(
        "SIGTERM under load: {} answered, {} of them after the signal, {} failed; {} connections ended by their answer",
        sum(|counts| counts.answered),
        sum(|counts| counts.in_drain),
        failed.len(),
        sum(|counts| counts.closing),
    );
    assert!(failed.is_empty(), "{failed:?}\n{logged}");
    // Of the requests under way at the signal, a client's first answer may still keep its connection.
    assert!(
        sum(|counts| counts.in_drain) <= sum(|counts| counts.closing) + CLIENTS,
        "{counts:?}"
    );
    assert_eq!(code, Some(0), "{logged}");
    assert!(
        logged.contains("SIGTERM: draining") && logged.contains("stopped"),
        "{logged}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "what is promised is real time")]
async fn a_second_signal_ends_the_waiting() {
    for second in ["TERM", "INT"] {
        let store = TestStore::create();
        let program = Program::serve(&options(&store, "600"));
        let nobody = program.actor(None);
        program.signal("TERM");
        while nobody.get("/v1/ready").await.status == 200 {}
        let asked = Instant::now();
        program.signal(second);
        let (code, _, logged) = program.ended();
        assert_eq!(code, Some(0), "{second}: {logged}");
        assert!(
            asked.elapsed() < Duration::from_secs(60),
            "{second}: {:?}",
            asked.elapsed()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "what is promised is real time")]
async fn sigint_does_not_drain() {
    let store = TestStore::create();
    let program = Program::serve(&options(&store, "600"));
    let asked = Instant::now();
    program.signal("INT");
    let (code, _, logged) = program.ended();
    assert_eq!(code, Some(0), "{logged}");
    assert!(asked.elapsed() < Duration::from_secs(60), "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_when_the_draining_ends_is_answered() {
    let store = TestStore::create();
    let program = Program::serve(&options(&store, "1"));
    let address = address(&program);
    let mut slow = BufReader::new(TcpStream::connect(&address).await.unwrap());
    let head = format!("GET /v1/health HTTP/1.1\r\nHost: {address}\r\n\r\n");
    assert_eq!(ask(&mut slow, &head).await.unwrap().status, 200);
    // Half a request: its body comes when nobody else is let in any more.
    let start = format!(
        "POST /v1/client/sign_ups HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: 3\r\n\r\na"
    );
    slow.get_mut().write_all(start.as_bytes()).await.unwrap();
    program.signal("TERM");
    while TcpStream::connect(&address).await.is_ok() {}
    let answer = ask(&mut slow, "=b").await.unwrap();
    assert!(answer.status == 200 && answer.closes, "{}", answer.status);
    let (code, _, logged) = program.ended();
    assert_eq!(code, Some(0), "{logged}");
}

/// An upgrade as a load balancer sees it: each process is replaced by a new one on the same store, which is ready before
/// the old one is told to go.
#[tokio::test(flavor = "multi_thread")]
async fn processes_that_are_replaced_one_after_the_other_fail_no_request() {
    const REPLACED: usize = 3;
    let store = TestStore::create();
    let options = options(&store, "1");
    let mut serving = Program::serve(&options);
    let (answered, mut progress) = watch::channel(0);
    let (servers, listed) = watch::channel(vec![address(&serving)]);
    let (_signal, signalled) = watch::channel(false);
    let clients = clients(&options, &listed, &answered, &signalled);
    for _ in 0..REPLACED {
        let before = *progress.borrow();
        progress
            .wait_for(|count| *count >= before + CLIENTS * WARM)
            .await
            .unwrap();
        let next = Program::serve(&options);
        assert_eq!(next.actor(None).get("/v1/ready").await.status, 200);
        servers.send_replace(vec![address(&next)]);
        let old = std::mem::replace(&mut serving, next);
        old.signal("TERM");
        let (code, _, logged) = old.ended();
        assert_eq!(code, Some(0), "{logged}");
    }
    // All of them have moved to the last one.
    let before = *progress.borrow();
    progress
        .wait_for(|count| *count >= before + CLIENTS * WARM)
        .await
        .unwrap();
    servers.send_replace(Vec::new());
    serving.signal("TERM");
    let counts: Vec<Counts> = join_all(clients).await.into_iter().map(Result::unwrap).collect();
    let answered: usize = counts.iter().map(|counts| counts.answered).sum();
    let failed: Vec<_> = counts.iter().flat_map(|counts| &counts.failed).collect();
    println!(
        "{REPLACED} processes replaced under load: {answered} answered, {} failed",
        failed.len()
    );
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(serving.ended().0, Some(0));
}
