//! What is no copy, and what is said then.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::Path;

use phoneproof_store_postgres::testing::Database;
use phoneproof_tests::{Program, TestStore};

use super::{copy, counts, fails, said};

const PASSWORD: &str = "hunter2";

/// A store with the schema and nothing else.
fn migrated(store: TestStore) -> TestStore {
    assert!(Program::run(&["migrate"], &store.options()).status.success());
    store
}

fn files(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

/// As a copy from `elsewhere` that was broken off leaves it.
fn half_copied(store: TestStore) -> TestStore {
    let store = migrated(store);
    let mark = "INSERT INTO copies (unfinished, source, part) VALUES (true, 'sqlite:///elsewhere.db', 'users')";
    let _ = store.query(mark);
    store
}

#[test]
fn a_target_that_is_not_empty() {
    for target in [TestStore::sqlite(), TestStore::postgres()] {
        let (from, to) = (migrated(TestStore::create()), migrated(target));
        let _ = to.query("INSERT INTO instance_settings (name, value) VALUES ('test_mode', 'true')");
        let before = counts(&to);
        fails(&copy(&from.url(), &to.url()), &["the target", "is not empty"]);
        assert_eq!(counts(&to), before);
        assert_eq!(to.query("SELECT count(*) FROM copies"), ["0"]);
    }
}

#[test]
fn a_target_that_is_the_source() {
    let sqlite = migrated(TestStore::sqlite());
    let file = sqlite.folder().join("phoneproof.db");
    let link = sqlite.folder().join("link.db");
    std::os::unix::fs::symlink(file, &link).unwrap();
    let links = format!("sqlite://{}", link.display());
    for to in [&sqlite.url(), &links] {
        fails(&copy(&sqlite.url(), to), &["the same store"]);
    }
    let postgres = TestStore::postgres();
    fails(&copy(&postgres.url(), &postgres.url()), &["the same store"]);
}

#[test]
fn half_a_copy_of_something_else() {
    for half in [TestStore::sqlite(), TestStore::postgres()] {
        let (half, whole) = (half_copied(half), migrated(TestStore::create()));
        let words = ["unfinished copy from sqlite:///elsewhere.db"];
        fails(&copy(&whole.url(), &half.url()), &words);
        // Nor is it copied.
        let words = ["itself a copy", "sqlite:///elsewhere.db", "not finished"];
        fails(&copy(&half.url(), &whole.url()), &words);
        assert_eq!(half.query("SELECT source FROM copies"), ["sqlite:///elsewhere.db"]);
        assert_eq!(whole.query("SELECT count(*) FROM copies"), ["0"]);
    }
}

#[test]
fn a_source_that_is_not_there_or_has_another_schema() {
    let store = TestStore::sqlite();
    let to = format!("sqlite://{}", store.folder().join("to.db").display());
    fails(&copy(&store.url(), &to), &["--from", "phoneproof.db", "no such file"]);
    assert_eq!(files(store.folder()), 0, "something was made");

    let empty = Database::create_empty();
    fails(&copy(&empty.url(), &to), &["--from", "phoneproof migrate"]);
    // The list of migrations, which is made as soon as it is asked for, is all.
    assert_eq!(
        empty.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"),
        ["__diesel_schema_migrations"]
    );
    assert_eq!(files(store.folder()), 0, "something was made");
    // As a target that is as it should be.
    let store = migrated(store);
    assert!(copy(&store.url(), &empty.url()).status.success());
    assert_eq!(empty.query("SELECT count(*) FROM users"), ["0"]);
}

#[test]
fn what_is_no_url_of_a_store() {
    let store = migrated(TestStore::sqlite());
    let mysql = "mysql://me:hunter2@db.example.com/phone";
    let words = ["\"mysql\" is no known store", "sqlite, postgres"];
    fails(&copy(mysql, &store.url()), &[&["--from"], &words[..]].concat());
    fails(&copy(&store.url(), mysql), &[&["--to"], &words[..]].concat());
    for arguments in [
        &["store", "copy", "--from", "sqlite://a.db"][..],
        &["store", "copy", "--to", "sqlite://a.db"],
        &[
            "store",
            "copy",
            "--from",
            "sqlite://a.db",
            "--from-env",
            "A",
            "--to-env",
            "B",
        ],
    ] {
        assert_eq!(Program::run(arguments, &BTreeMap::new()).status.code(), Some(2));
    }
}

#[test]
fn a_url_comes_by_the_environment_too() {
    let (from, to) = (migrated(TestStore::create()), TestStore::other());
    let arguments = ["store", "copy", "--from-env", "OLD", "--to-env", "NEW"];
    let mut environment = BTreeMap::from([("OLD".to_owned(), from.url())]);
    fails(&Program::run(&arguments, &environment), &["--to-env", "NEW is not set"]);
    environment.insert("NEW".to_owned(), to.url());
    let output = Program::run(&arguments, &environment);
    assert!(output.status.success(), "{}", said(&output).1);
}

#[test]
fn a_password_is_never_told() {
    let store = migrated(TestStore::sqlite());
    // A port where nobody listens.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let away = format!("postgres://me:{PASSWORD}@127.0.0.1:{port}/phone");
    // A server that listens, and has neither such a user nor such a database.
    let there = Database::create();
    let server = there.url();
    let server = server.trim_start_matches("postgres://postgres@");
    let refused = format!("postgres://nobody:{PASSWORD}@{server}_gone");
    for url in [
        away.as_str(),
        &refused,
        &format!("{away}?sslmode=nonsense"),
        &format!("mysql://me:{PASSWORD}@db/phone"),
        &format!("postgres://me:{PASSWORD}@:x/phone"),
    ] {
        for output in [copy(url, &store.url()), copy(&store.url(), url)] {
            let (printed, told) = said(&output);
            assert_eq!(output.status.code(), Some(1), "{told}");
            assert_eq!(told.lines().count(), 1, "{told}");
            assert!(!format!("{printed}{told}").contains(PASSWORD), "{told}");
        }
    }
    // Nor where all goes well: the name of the store is printed without it.
    let target = Database::create_empty();
    let url = target.url().replacen("postgres@", &format!("postgres:{PASSWORD}@"), 1);
    let output = copy(&store.url(), &url);
    let (printed, told) = said(&output);
    assert!(output.status.success(), "{told}");
    assert!(printed.contains(target.name()), "{printed}");
    assert!(!format!("{printed}{told}").contains(PASSWORD), "{printed}{told}");
}
