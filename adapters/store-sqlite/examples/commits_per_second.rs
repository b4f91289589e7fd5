//! Measures durable changes a second: `cargo run --release --example commits_per_second -- [folder]`.
//!
//! Each caller counts wrong codes on a number of its own. The folder decides what is measured: a
//! RAM disk waits for nothing.
#![expect(clippy::print_stdout, reason = "a program that reports to its user")]
#![expect(clippy::unwrap_used, reason = "an example stops at whatever goes wrong")]

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::join_all;
use phoneproof_domain::ports::{Aggregate, Change, Commit, Loaded, Repository, Revision};
use phoneproof_domain::{PhoneNumber, Timestamp, User, UserPhones, UserPhonesParts, Verification};
use phoneproof_store_sqlite::{Options, SqliteStore};
use tokio::time::Instant;

const SPAN: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() {
    let folder = std::env::args_os()
        .nth(1)
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(folder).unwrap();
    let options = Options::at(folder.path().join("bench.db"));
    drop(SqliteStore::open(options.clone()).unwrap());
    let start = Instant::now();
    let store = SqliteStore::open(options).unwrap();
    println!("opened in {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    for callers in [1, 8, 64, 256] {
        println!("{callers:>3} callers, load alone   : {}", loads(&store, callers).await);
        for load in [false, true] {
            let before = store.stats();
            let (cpu, start) = (cpu_time(), Instant::now());
            let done = join_all(
                (0..callers).map(|caller| guesses(&store, format!("user_{callers}_{load}_{caller}"), SPAN, load)),
            );
            let commits: u32 = done.await.into_iter().sum();
            let (wall, cpu, after) = (start.elapsed(), cpu_time().saturating_sub(cpu), store.stats());
            println!(
                "{callers:>3} callers, {}: {:>6.0} commits/s, {:>5.1} a group, {:>3.0} µs CPU each",
                if load { "load + commit" } else { "commit alone " },
                f64::from(commits) / wall.as_secs_f64(),
                f64::from(commits) / f64::from(u32::try_from(after.groups - before.groups).unwrap()),
                cpu.as_secs_f64() * 1e6 / f64::from(commits),
            );
        }
    }
}

/// Loads somebody for a while; answers how it went.
async fn loads(store: &SqliteStore, callers: usize) -> String {
    guesses(store, format!("user_{callers}"), Duration::ZERO, true).await;
    let id = format!("user_{callers}").parse().unwrap();
    let users: &dyn Repository<User> = store;
    let (cpu, start) = (cpu_time(), Instant::now());
    let load = async || {
        let mut count = 0u32;
        while start.elapsed() < SPAN {
            users.load(&id).await.unwrap().unwrap();
            count += 1;
        }
        count
    };
    let count: u32 = join_all((0..callers).map(|_| load())).await.into_iter().sum();
    let (wall, cpu) = (start.elapsed(), cpu_time().saturating_sub(cpu));
    let (rate, each) = (
        f64::from(count) / wall.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / f64::from(count),
    );
    format!("{rate:>6.0} loads/s, {each:>3.0} µs CPU each")
}

/// Guesses for a while; answers how often.
async fn guesses(store: &SqliteStore, id: String, span: Duration, load: bool) -> u32 {
    let id = id.parse().unwrap();
    let now = Timestamp::from_millis(1_795_000_000_000);
    let number = format!("+9{:012}", fnv(&format!("{id}"))).parse().unwrap();
    let phone = format!("idn_{:027}", fnv(&format!("{id}"))).parse().unwrap();
    let mut user = User::new(id, now);
    user.phones = with_attempts(&PhoneNumber::unverified(phone, number, now), 0);
    store
        .commit(vec![User::write(Change::Create(user.clone()))])
        .await
        .unwrap();
    let users: &dyn Repository<User> = store;
    let mut before = users.load(&user.id).await.unwrap().unwrap();
    let (mut count, start) = (0u32, Instant::now());
    while start.elapsed() < span {
        count += 1;
        let mut after = before.aggregate.clone();
        after.phones = with_attempts(&after.phones.numbers()[0], u8::try_from(count % 256).unwrap());
        after.updated_at = Timestamp::from_millis(after.updated_at.as_millis() + 1);
        let next = Loaded {
            aggregate: after.clone(),
            revision: Revision(before.revision.0 + 1),
        };
        store
            .commit(vec![User::write(Change::Replace { before, after })])
            .await
            .unwrap();
        before = if load {
            users.load(&user.id).await.unwrap().unwrap()
        } else {
            next
        };
    }
    count
}

fn with_attempts(number: &PhoneNumber, attempts: u8) -> UserPhones {
    let verification = Verification::Running {
        code: phoneproof_domain::CodeHash::from_bytes([7; 32]),
        attempts,
        prepared_at: number.created_at,
        expires_at: number.created_at,
    };
    let numbers = vec![PhoneNumber {
        verification,
        ..number.clone()
    }];
    UserPhones::restore(UserPhonesParts {
        numbers,
        ..UserPhonesParts::default()
    })
    .unwrap()
}

fn fnv(text: &str) -> u64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash % 1_000_000_000_000
}

/// Processor time of this process so far, as Linux has it (clock ticks of 10 ms).
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let ticks: u64 = fields
        .split(' ')
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}
