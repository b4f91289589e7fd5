//! The README's tour works when it is pasted.

use std::process::{Command, Stdio};

use phoneproof_tests::{Program, TestStore};
use serde_json::Value;

const README: &str = include_str!("../../../README.md");

/// The shell blocks of the tour, joined: they share their variables, as in one terminal.
fn tour() -> String {
    let start = README.find("## A tour of two minutes").unwrap_or_default();
    let end = README.find("## What it can do").unwrap_or_default();
    let blocks = README[start..end].split("```");
    let shell = blocks.skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh\n"));
    shell.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_tour_ends_with_a_second_factor_and_ten_backup_codes() {
    let store = TestStore::create();
    let mut options = store.options();
    options.insert("PHONEPROOF__SERVER__LISTEN".to_owned(), "127.0.0.1:0".to_owned());
    let program = Program::serve(&options);
    let address = program.url.strip_prefix("http://").unwrap();
    let binary = Program::command(&[], &options).get_program().display().to_string();
    let secret_key = program.secret_key();
    let script = tour()
        .replace("cargo run --quiet --", &binary)
        .replace("127.0.0.1:8080", address)
        .replace("sk_test_…", &secret_key);
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .envs(&options)
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{printed}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let answers: Vec<Value> = printed
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let of = |at: usize| &answers[at]["response"]["verification"]["status"];
    let wrong = answers
        .iter()
        .filter(|answer| answer["errors"][0]["code"] == "form_code_incorrect");
    assert_eq!(wrong.count(), 1, "{printed}");
    assert_eq!((of(0), of(1)), (&"unverified".into(), &"verified".into()), "{printed}");
    let issued = answers
        .iter()
        .find_map(|answer| answer["response"]["backup_codes"].as_array());
    assert_eq!(issued.map(Vec::len), Some(10), "{printed}");
    let me = answers
        .iter()
        .find(|answer| answer["response"]["object"] == "user")
        .unwrap();
    assert_eq!(me["response"]["two_factor_enabled"], true, "{printed}");
    let found = answers.last().unwrap();
    assert_eq!(found[0]["id"], "user_demo", "{printed}");
}
