//! `make bench`: what the outbox adds to `prepare_verification`, and what a provider that takes 150 ms a text lets through.
//!
//! The server is the published binary on a real SQLite file; the provider is a loopback endpoint behind the gateway
//! `webhook`. Numbers of one call are prepared over keep-alive connections by one thread of this process.
#![expect(clippy::print_stdout, reason = "a program that reports to its user")]
#![expect(clippy::unwrap_used, reason = "a benchmark stops at whatever goes wrong")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use phoneproof_tests::Program;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SPAN: Duration = Duration::from_secs(4);
const ROUNDS: usize = 5;
const PROVIDER: Duration = Duration::from_millis(150);

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run());
}

async fn run() {
    let (provider, taken) = provider().await;
    println!("| texts by | clients | requests/s | p50 (ms) | p99 (ms) |");
    println!("| --- | --- | --- | --- | --- |");
    for clients in [1, 16, 64] {
        measure("nobody (test numbers)", &[], clients, true).await;
        measure("console, through the outbox", &[], clients, false).await;
    }
    for (at_once, clients) in [(10, 64), (50, 64), (50, 256), (200, 256)] {
        let gateway = [
            ("SMS__GATEWAYS__MAIN__PROVIDER", "webhook".to_owned()),
            ("SMS__GATEWAYS__MAIN__URL", provider.clone()),
            (
                "SMS__GATEWAYS__MAIN__SECRET",
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned(),
            ),
            ("SMS__GATEWAYS__MAIN__AT_ONCE", at_once.to_string()),
            ("DELIVERY__WAIT_MS", "20000".to_owned()),
        ];
        let name = format!(
            "150 ms, {at_once} at once (bound {:.0}/s)",
            f64::from(at_once) / PROVIDER.as_secs_f64()
        );
        measure(&name, &gateway, clients, false).await;
    }
    println!("the provider took {} texts", taken.load(Ordering::Relaxed));
}

/// An endpoint that takes each text after 150 ms, any number at once.
async fn provider() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let taken = Arc::new(AtomicUsize::new(0));
    let count = taken.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let count = count.clone();
            tokio::spawn(async move {
                let (mut buffer, mut read) = (vec![0; 16 * 1024], 0);
                while let Ok(more @ 1..) = stream.read(&mut buffer[read..]).await {
                    read += more;
                    if !is_whole(&buffer[..read]) {
                        continue;
                    }
                    read = 0;
                    tokio::time::sleep(PROVIDER).await;
                    count.fetch_add(1, Ordering::Relaxed);
                    let answer = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";
                    if stream.write_all(answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (url, taken)
}

async fn measure(name: &str, more: &[(&str, String)], clients: u32, test_numbers: bool) {
    let folder = tempfile::tempdir().unwrap();
    let options = [
        ("SERVER__LISTEN", "127.0.0.1:0".to_owned()),
        (
            "STORE__URL",
            format!("sqlite://{}", folder.path().join("bench.db").display()),
        ),
        ("LIMITS__ENABLED", "false".to_owned()),
        ("LOG__LEVEL", "error".to_owned()),
    ];
    let options: BTreeMap<String, String> = options
        .iter()
        .chain(more)
        .map(|(name, value)| (format!("PHONEPROOF__{name}"), value.clone()))
        .collect();
    let server = Program::serve(&options);
    let key = server.secret_key();
    let mut requests = Vec::new();
    for at in 0..clients {
        requests.push(request(&server, &key, at, test_numbers).await);
    }
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let times = join_all(requests.iter().map(|request| hammer(&server, request, start))).await;
        let elapsed = start.elapsed().as_secs_f64();
        let mut times: Vec<f64> = times.into_iter().flatten().collect();
        times.sort_by(f64::total_cmp);
        let rate = f64::from(u32::try_from(times.len()).unwrap()) / elapsed;
        rounds.push((rate, times[times.len() / 2], times[times.len() * 99 / 100]));
    }
    rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (rate, p50, p99) = rounds[ROUNDS / 2];
    println!(
        "| {name} | {clients} | {rate:.0} | {:.2} | {:.2} |",
        p50 * 1e3,
        p99 * 1e3
    );
}

/// A request that prepares one number of one user.
async fn request(server: &Program, key: &str, at: u32, test_number: bool) -> String {
    const AREAS: [u32; 3] = [212, 310, 415];
    let number = if test_number {
        format!("+1{}55501{:02}", AREAS[usize::try_from(at / 100).unwrap()], at % 100)
    } else {
        format!("+1415200{at:04}")
    };
    let back_end = server.actor(Some(key));
    let user = back_end
        .json(Method::POST, "/v1/users", &json!({ "phone_number": [number] }))
        .await;
    let id = user.resource()["phone_numbers"][0]["id"].as_str().unwrap().to_owned();
    let address = server.url.trim_start_matches("http://");
    format!(
        "POST /v1/phone_numbers/{id}/prepare_verification HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

async fn hammer(server: &Program, request: &str, start: Instant) -> Vec<f64> {
    let mut stream = TcpStream::connect(server.url.trim_start_matches("http://"))
        .await
        .unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut times, mut buffer) = (Vec::new(), vec![0; 16 * 1024]);
    while start.elapsed() < SPAN {
        let sent = Instant::now();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut read = 0;
        while !is_whole(&buffer[..read]) {
            read += stream.read(&mut buffer[read..]).await.unwrap();
        }
        assert!(
            buffer.starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&buffer[..read])
        );
        times.push(sent.elapsed().as_secs_f64());
    }
    times
}

fn is_whole(message: &[u8]) -> bool {
    let text = String::from_utf8_lossy(message);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}
