//! Micro-benchmarks: what parsing a number, hashing a code and one commit cost by themselves.
#![expect(clippy::unwrap_used, reason = "a benchmark stops at whatever goes wrong")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::future::join_all;
use phoneproof_domain::ports::{Aggregate, Change, Commit, Loaded, Repository, Revision};
use phoneproof_domain::{
    CodeHash, CodeHasher, E164, InstanceSecret, NumberPlan, OtpCode, PhoneNumber, PhoneNumberId, Purpose, Timestamp,
    User, UserPhones, UserPhonesParts, Verification,
};
use phoneproof_store_sqlite::{Options, SqliteStore};
use tokio::time::Instant;

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

fn numbers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("number");
    for spelled in ["+14155552671", "+1 (415) 555-2671", "+44 20 7946 0958", "+14155552671x"] {
        group.bench_with_input(BenchmarkId::new("parse", spelled), spelled, |bencher, spelled| {
            bencher.iter(|| E164::parse_input(black_box(spelled)));
        });
    }
    for number in ["+14155552671", "+442079460958"] {
        let number: E164 = number.parse().unwrap();
        group.bench_with_input(BenchmarkId::new("plan", &number), &number, |bencher, number| {
            bencher.iter(|| NumberPlan::of(black_box(number)));
        });
    }
    group.finish();
}

fn hash(criterion: &mut Criterion) {
    let hasher = CodeHasher::new(&InstanceSecret::new(&"k".repeat(64)).unwrap());
    let (id, code) = (phone_number_id(1), OtpCode::parse("123456").unwrap());
    criterion.bench_function("code hash", |bencher| {
        bencher.iter(|| hasher.otp(Purpose::VerifyNumber(black_box(&id)), black_box(&code)));
    });
}

/// One change of one user, from the call to its answer after the sync; the time is that of all
/// callers together divided by their commits.
fn commits(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(Options::at(folder.path().join("micro.db"))).unwrap();
    let mut group = criterion.benchmark_group("commit");
    group
        .throughput(Throughput::Elements(1))
        .sample_size(20)
        .measurement_time(Duration::from_secs(4));
    for callers in [1u32, 8, 64] {
        let mut users: Vec<Loaded<User>> =
            runtime.block_on(join_all((0..callers).map(|at| stored(&store, callers * 1000 + at))));
        group.bench_function(BenchmarkId::new("callers", callers), |bencher| {
            bencher.iter_custom(|count| {
                // Of a few commits each caller does one; then the time is scaled to what was asked for.
                let each = u32::try_from(count).unwrap().div_ceil(callers);
                let start = Instant::now();
                runtime.block_on(join_all(users.iter_mut().map(|user| guess(&store, user, each))));
                start
                    .elapsed()
                    .mul_f64(f64::from(u32::try_from(count).unwrap()) / f64::from(each * callers))
            });
        });
    }
    group.finish();
}

/// Commits so many wrong codes of one user, one after another.
async fn guess(store: &SqliteStore, user: &mut Loaded<User>, count: u32) {
    for _ in 0..count {
        let before = user.clone();
        user.aggregate.updated_at = user.aggregate.updated_at.plus(Duration::from_millis(1));
        let number = &user.aggregate.phones.numbers()[0];
        user.aggregate.phones = one_number(number.clone(), number.verification.attempts().unwrap().wrapping_add(1));
        store
            .commit(vec![User::write(Change::Replace {
                before,
                after: user.aggregate.clone(),
            })])
            .await
            .unwrap();
        user.revision = Revision(user.revision.0 + 1);
    }
}

/// A new user, as the store has it.
async fn stored(store: &SqliteStore, at: u32) -> Loaded<User> {
    let mut user = User::new(format!("user_{at:027}").parse().unwrap(), NOW);
    let number = PhoneNumber::unverified(phone_number_id(at), format!("+1415{at:07}").parse().unwrap(), NOW);
    user.phones = one_number(number, 0);
    let id = user.id.clone();
    store.commit(vec![User::write(Change::Create(user))]).await.unwrap();
    store.load(&id).await.unwrap().unwrap()
}

fn one_number(number: PhoneNumber, attempts: u8) -> UserPhones {
    let code = CodeHash::from_bytes([7; 32]);
    let verification = Verification::Running {
        code,
        attempts,
        prepared_at: NOW,
        expires_at: NOW.plus(Duration::from_secs(600)),
    };
    let numbers = vec![PhoneNumber { verification, ..number }];
    UserPhones::restore(UserPhonesParts {
        numbers,
        ..UserPhonesParts::default()
    })
    .unwrap()
}

fn phone_number_id(at: u32) -> PhoneNumberId {
    format!("idn_{at:027}").parse().unwrap()
}

criterion_group!(benches, numbers, hash, commits);
criterion_main!(benches);
