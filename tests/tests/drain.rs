//! SIGTERM under load: whoever sends requests is told first and refused later, and nobody is cut off.
#![expect(
    clippy::print_stdout,
    reason = "the counts are worth reading: --nocapture shows them"
)]

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use phoneproof_tests::Program;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;

const CLIENTS: usize = 8;
/// Answers of each client before the signal comes: all of them are at work then.
const WARM: usize = 20;

fn options(folder: &Path, drain_seconds: &str) -> BTreeMap<String, String> {
    let url = format!("sqlite://{}", folder.join("test.db").display());
    [
        ("SERVER__LISTEN", "127.0.0.1:0"),
        ("SERVER__DRAIN_SECONDS", drain_seconds),
        ("SERVER__SHUTDOWN_SECONDS", "30"),
        ("STORE__URL", url.as_str()),
        ("LOG__LEVEL", "phoneproof=info"),
    ]
    .map(|(name, value)| (format!("PHONEPROOF__{name}"), value.to_owned()))
    .into()
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

/// What one client met from its first request until it was refused a connection.
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

/// Sends requests one after the other, on one connection for as long as the server keeps it.
async fn client(
    address: String,
    request: String,
    answered: watch::Sender<usize>,
    signal: watch::Receiver<bool>,
) -> Counts {
    let mut counts = Counts::default();
    'connections: loop {
        let Ok(stream) = TcpStream::connect(&address).await else {
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

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_fails_no_request() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path(), "1");
    let program = Program::serve(&options);
    let address = program.url.strip_prefix("http://").unwrap().to_owned();
    let (answered, mut progress) = watch::channel(0);
    let (signal, signalled) = watch::channel(false);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|at| {
            let token = Program::run(&["dev", "token", "--user", &format!("user_{at}")], &options).stdout;
            let token = String::from_utf8_lossy(&token).trim().to_owned();
            // Half of them change something.
            let request = if at % 2 == 0 {
                format!("GET /v1/me HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n")
            } else {
                let body = format!("unsafe_metadata=%7B%22at%22%3A{at}%7D");
                format!(
                    "POST /v1/me/metadata?_method=PATCH HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
                     Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )
            };
            tokio::spawn(client(address.clone(), request, answered.clone(), signalled.clone()))
        })
        .collect();
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

    let counts: Vec<Counts> = join_all(clients).await.into_iter().map(Result::unwrap).collect();
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
        let folder = tempfile::tempdir().unwrap();
        let program = Program::serve(&options(folder.path(), "600"));
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
    let folder = tempfile::tempdir().unwrap();
    let program = Program::serve(&options(folder.path(), "600"));
    let asked = Instant::now();
    program.signal("INT");
    let (code, _, logged) = program.ended();
    assert_eq!(code, Some(0), "{logged}");
    assert!(asked.elapsed() < Duration::from_secs(60), "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_when_the_draining_ends_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::serve(&options(folder.path(), "1"));
    let address = program.url.strip_prefix("http://").unwrap().to_owned();
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
