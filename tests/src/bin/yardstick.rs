//! The yardstick of `make bench`: what actix-web and SQLite give at best on this machine and disk.
//!
//! `yardstick PORT DATABASE` serves the three calls of a verification flow and does the writes of
//! ours, to the same tables and indexes: create inserts a user and a phone number; prepare moves the
//! user's revision and stores a hash of 32 bytes with its expiry; attempt moves the revision again,
//! marks the number verified and makes it the primary one.
//! Every answer waits for its commit, in WAL mode with `synchronous=FULL`, and commits are grouped
//! by one writing thread. Both have a worker for each core and answer JSON of about the same size.
//!
//! What it leaves out is what ours is measured for: no token is verified (the text after `Bearer`
//! is the user), no number parsed, no rule asked, no code compared, nothing logged, and nothing read
//! (ours loads the user before each change). SQL goes straight to SQLite's prepared statements, by rusqlite.
#![expect(clippy::print_stdout, reason = "the codes and the port are read from there")]

use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, UNIX_EPOCH};

use actix_web::http::header;
use actix_web::web::{self, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use phoneproof_store_sqlite::{Options, SqliteStore};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use tokio::sync::oneshot;

/// Most changes in one group, and most that may wait; as in ours.
const LARGEST_GROUP: usize = 256;
const QUEUE: usize = 4096;

const INSERT_USER: &str = "INSERT INTO users (id, revision, public_metadata, private_metadata, unsafe_metadata, banned,
    delete_self_enabled, last_active_at_ms, created_at_ms, updated_at_ms) VALUES (?1, 1, '{}', '{}', '{}', 0, 1, ?2, ?2, ?2)";
const INSERT_NUMBER: &str = "INSERT INTO phone_numbers (user_id, id, number, held, reserved_for_second_factor,
    default_second_factor, verification_state, created_at_ms, updated_at_ms)
    VALUES (?2, ?1, ?3, 0, 0, 0, 'unprepared', ?4, ?4)";
const UPDATE_USER: &str = "UPDATE users SET revision = revision + 1, updated_at_ms = ?2,
    primary_phone_number_id = ?3 WHERE id = ?1";
const PREPARE_NUMBER: &str = "UPDATE phone_numbers SET verification_state = 'running', attempts = 0, code_hash = ?3,
    prepared_at_ms = ?4, expires_at_ms = ?4 + 600000, updated_at_ms = ?4 WHERE user_id = ?1 AND id = ?2 RETURNING number";
const VERIFY_NUMBER: &str = "UPDATE phone_numbers SET verification_state = 'by_code', attempts = 1, code_hash = NULL,
    prepared_at_ms = NULL, updated_at_ms = ?3 WHERE user_id = ?1 AND id = ?2 RETURNING number";

/// What a request has written.
enum Change {
    Create { id: String, number: String },
    Prepare { id: String, hash: [u8; 32] },
    Attempt { id: String },
}

/// A change, whose it is, and where the number it concerns is awaited.
struct Job {
    user: String,
    change: Change,
    now: i64,
    answer: oneshot::Sender<String>,
}

/// What the workers share.
struct Shared {
    writer: SyncSender<Job>,
    printer: Sender<String>,
    groups: Arc<AtomicU64>,
    next: AtomicU64,
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(port), Some(database)) = (arguments.next(), arguments.next()) else {
        return Err("usage: yardstick PORT DATABASE".into());
    };
    // The tables and indexes of ours: the same writes are writes of the same rows.
    SqliteStore::migrate(&Options::at(&database))?;
    let connection = Connection::open(database)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -16384;",
    )?;
    connection.set_prepared_statement_cache_capacity(32);

    let groups = Arc::new(AtomicU64::new(0));
    let (writer, queue) = sync_channel(QUEUE);
    let (printer, lines) = channel();
    let counted = Arc::clone(&groups);
    std::thread::spawn(move || write_groups(connection, &queue, &counted));
    std::thread::spawn(move || print_lines(&lines));

    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    println!("yardstick listens on http://{}", listener.local_addr()?);
    let shared = Data::new(Shared {
        writer,
        printer,
        groups,
        next: AtomicU64::new(0),
    });
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .route(
                "/v1/health",
                web::get().to(|| async { HttpResponse::Ok().body("{\"status\":\"ok\"}") }),
            )
            .route("/metrics", web::get().to(metrics))
            .route("/v1/me/phone_numbers", web::post().to(create))
            .route(
                "/v1/me/phone_numbers/{id}/prepare_verification",
                web::post().to(prepare),
            )
            .route(
                "/v1/me/phone_numbers/{id}/attempt_verification",
                web::post().to(attempt),
            )
    })
    .workers(workers)
    .keep_alive(Duration::from_secs(75))
    .listen(listener)?
    .run()
    .await?;
    Ok(())
}

async fn metrics(shared: Data<Shared>) -> HttpResponse {
    HttpResponse::Ok().body(format!(
        "yardstick_store_groups_total {}\n",
        shared.groups.load(Ordering::Relaxed)
    ))
}

async fn create(request: HttpRequest, shared: Data<Shared>, body: String) -> HttpResponse {
    // The one field of the form, whose only escape is that of the plus sign.
    let Some(number) = body.strip_prefix("phone_number=%2B") else {
        return HttpResponse::BadRequest().finish();
    };
    let (id, now) = (
        format!("idn_{:015}{:012}", now(), shared.next.fetch_add(1, Ordering::Relaxed)),
        now(),
    );
    let change = Change::Create {
        id: id.clone(),
        number: format!("+{number}"),
    };
    match write(&request, &shared, now, change).await {
        Some(number) => shown(&id, &number, "null", now),
        None => HttpResponse::InternalServerError().finish(),
    }
}

async fn prepare(request: HttpRequest, shared: Data<Shared>, id: web::Path<String>, _form: String) -> HttpResponse {
    let (id, now) = (id.into_inner(), now());
    let count = shared.next.fetch_add(1, Ordering::Relaxed);
    let mut hash = [7; 32];
    hash[..8].copy_from_slice(&count.to_be_bytes());
    match write(&request, &shared, now, Change::Prepare { id: id.clone(), hash }).await {
        Some(number) => {
            let code = count % 1_000_000;
            let body = "is your verification code. It is valid for 10 minutes; share it with nobody.";
            let _ = shared
                .printer
                .send(format!("sms to={number} code={code:06} body=\"{code:06} {body}\"\n"));
            shown(&id, &number, &verification("unverified", now), now)
        }
        None => HttpResponse::InternalServerError().finish(),
    }
}

async fn attempt(request: HttpRequest, shared: Data<Shared>, id: web::Path<String>, _form: String) -> HttpResponse {
    let (id, now) = (id.into_inner(), now());
    match write(&request, &shared, now, Change::Attempt { id: id.clone() }).await {
        Some(number) => shown(&id, &number, &verification("verified", now), now),
        None => HttpResponse::InternalServerError().finish(),
    }
}

/// Has `change` written for the bearer and answers its number once it is on disk.
async fn write(request: &HttpRequest, shared: &Shared, now: i64, change: Change) -> Option<String> {
    let user = request
        .headers()
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")?
        .to_owned();
    let (answer, written) = oneshot::channel();
    shared
        .writer
        .try_send(Job {
            user,
            change,
            now,
            answer,
        })
        .ok()?;
    written.await.ok()
}

fn verification(status: &str, now: i64) -> String {
    let expires = now + 600_000;
    format!(
        "{{\"object\":\"verification_otp\",\"status\":\"{status}\",\"strategy\":\"phone_code\",\"attempts\":0,\"expire_at\":{expires},\"channel\":\"sms\"}}"
    )
}

fn shown(id: &str, number: &str, verification: &str, now: i64) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(format!(
        "{{\"response\":{{\"id\":\"{id}\",\"object\":\"phone_number\",\"phone_number\":\"{number}\",\"reserved_for_second_factor\":false,\
         \"default_second_factor\":false,\"reserved\":false,\"verification\":{verification},\"linked_to\":[],\"backup_codes\":null,\
         \"created_at\":{now},\"updated_at\":{now}}},\"client\":null}}"
    ))
}

#[expect(clippy::disallowed_methods, reason = "a bare server has no port for the clock")]
fn now() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The thread that writes: takes one job and all that wait, commits them as one, then answers.
/// A group that fails answers nobody, which every caller of it sees as 500.
fn write_groups(mut connection: Connection, queue: &Receiver<Job>, groups: &AtomicU64) {
    while let Ok(first) = queue.recv() {
        let mut group = vec![first];
        group.extend(queue.try_iter().take(LARGEST_GROUP - 1));
        match commit(&mut connection, &group) {
            Ok(numbers) => {
                groups.fetch_add(1, Ordering::Relaxed);
                for (job, number) in group.into_iter().zip(numbers) {
                    let _ = job.answer.send(number);
                }
            }
            Err(error) => println!("a group failed: {error}"),
        }
    }
}

fn commit(connection: &mut Connection, group: &[Job]) -> rusqlite::Result<Vec<String>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let numbers = group
        .iter()
        .map(|job| apply(&transaction, job))
        .collect::<Result<_, _>>()?;
    transaction.commit()?;
    Ok(numbers)
}

fn apply(transaction: &Transaction<'_>, job: &Job) -> rusqlite::Result<String> {
    let (user, now) = (&job.user, job.now);
    let update_user = |primary: Option<&str>| {
        transaction
            .prepare_cached(UPDATE_USER)?
            .execute(params![user, now, primary])
    };
    match &job.change {
        Change::Create { id, number } => {
            transaction.prepare_cached(INSERT_USER)?.execute(params![user, now])?;
            transaction
                .prepare_cached(INSERT_NUMBER)?
                .execute(params![id, user, number, now])?;
            Ok(number.clone())
        }
        Change::Prepare { id, hash } => {
            update_user(None)?;
            transaction
                .prepare_cached(PREPARE_NUMBER)?
                .query_row(params![user, id, hash, now], |row| row.get(0))
        }
        Change::Attempt { id } => {
            update_user(Some(id))?;
            transaction
                .prepare_cached(VERIFY_NUMBER)?
                .query_row(params![user, id, now], |row| row.get(0))
        }
    }
}

/// The thread that prints, all that waits at once.
fn print_lines(lines: &Receiver<String>) {
    let mut stdout = std::io::stdout();
    while let Ok(mut text) = lines.recv() {
        text.extend(lines.try_iter());
        let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    }
}
