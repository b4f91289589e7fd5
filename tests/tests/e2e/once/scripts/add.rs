//! `phoneproof sdk add`, beside a registry on loopback.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use phoneproof_tests::Program;
use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{integrity, tarball, write};

type Options = BTreeMap<String, String>;

const NAME: &str = "@clerk/clerk-js";

/// A long script, which is worth compressing, and a short one.
fn scripts() -> [(&'static str, &'static str); 2] {
    const LONG: &str = include_str!("../../../../../docs/openapi.json");
    [("clerk.browser.js", LONG), ("1_clerk.browser_a68c22.js", "1")]
}

/// A registry with these versions of clerk-js, each with what the registry says its checksum is.
async fn registry(versions: &[(&str, &[u8], Option<&str>)], tags: Value) -> MockServer {
    let server = MockServer::start().await;
    let mut list = serde_json::Map::new();
    for (version, tarball, checksum) in versions {
        let place = format!("/{NAME}/-/clerk-js-{version}.tgz");
        let dist = json!({ "tarball": format!("{}{place}", server.uri()), "integrity": checksum });
        list.insert((*version).to_owned(), json!({ "dist": dist }));
        Mock::given(path(place))
            .respond_with(ResponseTemplate::new(200).set_body_bytes(*tarball))
            .mount(&server)
            .await;
    }
    Mock::given(path("/@clerk%2fclerk-js"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "dist-tags": tags, "versions": list })))
        .mount(&server)
        .await;
    server
}

fn options(folder: &Path, registry: &str) -> Options {
    [
        ("FOLDER", folder.display().to_string()),
        ("REGISTRY", registry.to_owned()),
    ]
    .map(|(name, value)| (format!("PHONEPROOF__SDK__{name}"), value))
    .into()
}

/// Runs the command off the threads that the registry answers on.
#[expect(
    clippy::unwrap_used,
    reason = "a test that cannot prepare its files or requests has failed"
)]
async fn run(options: &Options, arguments: &[&str]) -> (Option<i32>, String, String) {
    let (options, arguments) = (options.clone(), [&["sdk", "add"], arguments].concat().join(" "));
    let output = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        Program::run(&arguments, &options)
    });
    let output = output.await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

async fn adds(options: &Options, arguments: &[&str]) -> String {
    let (code, printed, complaint) = run(options, arguments).await;
    assert_eq!(code, Some(0), "{arguments:?}: {printed}{complaint}");
    printed
}

/// Expects one line with all these words, and that nothing is added.
async fn fails(options: &Options, arguments: &[&str], words: &[&str]) {
    let folder = Path::new(&options["PHONEPROOF__SDK__FOLDER"]);
    let before = names(&folder.join("@clerk"));
    let (code, printed, complaint) = run(options, arguments).await;
    assert_eq!((code, printed.as_str()), (Some(1), ""), "{arguments:?}: {complaint}");
    let told = complaint.lines().last().unwrap_or_default();
    for word in ["phoneproof: "].iter().chain(words) {
        assert!(told.contains(word), "no {word:?} in: {complaint}");
    }
    let errors = complaint.lines().filter(|line| line.starts_with("phoneproof: "));
    assert_eq!(errors.count(), 1, "{complaint}");
    assert_eq!(names(&folder.join("@clerk")), before, "{arguments:?}");
}

/// What is in a folder, hidden files too; nothing where there is none.
#[expect(
    clippy::unwrap_used,
    reason = "a test that cannot prepare its files or requests has failed"
)]
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_is_fetched_verified_unpacked_compressed_and_served() {
    let package = tarball(NAME, "6.39.0", &scripts());
    let registry = registry(&[("6.39.0", &package, Some(&integrity(&package)))], json!({})).await;
    let folder = tempfile::tempdir().unwrap();
    // Not there yet.
    let root = folder.path().join("sdk");
    let mut options = options(&root, &registry.uri());
    let printed = adds(&options, &["@clerk/clerk-js@6"]).await;
    assert!(printed.starts_with("@clerk/clerk-js 6.39.0: 2 scripts, "), "{printed}");

    assert_eq!(names(&root.join("@clerk")), ["clerk-js@6.39.0"]);
    let place = root.join("@clerk/clerk-js@6.39.0");
    assert_eq!(names(&place), ["LICENSE", "dist", "integrity", "package.json"]);
    // One byte has no shorter form.
    let files = [
        "1_clerk.browser_a68c22.js",
        "clerk.browser.js",
        "clerk.browser.js.br",
        "clerk.browser.js.gz",
    ];
    assert_eq!(names(&place.join("dist")), files);
    let mode = std::fs::metadata(&place).unwrap().permissions().mode();
    assert_eq!(mode & 0o055, 0o055, "the server may run as somebody else: {mode:o}");

    // Again: nothing to do, and nobody to ask for a version that is named.
    let again = adds(&options, &["@clerk/clerk-js@6"]).await;
    assert_eq!(again, "@clerk/clerk-js 6.39.0 is there already.\n");
    drop(registry);
    let again = adds(&options, &["@clerk/clerk-js@6.39.0"]).await;
    assert_eq!(again, "@clerk/clerk-js 6.39.0 is there already.\n");

    let store = format!("sqlite://{}", folder.path().join("test.db").display());
    options.insert("PHONEPROOF__STORE__URL".to_owned(), store);
    options.insert("PHONEPROOF__SERVER__LISTEN".to_owned(), "127.0.0.1:0".to_owned());
    let program = Program::serve(&options);
    let nobody = program.actor(None);
    let [(name, content), _] = scripts();
    let script = nobody.get(&format!("/npm/@clerk/clerk-js@6/dist/{name}")).await;
    assert!(script.status == 200 && script.text == content, "{}", script.status);
    for coding in ["br", "gzip"] {
        let request = nobody.request(
            reqwest::Method::GET,
            &format!("/npm/@clerk/clerk-js@6.39.0/dist/{name}"),
        );
        let answer = nobody.send(request.header("accept-encoding", coding)).await;
        assert_eq!(answer.header("content-encoding"), Some(coding));
        let length: usize = answer.header("content-length").unwrap().parse().unwrap();
        assert!(length < content.len() / 4, "{coding}: {length} of {}", content.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_what_the_registry_says() {
    let package = tarball(NAME, "6.38.0", &scripts());
    let checksum = integrity(&package);
    let versions = [
        ("6.38.0", package.as_slice(), Some(checksum.as_str())),
        ("6.39.0", &package, Some(&checksum)),
    ];
    let registry = registry(&versions, json!({ "previous": "6.38.0" })).await;
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path(), &registry.uri());
    let printed = adds(&options, &["@clerk/clerk-js@previous"]).await;
    assert!(printed.starts_with("@clerk/clerk-js 6.38.0: "), "{printed}");
    fails(&options, &["@clerk/clerk-js@canary"], &["no @clerk/clerk-js@canary"]).await;
    // A tarball that says it is another version is none of this one.
    fails(&options, &["@clerk/clerk-js@6.39.0"], &["holds @clerk/clerk-js@6.38.0"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tarball_with_another_checksum_is_not_unpacked() {
    let (right, other) = (
        tarball(NAME, "6.39.0", &scripts()),
        tarball(NAME, "6.39.0", &[("evil.js", "evil()")]),
    );
    let (right_sum, other_sum) = (integrity(&right), integrity(&other));
    let folder = tempfile::tempdir().unwrap();
    let at = |server: &MockServer| options(folder.path(), &server.uri());
    let words = ["nothing was unpacked", "@clerk/clerk-js@6.39.0"];
    // What arrives is not what the registry promised.
    let lying = registry(&[("6.39.0", &other, Some(&right_sum))], json!({})).await;
    fails(
        &at(&lying),
        &["@clerk/clerk-js@6.39.0"],
        &[&words[..], &[&right_sum, &other_sum]].concat(),
    )
    .await;
    // It is, and the operator knows better.
    let honest = registry(&[("6.39.0", &other, Some(&other_sum))], json!({})).await;
    fails(
        &at(&honest),
        &["@clerk/clerk-js@6.39.0", "--integrity", &right_sum],
        &words,
    )
    .await;
    // The registry gives none to verify.
    let silent = registry(&[("6.39.0", &right, None)], json!({})).await;
    fails(&at(&silent), &["@clerk/clerk-js@6.39.0"], &["no sha512", "--integrity"]).await;
    assert_eq!(names(folder.path()), [""; 0]);
    let printed = adds(&at(&silent), &["@clerk/clerk-js@6.39.0", "--integrity", &right_sum]).await;
    assert!(printed.starts_with("@clerk/clerk-js 6.39.0: "), "{printed}");
    // Another one of the same version replaces nothing silently.
    let word = "is of another tarball; remove it";
    fails(
        &at(&silent),
        &["@clerk/clerk-js@6.39.0", "--integrity", &other_sum],
        &[word],
    )
    .await;
    fails(&at(&honest), &["@clerk/clerk-js@6"], &[word]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_tests_drive_is_verified_whatever_the_registry_says() {
    let other = tarball(NAME, "6.40.0", &scripts());
    let registry = registry(&[("6.40.0", &other, Some(&integrity(&other)))], json!({})).await;
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path(), &registry.uri());
    let pinned = "sha512-2MnZ/ygvuCmeuqfXQmsxfQaLN/SSJvQbtT2cLXbgr5VKr3KmZFZBVvX977fG3eZ6pprl4J9pO+I2bbe6BvColg==";
    for spec in ["@clerk/clerk-js@6.40.0", "@clerk/clerk-js@6"] {
        fails(&options, &[spec], &["nothing was unpacked", pinned]).await;
    }
    let file = folder.path().join("other.tgz");
    write(&file, &other);
    let file = file.display().to_string();
    fails(
        &options,
        &["@clerk/clerk-js@6.40.0", "--from", &file],
        &["nothing was unpacked", pinned],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tarballs_at_hand_need_no_registry() {
    let (clerk, ui) = (
        tarball(NAME, "6.39.0", &scripts()),
        tarball("@clerk/ui", "1.35.0", &[("ui.browser.js", "ui")]),
    );
    let folder = tempfile::tempdir().unwrap();
    let [clerk_file, ui_file] = [("c.tgz", &clerk), ("u.tgz", &ui)].map(|(name, content)| {
        let file = folder.path().join(name);
        write(&file, content);
        file.display().to_string()
    });
    let (clerk_sum, ui_sum) = (integrity(&clerk), integrity(&ui));
    // Nobody listens there.
    let options = options(&folder.path().join("sdk"), "http://127.0.0.1:1");
    let printed = adds(
        &options,
        &[
            "@clerk/clerk-js@6",
            "@clerk/ui@1.35.0",
            "--from",
            &clerk_file,
            "--from",
            &ui_file,
            "--integrity",
            &clerk_sum,
            "--integrity",
            &ui_sum,
        ],
    )
    .await;
    assert!(
        printed.starts_with("@clerk/clerk-js 6.39.0: ") && printed.contains("\n@clerk/ui 1.35.0: 1 scripts"),
        "{printed}"
    );

    let file = ["--from", &clerk_file];
    let with = |more: &[&'static str]| -> Vec<String> { more.iter().copied().chain(file).map(str::to_owned).collect() };
    for (arguments, words) in [
        (
            with(&["@clerk/clerk-js@6.38.0"]),
            ["@clerk/clerk-js@6.38.0: http://127.0.0.1:1/", "cannot be reached"],
        ),
        (with(&["@clerk/clerk-js@6"]), ["--integrity", "exact version"]),
        (
            with(&["@clerk/clerk-js@6", "@clerk/ui@1"]),
            ["--from", "1 times for 2 packages"],
        ),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        fails(&options, &arguments, &words).await;
    }
    for (spec, words) in [
        (
            "@clerk/clerk-js@7",
            ["@clerk/clerk-js@7: ", "holds @clerk/clerk-js@6.39.0"],
        ),
        ("@clerk/ui@6", ["@clerk/ui@6: ", "holds @clerk/clerk-js@6.39.0"]),
    ] {
        fails(
            &options,
            &[spec, "--from", &clerk_file, "--integrity", &clerk_sum],
            &words,
        )
        .await;
    }
    let missing = [
        "@clerk/clerk-js@6.39.1",
        "--from",
        "/nowhere.tgz",
        "--integrity",
        &clerk_sum,
    ];
    fails(&options, &missing, &["/nowhere.tgz"]).await;
    let broken = folder.path().join("broken.tgz");
    write(&broken, "no tarball");
    let broken = broken.display().to_string();
    let sum = integrity(b"no tarball");
    let arguments = ["@clerk/clerk-js@6.39.1", "--from", &broken, "--integrity", &sum];
    fails(&options, &arguments, &["no tarball that can be read"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_line_or_configuration_that_makes_no_sense_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path(), "http://127.0.0.1:1");
    for arguments in [
        &["@clerk/react@6"][..],
        &["@clerk/clerk-js"],
        &["@clerk/clerk-js@^6"],
        &["@clerk/clerk-js@6", "--integrity", "md5-x"],
    ] {
        let (code, printed, complaint) = run(&options, arguments).await;
        assert_eq!((code, printed.as_str()), (Some(2), ""), "{arguments:?}: {complaint}");
    }
    fails(
        &options,
        &["@clerk/clerk-js@6.39.0"],
        &["http://127.0.0.1:1/@clerk%2fclerk-js cannot be reached"],
    )
    .await;
    for registry in [
        "http://registry.example.com",
        "ftp://127.0.0.1",
        "https://me:secret@registry.example.com",
        "here",
    ] {
        options.insert("PHONEPROOF__SDK__REGISTRY".to_owned(), registry.to_owned());
        fails(&options, &["@clerk/clerk-js@6.39.0"], &["sdk.registry: "]).await;
    }
    options.remove("PHONEPROOF__SDK__FOLDER");
    options.remove("PHONEPROOF__SDK__REGISTRY");
    let (code, _, complaint) = run(&options, &["@clerk/clerk-js@6"]).await;
    assert_eq!(code, Some(1));
    assert!(complaint.starts_with("phoneproof: sdk.folder: not set"), "{complaint}");
}

#[test]
fn a_server_does_not_start_without_the_folder_that_it_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    write(&file, "");
    let store = format!("sqlite://{}", folder.path().join("test.db").display());
    for path in [folder.path().join("nowhere"), file] {
        let mut options = options(&path, "https://registry.npmjs.org");
        options.insert("PHONEPROOF__STORE__URL".to_owned(), store.clone());
        options.insert("PHONEPROOF__SERVER__LISTEN".to_owned(), "127.0.0.1:0".to_owned());
        options.insert("PHONEPROOF__LOG__LEVEL".to_owned(), "error".to_owned());
        for command in ["serve", "check-config"] {
            let output = Program::run(&[command], &options);
            let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{command}: {complaint}");
            assert_eq!(complaint.lines().count(), 1, "{command}: {complaint}");
            assert!(
                complaint.starts_with("phoneproof: sdk.folder: ") && complaint.contains("is no folder"),
                "{complaint}"
            );
        }
    }
}
