//! Dependencies point inwards only, and a provider needs nothing but the domain (design, section 2).

mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use phoneproof_tests::text;
use serde_json::Value;

const DOMAIN: &str = "phoneproof-domain";
const APP: &str = "phoneproof";
const TESTS: &str = "phoneproof-tests";

/// What the domain may use: nothing here opens a socket or a file.
const DOMAIN_USES: [&str; 11] = [
    "async-trait",
    "futures-util",
    "hkdf",
    "hmac",
    "mockall",
    "rlibphonenumber",
    "serde",
    "serde_json",
    "sha2",
    "subtle",
    "thiserror",
];

/// What must not come in by the back door of another dependency either.
const NEVER_IN_THE_DOMAIN: [&str; 16] = [
    "actix-web",
    "actix-http",
    "diesel",
    "libsqlite3-sys",
    "rusqlite",
    "reqwest",
    "hyper",
    "tokio",
    "mio",
    "socket2",
    "rustls",
    "getrandom",
    "config",
    "clap",
    "tracing-subscriber",
    "jsonwebtoken",
];

/// What `cargo metadata` says about the workspace.
struct Workspace {
    metadata: Value,
    /// Our crates by name.
    crates: BTreeMap<String, Value>,
}

impl Workspace {
    fn read() -> Self {
        let metadata = metadata();
        let members: BTreeSet<&str> = list(&metadata["workspace_members"])
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let is_ours = |package: &&Value| package["id"].as_str().is_some_and(|id| members.contains(id));
        let crates = list(&metadata["packages"])
            .iter()
            .filter(is_ours)
            .map(|package| (text(&package["name"]).to_owned(), package.clone()))
            .collect();
        Self { metadata, crates }
    }

    /// What the manifest of `name` asks for outside its tests: normal and build dependencies.
    fn uses(&self, name: &str) -> BTreeSet<&str> {
        self.dependencies(name, |kind| kind != "dev")
    }

    /// Our crates that `name` asks for in any way, its tests included.
    fn ours(&self, name: &str) -> BTreeSet<&str> {
        let mut ours = self.dependencies(name, |_| true);
        // Itself with other features, for its own tests.
        ours.retain(|other| self.crates.contains_key(*other) && *other != name);
        ours
    }

    fn dependencies(&self, name: &str, kind: impl Fn(&str) -> bool) -> BTreeSet<&str> {
        list(&self.crates[name]["dependencies"])
            .iter()
            .filter(|dependency| kind(dependency["kind"].as_str().unwrap_or("normal")))
            .map(|dependency| text(&dependency["name"]))
            .collect()
    }

    fn manifest(&self, name: &str) -> PathBuf {
        PathBuf::from(text(&self.crates[name]["manifest_path"]))
    }

    fn root(&self) -> &Path {
        Path::new(text(&self.metadata["workspace_root"]))
    }

    fn target(&self) -> &Path {
        Path::new(text(&self.metadata["target_directory"]))
    }

    fn adapters(&self) -> Vec<&str> {
        let folder = self.root().join("adapters");
        let names = self.crates.keys().map(String::as_str);
        names.filter(|name| self.manifest(name).starts_with(&folder)).collect()
    }

    /// All that is compiled into `name`, whoever asks for it.
    fn closure(&self, name: &str) -> BTreeSet<&str> {
        let nodes: BTreeMap<&str, &Value> = list(&self.metadata["resolve"]["nodes"])
            .iter()
            .map(|node| (text(&node["id"]), node))
            .collect();
        let (mut seen, mut waiting) = (BTreeSet::new(), vec![text(&self.crates[name]["id"])]);
        while let Some(id) = waiting.pop() {
            if seen.insert(id) {
                waiting.extend(list(&nodes[id]["deps"]).iter().filter_map(needed));
            }
        }
        let names = list(&self.metadata["packages"])
            .iter()
            .filter(|package| seen.contains(text(&package["id"])));
        names.map(|package| text(&package["name"])).collect()
    }
}

/// The package behind an edge of the graph, if more than tests need it.
fn needed(edge: &Value) -> Option<&str> {
    let kinds = list(&edge["dep_kinds"]);
    kinds
        .iter()
        .any(|kind| kind["kind"].is_null())
        .then(|| text(&edge["pkg"]))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[expect(clippy::unwrap_used, reason = "without cargo there is no such test")]
fn metadata() -> Value {
    // Of this machine's platform alone: what others need was never downloaded.
    let version = String::from_utf8(cargo(&["-vV"], |_| {}).stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let arguments = [
        "metadata",
        "--format-version=1",
        "--locked",
        "--filter-platform",
        host,
        "--manifest-path",
        concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
    ];
    let output = offline_first(&arguments, |_| {});
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs cargo without the network; with it only if something was never downloaded.
#[track_caller]
fn offline_first(arguments: &[&str], shape: impl Fn(&mut Command)) -> Output {
    let offline = [arguments, &["--offline"]].concat();
    let first = cargo(&offline, &shape);
    let output = if first.status.success() || !said(&first).contains("--offline") {
        first
    } else {
        cargo(arguments, &shape)
    };
    assert!(output.status.success(), "cargo {arguments:?}\n{}", said(&output));
    output
}

#[expect(clippy::unwrap_used, reason = "without cargo there is no such test")]
fn cargo(arguments: &[&str], shape: impl Fn(&mut Command)) -> Output {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments);
    shape(&mut command);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}\n{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

#[test]
fn the_domain_depends_on_nobody_of_ours_and_on_nothing_that_opens_a_socket_or_a_file() {
    let workspace = Workspace::read();
    assert_eq!(workspace.ours(DOMAIN), BTreeSet::new());
    let unforeseen: Vec<&str> = workspace
        .uses(DOMAIN)
        .into_iter()
        .filter(|name| !DOMAIN_USES.contains(name))
        .collect();
    assert_eq!(
        unforeseen,
        Vec::<&str>::new(),
        "new in the domain: is it pure? then add it to the list"
    );
    let compiled = workspace.closure(DOMAIN);
    assert!(compiled.contains("sha2"), "the graph was not read: {compiled:?}");
    for name in NEVER_IN_THE_DOMAIN {
        assert!(!compiled.contains(name), "{name} came in by another dependency");
    }
}

/// What several adapters share: protocols, and the tables of the SQL stores; no port.
const SHARED: [&str; 3] = ["phoneproof-sms-http", "phoneproof-smtp", "phoneproof-store-rows"];

#[test]
fn an_adapter_depends_on_the_domain_alone() {
    let workspace = Workspace::read();
    let adapters = workspace.adapters();
    assert!(adapters.len() >= 4, "adapters were not found: {adapters:?}");
    for adapter in adapters {
        let mut known = workspace.ours(adapter);
        known.retain(|name| !SHARED.contains(name));
        // What is shared knows no more than its users, and less than the domain if it can.
        known.insert(DOMAIN);
        assert_eq!(known, BTreeSet::from([DOMAIN]), "{adapter}");
    }
}

#[test]
fn only_the_app_and_the_tests_know_adapters_and_nobody_knows_the_app_but_the_tests() {
    let workspace = Workspace::read();
    let adapters: BTreeSet<&str> = workspace.adapters().into_iter().collect();
    for (name, known) in workspace.crates.keys().map(|name| (name, workspace.ours(name))) {
        let outer = [APP, TESTS].contains(&name.as_str());
        let others: BTreeSet<&str> = adapters
            .iter()
            .copied()
            .filter(|adapter| !SHARED.contains(adapter))
            .collect();
        assert!(outer || known.is_disjoint(&others), "{name} knows {known:?}");
        assert!(name == TESTS || !known.contains(APP), "{name} knows the app");
        assert!(!known.contains(TESTS), "{name} knows the tests");
    }
    // Every crate has its place: a new folder must not escape these rules.
    let placed = adapters.into_iter().chain([DOMAIN, APP, TESTS]).collect();
    let all: BTreeSet<&str> = workspace.crates.keys().map(String::as_str).collect();
    assert_eq!(all, placed);
}

#[test]
fn one_file_of_the_app_names_the_adapters_that_are_chosen_by_name() {
    let workspace = Workspace::read();
    let sources = workspace.root().join("app/src");
    for (adapter, files) in [
        ("phoneproof_store_sqlite", vec!["stores.rs"]),
        ("phoneproof_store_postgres", vec!["stores.rs"]),
        ("phoneproof_identity_jwt", vec!["wiring.rs"]),
    ] {
        assert_eq!(naming(&sources, adapter), files, "{adapter}");
    }
}

/// The files under `folder` that name a crate.
#[expect(clippy::unwrap_used, reason = "sources that cannot be read have failed the test")]
fn naming(folder: &Path, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(naming(&path, name));
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && std::fs::read_to_string(&path).unwrap().contains(name)
        {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    found.sort();
    found
}

#[test]
fn no_crate_may_be_unsafe() {
    let workspace = Workspace::read();
    let root = std::fs::read_to_string(workspace.root().join("Cargo.toml")).unwrap();
    let lints = root.split("[workspace.lints.rust]\n").nth(1).unwrap();
    let rust = lints.split("\n[").next().unwrap();
    assert!(rust.lines().any(|line| line == "unsafe_code = \"forbid\""), "{rust}");
    for name in workspace.crates.keys() {
        let manifest = std::fs::read_to_string(workspace.manifest(name)).unwrap();
        assert!(
            manifest.contains("[lints]\nworkspace = true\n"),
            "{name} does without the workspace's lints"
        );
    }
}

#[test]
fn a_provider_outside_this_workspace_needs_one_crate_and_passes_the_conformance_suite() {
    let workspace = Workspace::read();
    let folder = tempfile::tempdir().unwrap();
    write_provider(folder.path(), &workspace);
    // Below our own target folder, so that only the first run compiles the dependencies.
    let target = workspace.target().join("provider-outside");
    let here = |command: &mut Command| {
        command.current_dir(folder.path()).env("CARGO_TARGET_DIR", &target);
    };
    let output = offline_first(&["test", "--quiet"], here);
    // The next run's folder has another name: what was made of this one is of no use to it.
    let _ = cargo(&["clean", "--quiet", "--offline", "--package", "sms-acme"], here);
    assert!(said(&output).contains("3 passed"), "{}", said(&output));

    // It came out with the very versions that the server is built with.
    let ours = versions(&workspace.root().join("Cargo.lock"));
    let theirs = versions(&folder.path().join("Cargo.lock"));
    let own = |package: &&String| !package.starts_with("sms-acme ");
    let others: Vec<&String> = theirs.iter().filter(own).filter(|one| !ours.contains(*one)).collect();
    assert_eq!(others, Vec::<&String>::new());
}

/// The packages of a lock file as `name version`.
#[expect(clippy::unwrap_used, reason = "a lock file that cannot be read has failed the test")]
fn versions(lock: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(lock).unwrap();
    let packages = text.split("[[package]]\n").skip(1);
    let value = |package: &str, key: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    packages
        .map(|package| format!("{} {}", value(package, "name = "), value(package, "version = ")))
        .collect()
}

/// The crate of a team that has a carrier of its own.
#[expect(clippy::unwrap_used, reason = "a crate that cannot be written has failed the test")]
fn write_provider(folder: &Path, workspace: &Workspace) {
    let domain = workspace.manifest(DOMAIN);
    let domain = domain.parent().unwrap().display();
    std::fs::create_dir_all(folder.join("src")).unwrap();
    std::fs::create_dir_all(folder.join("tests")).unwrap();
    std::fs::write(
        folder.join("Cargo.toml"),
        MANIFEST.replace("DOMAIN", &domain.to_string()),
    )
    .unwrap();
    std::fs::write(folder.join("src/lib.rs"), PROVIDER).unwrap();
    std::fs::write(folder.join("tests/conformance.rs"), CONFORMANCE).unwrap();
    std::fs::copy(workspace.root().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
}

const MANIFEST: &str = r#"
[package]
name = "sms-acme"
version = "0.1.0"
edition = "2024"
publish = false

[workspace]

[dependencies]
phoneproof-domain = { path = "DOMAIN" }
async-trait = "0.1"

[dev-dependencies]
phoneproof-domain = { path = "DOMAIN", features = ["conformance", "mock"] }
tokio = { version = "1", features = ["rt", "macros"] }

[profile.dev]
debug = false
incremental = false

[lib]
doctest = false
"#;

const PROVIDER: &str = r#"
//! Texts through Acme, or whatever stands behind its `Line`.
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use phoneproof_domain::ports::{Receipt, SendError, Sms, SmsGateway};

pub struct AcmeSms {
    sent: AtomicU64,
    up: bool,
}

impl AcmeSms {
    pub fn new(up: bool) -> Self {
        Self { sent: AtomicU64::new(0), up }
    }
}

#[async_trait]
impl SmsGateway for AcmeSms {
    async fn send(&self, sms: &Sms) -> Result<Receipt, SendError> {
        if !self.up {
            return Err(SendError::Unavailable("the line is down".into()));
        }
        assert!(sms.code.as_ref().is_none_or(|code| sms.body().contains(code.reveal())));
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        Ok(Receipt::of(format!("acme-{number}")))
    }
}
"#;

const CONFORMANCE: &str = r#"
use phoneproof_domain::conformance::sms_gateway;
use phoneproof_domain::ports::{MockSmsGateway, Receipt, SendError, SmsGateway};
use sms_acme::AcmeSms;

#[tokio::test]
async fn takes_texts() {
    sms_gateway::takes_texts(&AcmeSms::new(true), &"+14155552671".parse().unwrap()).await;
}

#[tokio::test]
async fn says_that_the_line_is_down() {
    let down = |error: &SendError| matches!(error, SendError::Unavailable(_));
    sms_gateway::fails(&AcmeSms::new(false), &"+14155552671".parse().unwrap(), down).await;
}

/// The suite is no rubber stamp: a gateway that gives one receipt twice does not pass.
#[tokio::test]
#[should_panic(expected = "two texts share one")]
async fn a_gateway_that_repeats_its_receipts_does_not_pass() {
    let mut gateway = MockSmsGateway::new();
    gateway.expect_send().returning(|_| Ok(Receipt::of("again")));
    let gateway: &dyn SmsGateway = &gateway;
    sms_gateway::takes_texts(gateway, &"+14155552671".parse().unwrap()).await;
}
"#;
