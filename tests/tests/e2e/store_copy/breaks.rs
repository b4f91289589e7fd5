//! Copies that break off, and sources that change meanwhile.
#![expect(
    clippy::print_stdout,
    reason = "the figures are worth reading: --nocapture shows them"
)]

use std::io::{BufRead, BufReader};

use phoneproof_tests::{Program, TestStore};

use super::{SECRET_KEY, copied, copy, counts, fails, options, said, secret_file, serves_not};

/// Each with a number, and every tenth of them counted twice at one moment: such rows have no key.
const USERS: u32 = 25_000;

/// A store with the schema, and those users in it. What is said here both kinds of stores understand.
fn large(store: &TestStore) {
    assert!(Program::run(&["migrate"], &store.options()).status.success());
    let rows = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {USERS})");
    let user = "'user_' || CAST(1000000 + i AS TEXT)";
    let number = "'idn_00000000000000000000' || CAST(1000000 + i AS TEXT)";
    let _ = store.query(&format!(
        r#"INSERT INTO users (id, revision, first_name, public_metadata, private_metadata, unsafe_metadata, banned,
                              delete_self_enabled, primary_phone_number_id, created_at_ms, updated_at_ms)
           {rows} SELECT {user}, i, 'Zoë', '{{"plan":"pro"}}', '{{"note":"a \" and a \\"}}', '{{}}', false,
                         true, {number}, i, i FROM n"#
    ));
    let _ = store.query(&format!(
        "INSERT INTO phone_numbers (id, user_id, number, held, reserved_for_second_factor, default_second_factor,
                                    verification_state, attempts, expires_at_ms, created_at_ms, updated_at_ms)
         {rows} SELECT {number}, {user},
                       '+1415' || CAST(2000000 + i AS TEXT), false, false, false, 'by_code', 1, i, i, i FROM n"
    ));
    for _ in 0..2 {
        let _ = store.query(&format!(
            "INSERT INTO limits (key, at_ms, forget_at_ms) {rows} SELECT {user}, i, i + 1 FROM n WHERE i % 10 = 0"
        ));
    }
}

/// Kills the copy as `kill -9` does, once it has told that it is on its way.
fn broken_off(from: &TestStore, to: &TestStore) {
    let mut copying = super::command(&from.url(), &to.url()).spawn().unwrap();
    let told = BufReader::new(copying.stderr.take().unwrap()).lines();
    let mut told = told.map(Result::unwrap);
    let first = told.next().unwrap();
    assert!(first.starts_with("copying 0 %: 0 of "), "{first}");
    let on_its_way = told.next().unwrap();
    assert!(on_its_way.starts_with("copying 10 %: "), "{on_its_way}");
    copying.kill().unwrap();
    let _ = copying.wait().unwrap();
    assert_eq!(
        to.query("SELECT count(*) FROM copies"),
        ["1"],
        "it was done before it was killed"
    );
}

#[test]
fn one_that_is_killed_serves_nobody_until_the_same_command_has_finished_it() {
    let (from, to) = (TestStore::create(), TestStore::other());
    large(&from);
    broken_off(&from, &to);
    let written: u32 = to.query("SELECT count(*) FROM users").concat().parse().unwrap();
    assert!((1..USERS).contains(&written), "{written}");
    serves_not(&to);

    let printed = copied(&from, &to);
    let all = USERS * 2 + USERS / 10;
    let rest = format!("copied {} records in ", all - written);
    assert!(printed.contains(&rest), "no {rest:?} in: {printed}");
    assert_eq!(
        counts(&to)[..2],
        [("users", USERS.to_string()), ("phone_numbers", USERS.to_string())]
    );
    assert_eq!(to.query("SELECT count(*) FROM limits"), [(USERS / 5).to_string()]);
    assert_eq!(to.query("SELECT count(*) FROM copies"), ["0"]);
    fails(&copy(&from.url(), &to.url()), &["is not empty"]);
    println!("went on after {written} of {all} records\n{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_killed_again_and_again_is_finished_and_serves() {
    let (from, to) = (TestStore::create(), TestStore::other());
    large(&from);
    for _ in 0..3 {
        // It has told where it stands, and may be anywhere in the next page.
        let mut copying = super::command(&from.url(), &to.url()).spawn().unwrap();
        let mut told = BufReader::new(copying.stderr.take().unwrap()).lines();
        let _ = (told.next().unwrap(), told.next().unwrap());
        copying.kill().unwrap();
        let _ = copying.wait().unwrap();
        serves_not(&to);
    }
    copied(&from, &to);
    let server = Program::serve(&options(&to.url(), &secret_file(to.folder())));
    let back_end = server.actor(Some(SECRET_KEY));
    assert_eq!(back_end.get("/v1/users/count").await.resource()["total_count"], USERS);
    let last = back_end.get(&format!("/v1/users/user_{}", 1_000_000 + USERS)).await;
    assert_eq!(
        last.resource()["private_metadata"]["note"],
        r#"a " and a \"#,
        "{last:#?}"
    );
}

/// A server that was there before, on a store that was empty then.
#[test]
fn whoever_serves_from_the_target_stops_by_itself() {
    let to = TestStore::other();
    let server = Program::serve(&options(&to.url(), &secret_file(to.folder())));
    let begun =
        "INSERT INTO copies (unfinished, source, part) VALUES (true, 'sqlite:///old.db', 'users') RETURNING source";
    assert_eq!(to.query(begun), ["sqlite:///old.db"]);
    let (code, _, logged) = server.ended();
    assert_eq!(code, Some(0), "{logged}");
    assert!(
        logged.contains("a copy from sqlite:///old.db into this store has begun"),
        "{logged}"
    );
    serves_not(&to);
}

#[test]
fn a_source_that_changed_meanwhile_is_found_out() {
    let (from, to) = (TestStore::create(), TestStore::other());
    large(&from);
    broken_off(&from, &to);
    let _ = from.query("UPDATE users SET first_name = 'Zoe' WHERE id = 'user_1000001'");
    // However often it is asked.
    for _ in 0..2 {
        let output = copy(&from.url(), &to.url());
        fails(&output, &["the stores differ in users: ", "copy into a new store"]);
        let (printed, _) = said(&output);
        let differing: Vec<&str> = printed.lines().filter(|line| line.contains("DIFFERS")).collect();
        assert!(
            matches!(differing[..], [line] if line.starts_with("users ")),
            "{printed}"
        );
        serves_not(&to);
    }
    println!("{}", said(&copy(&from.url(), &to.url())).0);
}
