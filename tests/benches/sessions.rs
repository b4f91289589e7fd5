//! `make bench`: the two calls that a fleet of browsers makes every minute, `POST …/tokens` and `GET /v1/client`.
//!
//! Each mints a session token, and the RSA signature in it is the one expensive step. The load comes from one thread
//! of this process over keep-alive connections; the server's CPU time is read from `/proc`.
#![expect(clippy::print_stdout, reason = "a program that reports to its user")]
#![expect(clippy::unwrap_used, reason = "a benchmark stops at whatever goes wrong")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use futures_util::future::join_all;
use phoneproof_tests::Program;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SPAN: Duration = Duration::from_secs(4);
const ROUNDS: usize = 5;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let signature = signature_time();
    println!(
        "one RS256 signature (2048 bits): {:.0} µs",
        signature.as_secs_f64() * 1e6
    );
    runtime.block_on(run(signature));
}

/// How long one thread takes for one signature, by itself.
fn signature_time() -> Duration {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let mut signature = vec![0; key.public_modulus_len()];
    let start = Instant::now();
    let rounds = 2000;
    for _ in 0..rounds {
        key.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            b"header.claims",
            &mut signature,
        )
        .unwrap();
    }
    start.elapsed() / rounds
}

async fn run(signature: Duration) {
    let folder = tempfile::tempdir().unwrap();
    let options = BTreeMap::from(
        [
            ("SERVER__LISTEN", "127.0.0.1:0".to_owned()),
            (
                "STORE__URL",
                format!("sqlite://{}", folder.path().join("bench.db").display()),
            ),
            ("LIMITS__ENABLED", "false".to_owned()),
            ("LOG__LEVEL", "warn".to_owned()),
        ]
        .map(|(name, value)| (format!("PHONEPROOF__{name}"), value)),
    );
    let server = Program::serve(&options);
    let key = server.secret_key();
    println!("| call | clients | requests/s | p50 (ms) | p99 (ms) | server CPU µs / request | of that RSA |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let mut signed_in = 0;
    for (name, clients) in [
        ("POST …/tokens", 1),
        ("POST …/tokens", 64),
        ("GET /v1/client", 1),
        ("GET /v1/client", 64),
    ] {
        let mut people = Vec::new();
        for _ in 0..clients {
            people.push(sign_in(&server, &key, signed_in).await);
            signed_in += 1;
        }
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(measure(&server, name, &people).await);
        }
        rounds.sort_by(|one, other| one.rate.total_cmp(&other.rate));
        let round = &rounds[ROUNDS / 2];
        println!(
            "| `{name}` | {clients} | {:.0} | {:.2} | {:.2} | {:.0} | {:.0} % |",
            round.rate,
            round.p50 * 1e3,
            round.p99 * 1e3,
            round.cpu * 1e6,
            signature.as_secs_f64() / round.cpu * 100.0,
        );
    }
}

/// An app in which somebody is signed in.
struct Person {
    bearer: String,
    session: String,
}

async fn sign_in(server: &Program, key: &str, at: u32) -> Person {
    let back_end = server.actor(Some(key));
    let number = format!("+1415{:03}{:04}", 200 + at / 10_000, at % 10_000);
    let user = back_end
        .json(Method::POST, "/v1/users", &json!({ "phone_number": [number] }))
        .await;
    let body = json!({ "user_id": user.resource()["id"] });
    let ticket = back_end.json(Method::POST, "/v1/sign_in_tokens", &body).await;
    let body = json!({ "strategy": "ticket", "ticket": ticket.resource()["token"] });
    let nobody = server.actor(None);
    let request = nobody.request(Method::POST, "/v1/client/sign_ins?_is_native=1");
    let done = nobody.send(request.header("Authorization", "").json(&body)).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    Person {
        session: text(&done.response()["created_session_id"]),
        bearer: done.header("authorization").unwrap().to_owned(),
    }
}

struct Round {
    rate: f64,
    p50: f64,
    p99: f64,
    cpu: f64,
}

async fn measure(server: &Program, name: &str, people: &[Person]) -> Round {
    let address = server.url.trim_start_matches("http://").to_owned();
    let before = cpu_time(server.id());
    let start = Instant::now();
    let times = join_all(people.iter().map(|person| {
        let line = if name.starts_with("GET") {
            "GET /v1/client?_is_native=1".to_owned()
        } else {
            format!("POST /v1/client/sessions/{}/tokens?_is_native=1", person.session)
        };
        let request = format!(
            "{line} HTTP/1.1\r\nHost: {address}\r\nAuthorization: {}\r\nContent-Length: 0\r\n\r\n",
            person.bearer
        );
        hammer(address.clone(), request, start)
    }))
    .await;
    let elapsed = start.elapsed().as_secs_f64();
    let mut times: Vec<f64> = times.into_iter().flatten().collect();
    times.sort_by(f64::total_cmp);
    let count = times.len();
    let counted = f64::from(u32::try_from(count).unwrap());
    Round {
        rate: counted / elapsed,
        p50: times[count / 2],
        p99: times[count * 99 / 100],
        cpu: (cpu_time(server.id()) - before) / counted,
    }
}

/// One request after the other on one connection.
async fn hammer(address: String, request: String, start: Instant) -> Vec<f64> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut times = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    while start.elapsed() < SPAN {
        let sent = Instant::now();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut read = 0;
        loop {
            read += stream.read(&mut buffer[read..]).await.unwrap();
            if is_whole(&buffer[..read]) {
                break;
            }
        }
        times.push(sent.elapsed().as_secs_f64());
    }
    times
}

fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}

/// Seconds of CPU that a process has used (`proc(5)`: fields 14 and 15, in hundredths).
fn cpu_time(id: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks: u32 = fields[11].parse::<u32>().unwrap() + fields[12].parse::<u32>().unwrap();
    f64::from(ticks) / 100.0
}
