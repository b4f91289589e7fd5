//! The file itself: who may read it, what is in it, what survives.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use phoneproof_domain::ports::{Aggregate, Change, Commit, Repository};
use phoneproof_domain::{
    CodeHasher, InstanceSecret, OtpCode, PhoneNumber, Purpose, Timestamp, User, UserPhones, UserPhonesParts,
    Verification,
};
use phoneproof_store_sqlite::{OpenError, Options, SqliteStore};
use tempfile::tempdir;

/// The store as what keeps users.
fn users(store: &SqliteStore) -> &dyn Repository<User> {
    store
}

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);
const FOLDER: &str = "PHONEPROOF_TEST_FOLDER";

fn user(id: &str) -> User {
    User::new(id.parse().unwrap(), NOW)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[tokio::test]
async fn its_files_are_for_the_owner_alone() {
    let folder = tempdir().unwrap();
    // Also run by the test below, in a folder that is there already.
    let given = std::env::var_os(FOLDER).map(PathBuf::from);
    let path = given.unwrap_or_else(|| folder.path().to_owned()).join("test.db");
    let store = SqliteStore::open(Options::at(&path)).unwrap();
    store
        .commit(vec![User::write(Change::Create(user("a")))])
        .await
        .unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let mode = fs::metadata(beside(&path, suffix)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{suffix} has {mode:o}");
    }
}

#[test]
fn its_files_are_for_the_owner_alone_whatever_the_umask() {
    for umask in ["000", "077", "777"] {
        let folder = tempdir().unwrap();
        let status = Command::new("sh")
            .args([
                "-c",
                "umask $1; exec \"$2\" --exact its_files_are_for_the_owner_alone",
                "sh",
                umask,
            ])
            .arg(std::env::current_exe().unwrap())
            .env(FOLDER, folder.path())
            .output()
            .unwrap();
        assert!(status.status.success(), "{umask}: {status:?}");
        assert!(folder.path().join("test.db").exists());
    }
}

#[tokio::test]
async fn what_was_written_is_there_when_it_is_opened_again() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a ?#%20.db");
    let store = SqliteStore::open(Options::at(&path)).unwrap();
    store
        .commit(vec![User::write(Change::Create(user("a")))])
        .await
        .unwrap();
    let written = users(&store).load(&"a".parse().unwrap()).await.unwrap();
    drop(store);
    assert!(path.exists(), "under that very name");
    assert!(!beside(&path, "-wal").exists(), "closing empties the log");
    let store = SqliteStore::open(Options::at(&path)).unwrap();
    assert_eq!(users(&store).load(&"a".parse().unwrap()).await.unwrap(), written);
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_process_that_dies() {
    let (folder, copies) = (tempdir().unwrap(), tempdir().unwrap());
    let path = folder.path().join("test.db");
    let store = SqliteStore::open(Options::at(&path)).unwrap();
    for id in ["a", "b", "c"] {
        store.commit(vec![User::write(Change::Create(user(id)))]).await.unwrap();
        // What a crash at this moment leaves behind.
        let copy = copies.path().join(id);
        for suffix in ["", "-wal"] {
            fs::copy(beside(&path, suffix), beside(&copy, suffix)).unwrap();
        }
        let after = SqliteStore::open(Options::at(&copy)).unwrap();
        assert!(users(&after).load(&id.parse().unwrap()).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn no_code_is_in_it() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("test.db");
    let store = SqliteStore::open(Options::at(&path)).unwrap();
    let id = "idn_2b1Ug0kTf5Wx9Qh3Zr7YcVnAd4E".parse().unwrap();
    let hasher = CodeHasher::new(&InstanceSecret::new(&"k".repeat(32)).unwrap());
    let code = hasher.otp(Purpose::VerifyNumber(&id), &OtpCode::parse("739146").unwrap());
    let verification = Verification::Running {
        code,
        attempts: 0,
        prepared_at: NOW,
        expires_at: NOW,
    };
    let number = PhoneNumber {
        verification,
        ..PhoneNumber::unverified(id, "+14155552671".parse().unwrap(), NOW)
    };
    let parts = UserPhonesParts {
        numbers: vec![number],
        ..UserPhonesParts::default()
    };
    let user = User {
        phones: UserPhones::restore(parts).unwrap(),
        ..user("a")
    };
    store.commit(vec![User::write(Change::Create(user))]).await.unwrap();
    let contains = |suffix: &str, text: &str| {
        let bytes = fs::read(beside(&path, suffix)).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    assert!(contains("-wal", "14155552671"), "the test looks in the right place");
    assert!(!contains("-wal", "739146") && !contains("", "739146"));
}

#[test]
fn what_cannot_be_opened_says_why_in_a_line() {
    let folder = tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("text"), "This is no database, however long it may be.".repeat(100)).unwrap();
    let newer = path("newer.db");
    drop(SqliteStore::open(Options::at(&newer)).unwrap());
    execute(
        &newer,
        "INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')",
    );
    for (path, words) in [
        (path("none/x.db"), "does not exist"),
        (path("text"), "not an SQLite database"),
        (folder.path().to_owned(), "not an SQLite database"),
        (newer, "schema (29990101000000) is newer"),
    ] {
        let message = SqliteStore::open(Options::at(&path)).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
        assert!(message.contains(path.to_str().unwrap()), "{message}");
        assert!(!message.contains('\n'));
    }
}

#[test]
fn a_file_that_may_not_be_written_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("test.db");
    drop(SqliteStore::open(Options::at(&path)).unwrap());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    if fs::OpenOptions::new().write(true).open(&path).is_ok() {
        return; // Nothing is read-only for root.
    }
    let error = SqliteStore::open(Options::at(&path)).unwrap_err();
    assert!(matches!(error, OpenError::ReadOnly { .. }), "{error}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let error = SqliteStore::open(Options::at(&path)).unwrap_err();
    assert!(matches!(error, OpenError::NoPermission { .. }), "{error}");
}

#[test]
fn a_database_that_stays_locked_is_refused() {
    let folder = tempdir().unwrap();
    let options = Options {
        busy_timeout: std::time::Duration::from_millis(50),
        ..Options::at(folder.path().join("test.db"))
    };
    drop(SqliteStore::open(options.clone()).unwrap());
    let mut other = connection(&options.path);
    diesel::connection::SimpleConnection::batch_execute(&mut other, "BEGIN IMMEDIATE").unwrap();
    let error = SqliteStore::open(options).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
}

fn connection(path: &Path) -> diesel::SqliteConnection {
    diesel::Connection::establish(path.to_str().unwrap()).unwrap()
}

fn execute(path: &Path, sql: &str) {
    diesel::connection::SimpleConnection::batch_execute(&mut connection(path), sql).unwrap();
}
