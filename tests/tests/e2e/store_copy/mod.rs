//! `phoneproof store copy`: an instance moves into another store, of the kind that this run is about and of the other one.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod breaks;
mod instance;
mod moves;
mod refusals;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use phoneproof_tests::{Program, TestStore};

const SECRET_KEY: &str = "sk_test_0123456789abcdef";

/// The tables of every part, in the order of the parts.
const TABLES: [&str; 13] = [
    "users",
    "phone_numbers",
    "backup_codes",
    "clients",
    "sessions",
    "sign_in_tokens",
    "signing_keys",
    "limits",
    "webhook_events",
    "sms_messages",
    "instance_settings",
    "blocklist",
    "allowlist",
];

/// A server of one instance, whichever store it is on.
fn options(url: &str, secret_file: &Path) -> BTreeMap<String, String> {
    [
        ("SERVER__LISTEN", "127.0.0.1:0"),
        ("STORE__URL", url),
        ("INSTANCE__SECRET_FILE", secret_file.to_str().unwrap()),
        ("KEYS__PUBLISHABLE_KEY", "pk_test_cGhvbmUuZXhhbXBsZS5jb20k"),
        ("KEYS__SECRET_KEY", SECRET_KEY),
        ("LOG__LEVEL", "error"),
    ]
    .map(|(name, value)| (format!("PHONEPROOF__{name}"), value.to_owned()))
    .into()
}

/// The secret of an instance, in a file in this folder.
fn secret_file(folder: &Path) -> std::path::PathBuf {
    let file = folder.join("instance.secret");
    std::fs::write(&file, "an instance secret of tests, long enough\n").unwrap();
    file
}

fn command(from: &str, to: &str) -> Command {
    Program::command(&["store", "copy", "--from", from, "--to", to], &BTreeMap::new())
}

fn copy(from: &str, to: &str) -> Output {
    command(from, to).output().unwrap()
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Expects that the copy ends well; answers what it printed.
#[track_caller]
fn copied(from: &TestStore, to: &TestStore) -> String {
    let output = copy(&from.url(), &to.url());
    let (printed, told) = said(&output);
    assert!(output.status.success(), "{printed}{told}");
    assert!(
        printed.contains("All parts are equal") && !printed.contains("DIFFERS"),
        "{printed}"
    );
    assert!(told.contains("copying") && told.contains("comparing 100 %"), "{told}");
    assert_eq!(counts(from), counts(to));
    printed
}

/// Expects that it ends with 1 and, at the end of all that it tells, one line with all these words.
#[track_caller]
fn fails(output: &Output, words: &[&str]) {
    let (printed, told) = said(output);
    assert_eq!(output.status.code(), Some(1), "{printed}{told}");
    let line = told.lines().last().unwrap_or_default();
    for word in ["phoneproof: "].iter().chain(words) {
        assert!(line.contains(word), "no {word:?} in: {told}");
    }
}

/// Expects that no server starts on the store, and says why in one line.
#[track_caller]
fn serves_not(store: &TestStore) {
    let output = Program::run(&["serve"], &options(&store.url(), &secret_file(store.folder())));
    fails(&output, &["store.url", "not finished", "phoneproof store copy"]);
    let (printed, told) = said(&output);
    assert_eq!((printed.as_str(), told.lines().count()), ("", 1), "{told}");
}

/// The rows of every table, past the program.
fn counts(store: &TestStore) -> Vec<(&'static str, String)> {
    let count = |table: &'static str| (table, store.query(&format!("SELECT count(*) FROM {table}")).concat());
    TABLES.map(count).into()
}
