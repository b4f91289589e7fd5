//! The database full, read-only, locked, under a running server: each change is refused in time, nothing that was
//! acknowledged is lost, and when the fault ends the server goes on by itself.
#![expect(
    clippy::print_stdout,
    reason = "the counts are worth reading: --nocapture shows them"
)]

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use phoneproof_tests::{Kept, Load, Program, kept};
use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use super::faults::{CHANGES, CLIENTS, IN_TIME, REFUSALS, SECRET_KEY, clock, probes, turn};

/// A user without any rights (nobody).
const NOBODY: u32 = 65_534;

fn options(folder: &Path) -> BTreeMap<String, String> {
    [
        ("SERVER__LISTEN", "127.0.0.1:0"),
        ("STORE__URL", &format!("sqlite://{}", folder.join("test.db").display())),
        ("INSTANCE__SECRET", "an instance secret of tests, long enough"),
        ("KEYS__SECRET_KEY", SECRET_KEY),
        ("LOG__LEVEL", "off"),
    ]
    .map(|(name, value)| (format!("PHONEPROOF__{name}"), value.to_owned()))
    .into()
}

/// The binary.
fn binary() -> PathBuf {
    Program::command(&[], &BTreeMap::new()).get_program().into()
}

/// A shell that becomes the server, which is at `binary`, once it has run `first`.
fn after(first: &str, binary: &Path, folder: &Path) -> Command {
    let options = options(folder);
    let server = Program::command(&["serve"], &options);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("{first} \"$0\" serve")])
        .arg(binary)
        .envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    shell
}

/// Runs a tool; false if it cannot do that here.
fn can(tool: &str, arguments: &[&str]) -> bool {
    Command::new(tool)
        .args(arguments)
        .output()
        .is_ok_and(|output| output.status.success())
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

#[expect(clippy::unwrap_used, reason = "a machine without temporary files runs no such test")]
fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn database(folder: &Path) -> PathBuf {
    folder.join("test.db")
}

fn log(folder: &Path) -> PathBuf {
    folder.join("test.db-wal")
}

/// Load, then the fault until enough was refused, then load again; and a new process at the end, after `kill -9`.
async fn survives(what: &str, mut program: Program, folder: &Path, begin: impl AsyncFnOnce(), end: impl AsyncFnOnce()) {
    let _turn = turn().await;
    let (back_end, nobody) = (program.actor(Some(SECRET_KEY)), program.actor(None));
    let load = Load::start(&back_end, CLIENTS);
    load.until(|tally| tally.acknowledged >= CHANGES).await;
    assert_eq!(probes(&nobody).await, (200, "ok".to_owned()));

    begin().await;
    let refused = load.tally().refused;
    let first = load.until(|tally| tally.refused >= refused + REFUSALS).await;
    let said = probes(&nobody).await;
    assert_eq!(said, (503, "unavailable".to_owned()), "{what}");
    // Whatever was under way when it began is through: from here on nothing is acknowledged.
    let second = load.until(|tally| tally.refused >= first.refused + REFUSALS).await;
    let reads = load.until(|tally| tally.read >= second.read + 20).await;
    assert_eq!(
        reads.acknowledged, first.acknowledged,
        "{what}: acknowledged without a disk"
    );

    let ended = clock();
    end().await;
    let after = load.until(|tally| tally.acknowledged > reads.acknowledged).await;
    let recovered = ended.elapsed();
    load.until(|tally| tally.acknowledged >= after.acknowledged + CHANGES)
        .await;
    assert_eq!(probes(&nobody).await, (200, "ok".to_owned()), "{what}: recovered");
    let (tally, acknowledged) = load.stop().await;
    let whole = Kept { lost: 0, doubled: 0 };
    let kept_now = kept(&back_end, &acknowledged).await;

    program.kill();
    let again = Program::serve(&options(folder));
    let kept_later = kept(&again.actor(Some(SECRET_KEY)), &acknowledged).await;
    println!(
        "{what}: {} acknowledged, {} refused (slowest {} ms), {} lost, {} doubled; {} reads served, {} refused; first \
         change {} ms after the fault ended",
        tally.acknowledged,
        tally.refused,
        tally.slowest_refusal.as_millis(),
        kept_now.lost.max(kept_later.lost),
        kept_now.doubled.max(kept_later.doubled),
        tally.read,
        tally.unread,
        recovered.as_millis(),
    );
    assert_eq!((kept_now, kept_later), (whole, whole), "{what}");
    assert!(tally.slowest_refusal < IN_TIME, "{what}: {:?}", tally.slowest_refusal);
    assert_eq!(tally.unread, 0, "{what}: reading needs no writing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_may_not_grow_refuses_changes_until_it_may() {
    let folder = folder();
    // The limit's signal would end the process; a full disk sends none.
    let program = Program::start(after("trap '' XFSZ; exec", &binary(), folder.path()));
    let id = program.id().to_string();
    let limit = async |bytes: &str| assert!(can("prlimit", &["--pid", &id, &format!("--fsize={bytes}:")]));
    survives(
        "disk full (file size limit)",
        program,
        folder.path(),
        async || limit("1").await,
        async || limit("unlimited").await,
    )
    .await;
}

/// A file system of its own, in memory, with room for the log (16 MB and what a group adds). Dropping it unmounts it.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let disk = Self(folder());
        let path = disk.0.path().display().to_string();
        can("mount", &["-t", "tmpfs", "-o", "size=64m", "tmpfs", &path]).then_some(disk)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).output();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_changes_until_there_is_room() {
    let Some(disk) = SmallDisk::mount() else {
        println!("disk full (file system): not tried, for nothing can be mounted here");
        return;
    };
    let folder = disk.0.path();
    let filler = folder.join("filler");
    let fill = async || {
        use std::io::Write;
        let mut file = fs::File::create(&filler).unwrap();
        // Until there is not room for a byte; the log may yet write where it has been before.
        while file.write(&[0; 4096]).is_ok_and(|written| written > 0) {}
    };
    let empty = async || fs::remove_file(&filler).unwrap();
    survives(
        "disk full (file system)",
        Program::serve(&options(folder)),
        folder,
        fill,
        empty,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_file_refuses_changes_until_it_is_free() {
    let folder = folder();
    let program = Program::serve(&options(folder.path()));
    // This process is another one than the server's.
    let other = rusqlite::Connection::open(database(folder.path())).unwrap();
    other.busy_timeout(Duration::from_secs(60)).unwrap();
    survives(
        "locked by another process",
        program,
        folder.path(),
        async || other.execute_batch("BEGIN IMMEDIATE").unwrap(),
        async || other.execute_batch("ROLLBACK").unwrap(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_turns_immutable_refuses_changes_until_it_can_be_changed() {
    let folder = folder();
    let (file, log) = (database(folder.path()), log(folder.path()));
    let program = Program::serve(&options(folder.path()));
    let flag = |flag: &str| {
        can(
            "chattr",
            &[flag, &file.display().to_string(), &log.display().to_string()],
        )
    };
    if !flag("+i") || !flag("-i") {
        println!("read-only (immutable): not tried, for this user or file system has no such flag");
        return;
    }
    survives(
        "read-only (immutable)",
        program,
        folder.path(),
        async || assert!(flag("+i")),
        async || assert!(flag("-i")),
    )
    .await;
}

/// Open files may be written whatever their mode says, so the server is made to open them again.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_mode_forbids_writing_refuses_changes_until_it_allows_it() {
    let folder = folder();
    let path = folder.path();
    let program = if is_root() {
        // Root may write whatever the mode; nobody may not even reach the binary where it was built.
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        let copy = path.join("phoneproof");
        fs::copy(binary(), &copy).unwrap();
        let become_nobody = format!("exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups");
        Program::start(after(&become_nobody, &copy, path))
    } else {
        Program::serve(&options(path))
    };
    let mode = |mode: u32| {
        for file in [database(path), log(path)] {
            fs::set_permissions(file, Permissions::from_mode(mode)).unwrap();
        }
    };
    let nobody = program.actor(None);
    let forbid = async || {
        mode(0o444);
        // A lock for long enough makes a change fail, and the next one opens the files anew.
        let other = rusqlite::Connection::open(database(path)).unwrap();
        other.busy_timeout(Duration::from_secs(60)).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        while nobody.get("/v1/ready").await.status == 200 {}
        other.execute_batch("ROLLBACK").unwrap();
    };
    survives("read-only (mode)", program, path, forbid, async || mode(0o600)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_nobody_asks_for_changes_knows_that_it_cannot_write() {
    let folder = folder();
    let program = Program::start(after("trap '' XFSZ; exec", &binary(), folder.path()));
    let (back_end, nobody) = (program.actor(Some(SECRET_KEY)), program.actor(None));
    let id = program.id().to_string();
    let limit = |bytes: &str| assert!(can("prlimit", &["--pid", &id, &format!("--fsize={bytes}:")]));
    limit("1");
    let user = json!({ "first_name": "somebody", "phone_number": ["+14152220000"] });
    let refused = back_end.json(Method::POST, "/v1/users", &user).await;
    refused.is_error(503, "service_unavailable");
    for _ in 0..3 {
        assert_eq!(probes(&nobody).await, (503, "unavailable".to_owned()));
    }
    limit("unlimited");
    assert_eq!(
        probes(&nobody).await,
        (200, "ok".to_owned()),
        "the probe itself finds out"
    );
    assert_eq!(back_end.json(Method::POST, "/v1/users", &user).await.status, 200);
}
