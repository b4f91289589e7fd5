//! `phoneproof store backup`: a copy of a database that is being written to.
#![expect(
    clippy::print_stdout,
    reason = "the counts are worth reading: --nocapture shows them"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use phoneproof_tests::{Kept, Load, Program, kept};
use reqwest::Method;
use serde_json::json;

const SECRET_KEY: &str = "sk_test_0123456789abcdef";

fn options(database: &Path) -> BTreeMap<String, String> {
    [
        ("SERVER__LISTEN", "127.0.0.1:0"),
        ("STORE__URL", &format!("sqlite://{}", database.display())),
        ("INSTANCE__SECRET", "an instance secret of tests, long enough"),
        ("KEYS__SECRET_KEY", SECRET_KEY),
        ("LOG__LEVEL", "error"),
    ]
    .map(|(name, value)| (format!("PHONEPROOF__{name}"), value.to_owned()))
    .into()
}

#[expect(clippy::unwrap_used, reason = "the paths of tests are UTF-8")]
fn backup(options: &BTreeMap<String, String>, to: &Path) -> Output {
    Program::run(&["store", "backup", to.to_str().unwrap()], options)
}

#[expect(clippy::unwrap_used, reason = "a folder that cannot be read has failed the test")]
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Expects that the backup fails, says so in one line with all these words, and leaves `folder` as it was.
#[track_caller]
fn fails(output: &Output, words: &[&str]) {
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        (output.status.code(), complaint.lines().count()),
        (Some(1), 1),
        "{complaint}"
    );
    for word in words {
        assert!(complaint.contains(word), "no {word:?} in: {complaint}");
    }
}

/// A database with the schema and nothing in it.
fn database(folder: &Path) -> (PathBuf, BTreeMap<String, String>) {
    let path = folder.join("test.db");
    let options = options(&path);
    assert!(Program::run(&["migrate"], &options).status.success());
    (path, options)
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_it_holds_all_that_was_acknowledged_before_it_began() {
    let (folder, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let options_of_server = options(&folder.path().join("test.db"));
    let program = Program::serve(&options_of_server);
    let load = Load::start(&program.actor(Some(SECRET_KEY)), 8);
    load.until(|tally| tally.acknowledged >= 300).await;

    let copy = copies.path().join("copy.db");
    let before = load.acknowledged();
    let (given, to) = (options_of_server.clone(), copy.clone());
    let output = tokio::task::spawn_blocking(move || backup(&given, &to)).await.unwrap();
    let after = load.tally().acknowledged;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let size = fs::metadata(&copy).unwrap().len();
    assert!(
        said.starts_with(&format!("{}: {size} bytes in ", copy.display())),
        "{said}"
    );
    // The load goes on, and nobody was refused for the backup's sake.
    load.until(|tally| tally.acknowledged >= after + 100).await;
    let (tally, acknowledged) = load.stop().await;
    assert_eq!((tally.refused, tally.unread), (0, 0), "{tally:?}");

    assert_eq!(names(copies.path()), ["copy.db"], "one file, and whole");
    let integrity = rusqlite::Connection::open(&copy)
        .unwrap()
        .query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0));
    assert_eq!(integrity.unwrap(), "ok");
    let restored = Program::serve(&options(&copy));
    let back_end = restored.actor(Some(SECRET_KEY));
    let whole = Kept { lost: 0, doubled: 0 };
    assert_eq!(kept(&back_end, &before).await, whole);
    assert_eq!(restored.actor(None).get("/v1/ready").await.status, 200);
    // It takes changes, too.
    let (_, id) = before.first_key_value().unwrap();
    let renamed = back_end
        .json(
            Method::PATCH,
            &format!("/v1/users/{id}"),
            &json!({ "last_name": "restored" }),
        )
        .await;
    assert_eq!(renamed.resource()["last_name"], "restored");
    println!(
        "backup under load: {} changes acknowledged before, {} while it ran, {} in all; {}",
        before.len(),
        after - before.len(),
        acknowledged.len(),
        said.trim_end(),
    );
    assert!(after > before.len(), "no load while it ran");
}

#[test]
fn it_is_for_the_owner_alone_whatever_the_umask() {
    for umask in ["000", "777"] {
        let folder = tempfile::tempdir().unwrap();
        let (_, options) = database(folder.path());
        let program = Program::command(&[], &options).get_program().to_owned();
        let copy = folder.path().join("copy.db");
        let output = Command::new("sh")
            .args(["-c", &format!("umask {umask}; exec \"$0\" store backup \"$1\"")])
            .args([program.as_os_str(), copy.as_os_str()])
            .envs(&options)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mode = fs::metadata(&copy).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "umask {umask}");
    }
}

#[test]
fn what_is_there_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let (_, options) = database(folder.path());
    let to = folder.path().join("copy.db");
    fs::write(&to, "an older backup").unwrap();
    fails(&backup(&options, &to), &["copy.db", "not overwritten"]);
    assert_eq!(fs::read_to_string(&to).unwrap(), "an older backup");
    assert_eq!(names(folder.path()), ["copy.db", "test.db"]);
    // Nor what somebody else is writing.
    let partial = folder.path().join("new.db.partial");
    fs::write(&partial, "half").unwrap();
    fails(
        &backup(&options, &folder.path().join("new.db")),
        &["new.db.partial", "delete"],
    );
    assert_eq!(fs::read_to_string(&partial).unwrap(), "half");
}

#[test]
fn one_that_fails_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (database, options) = database(folder.path());
    let to = folder.path().join("copy.db");
    // Room for a part of it: SQLite finds out in the middle of writing.
    let half = fs::metadata(&database).unwrap().len() / 2;
    let limited = Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; exec prlimit --fsize=\"$0\" \"$@\"",
            &half.to_string(),
        ])
        .arg(Program::command(&[], &options).get_program())
        .args(["store", "backup"])
        .arg(&to)
        .envs(&options)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    fails(&limited, &["cannot write the backup", "copy.db"]);
    assert_eq!(names(folder.path()), ["test.db"]);
    fails(
        &backup(&options, &folder.path().join("none/copy.db")),
        &["none/copy.db"],
    );
    fails(
        &backup(&options, Path::new("/dev/null")),
        &["/dev/null", "not overwritten"],
    );
}

#[test]
fn what_cannot_be_copied_like_this_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("copy.db");
    let none = options(&folder.path().join("nothing.db"));
    fails(&backup(&none, &to), &["nothing.db", "no database"]);
    let mut elsewhere = none;
    elsewhere.insert("PHONEPROOF__STORE__URL".to_owned(), "postgres://me@db/x".to_owned());
    fails(&backup(&elsewhere, &to), &["store.url", "pg_dump"]);
    assert!(names(folder.path()).is_empty());
}
