//! `GET /npm/@clerk/<package>@<version>/dist/<file>`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::Path;

use phoneproof_tests::{Answer, Setup, TestApp};
use reqwest::Method;

use super::write;

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const ENTRY: &str = "clerk.browser.js";

/// A folder with two versions of clerk-js and one of ui, one of them with compressed scripts.
#[expect(
    clippy::unwrap_used,
    reason = "a test that cannot prepare its files or requests has failed"
)]
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    package(&root.join("@clerk/clerk-js@6.9.0"), "@clerk/clerk-js", "6.9.0", "old");
    let newest = root.join("@clerk/clerk-js@6.40.0");
    package(&newest, "@clerk/clerk-js", "6.40.0", "new");
    write(&newest.join("dist/clerk.browser.js.br"), "new by Brotli");
    write(&newest.join("dist/clerk.browser.js.gz"), "new by gzip");
    package(
        &root.join("@clerk/clerk-js@6.41.0-canary.v2"),
        "@clerk/clerk-js",
        "6.41.0-canary.v2",
        "canary",
    );
    // As `npm pack` and `tar` leave it: named by hand.
    package(&root.join("the ui"), "@clerk/ui", "1.36.0", "ui");
    write(&root.join("the ui/dist/ui.browser.js"), "ui");
    folder
}

fn package(folder: &Path, name: &str, version: &str, script: &str) {
    let manifest = format!(r#"{{ "name": "{name}", "version": "{version}" }}"#);
    write(&folder.join("package.json"), manifest);
    write(&folder.join("dist/clerk.browser.js"), script);
}

async fn app(folder: &Path, cdn: &str) -> TestApp {
    Setup::default()
        .option("PHONEPROOF__SDK__FOLDER", folder.display().to_string())
        .option("PHONEPROOF__SDK__CDN", cdn)
        .spawn()
        .await
}

async fn get(app: &TestApp, path: &str, headers: &[(&str, &str)]) -> Answer {
    let nobody = app.nobody();
    let request = nobody.request(Method::GET, path);
    let request = headers
        .iter()
        .fold(request, |request, (name, value)| request.header(*name, *value));
    nobody.send(request).await
}

/// The status and the body of a request whose path is sent as it is: clients resolve `..` by themselves.
#[expect(
    clippy::unwrap_used,
    reason = "a test that cannot prepare its files or requests has failed"
)]
fn raw(app: &TestApp, path: &str) -> String {
    let mut stream = TcpStream::connect(app.url.strip_prefix("http://").unwrap()).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_answers_by_version_major_and_tag_and_is_kept_as_long_as_it_stays_the_same() {
    const FOR_EVER: &str = "public, max-age=31536000, immutable";
    const BRIEFLY: &str = "public, max-age=300";
    let folder = folder();
    let app = app(folder.path(), "").await;
    for (package, file, content, cached) in [
        ("clerk-js@6.40.0", ENTRY, "new", FOR_EVER),
        ("clerk-js@6.9.0", ENTRY, "old", FOR_EVER),
        ("clerk-js@6.41.0-canary.v2", ENTRY, "canary", FOR_EVER),
        // By number, not by letters; and no prerelease.
        ("clerk-js@6", ENTRY, "new", BRIEFLY),
        ("clerk-js@latest", ENTRY, "new", BRIEFLY),
        ("clerk-js@canary", ENTRY, "canary", BRIEFLY),
        ("ui@1", "ui.browser.js", "ui", BRIEFLY),
        ("ui@1.36.0", "ui.browser.js", "ui", FOR_EVER),
    ] {
        // An absolute `proxyUrl` with a slash at its end gives two.
        for slash in ["", "/"] {
            let answer = get(&app, &format!("{slash}/npm/@clerk/{package}/dist/{file}"), &[]).await;
            assert_eq!((answer.status, answer.text.as_str()), (200, content), "{package}");
            assert_eq!(answer.header("cache-control"), Some(cached), "{package}");
            assert_eq!(answer.header("content-type"), Some(JAVASCRIPT));
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
            assert_eq!(answer.header("cross-origin-resource-policy"), Some("cross-origin"));
            assert_eq!(answer.header("set-cookie"), None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_and_origins_make_no_difference() {
    let folder = folder();
    let app = app(folder.path(), "").await;
    let headers = [
        ("origin", "https://anybody.example"),
        ("cookie", "__client=x; name=José"),
    ];
    let answer = get(&app, "/npm/@clerk/clerk-js@6/dist/clerk.browser.js", &headers).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "new"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    assert_eq!(answer.header("set-cookie"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_compressed_form_that_the_browser_accepts_is_sent_and_no_other() {
    let folder = folder();
    let app = app(folder.path(), "").await;
    let path = "/npm/@clerk/clerk-js@6.40.0/dist/clerk.browser.js";
    for (accepted, content, coding) in [
        ("gzip, deflate, br, zstd", "new by Brotli", Some("br")),
        ("gzip, deflate", "new by gzip", Some("gzip")),
        ("br;q=0.5, gzip", "new by gzip", Some("gzip")),
        ("br;q=0, gzip;q=0", "new", None),
        ("identity", "new", None),
        ("zstd", "new", None),
        ("*;q=0", "new", None),
        ("no, such;q=thing", "new", None),
    ] {
        let answer = get(&app, path, &[("accept-encoding", accepted)]).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, content), "{accepted}");
        assert_eq!(answer.header("content-encoding"), coding, "{accepted}");
        assert_eq!(answer.header("vary"), Some("Accept-Encoding"), "{accepted}");
        assert_eq!(
            answer.header("content-length"),
            Some(content.len().to_string().as_str())
        );
    }
    // What has no compressed form is sent as it is.
    let plain = get(
        &app,
        "/npm/@clerk/ui@1/dist/ui.browser.js",
        &[("accept-encoding", "br")],
    )
    .await;
    assert_eq!((plain.text.as_str(), plain.header("content-encoding")), ("ui", None));
    assert_eq!(plain.header("vary"), Some("Accept-Encoding"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_has_the_script_is_not_sent_it_again() {
    let folder = folder();
    let app = app(folder.path(), "").await;
    let path = "/npm/@clerk/clerk-js@6/dist/clerk.browser.js";
    let brotli = ("accept-encoding", "br");
    let first = get(&app, path, &[brotli]).await;
    let tag = first.header("etag").unwrap().to_owned();
    let plain = get(&app, path, &[]).await;
    assert_ne!(plain.header("etag"), Some(tag.as_str()), "other bytes, another tag");
    for asked in [
        tag.clone(),
        format!("W/{tag}"),
        format!("\"other\", {tag}"),
        "*".to_owned(),
    ] {
        let again = get(&app, path, &[brotli, ("if-none-match", &asked)]).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{asked}");
        for name in ["etag", "cache-control", "vary", "access-control-allow-origin"] {
            assert_eq!(again.header(name), first.header(name), "{asked}: {name}");
        }
    }
    for asked in ["\"other\"", "not a tag", plain.header("etag").unwrap()] {
        let again = get(&app, path, &[brotli, ("if-none-match", asked)]).await;
        assert_eq!(again.status, 200, "{asked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_script_arrives_whole() {
    let folder = folder();
    let lines: Vec<String> = (0..300_000).map(|line| line.to_string()).collect();
    let large = lines.join(";\n");
    write(&folder.path().join("the ui/dist/large.js"), &large);
    let app = app(folder.path(), "").await;
    let answer = get(&app, "/npm/@clerk/ui@1.36.0/dist/large.js", &[]).await;
    assert_eq!(answer.header("content-length"), Some(large.len().to_string().as_str()));
    assert!(answer.text == large, "other bytes arrived");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_the_scripts_in_the_folder_is_reachable() {
    let folder = folder();
    let root = folder.path();
    let outside = tempfile::tempdir().unwrap();
    write(&outside.path().join("secret.js"), "SECRET");
    package(&outside.path().join("package"), "@clerk/ui", "9.0.0", "SECRET");
    let dist = root.join("the ui/dist");
    symlink(outside.path().join("secret.js"), dist.join("linked.js")).unwrap();
    symlink(outside.path(), dist.join("folder")).unwrap();
    symlink(outside.path().join("package"), root.join("@clerk/ui@9.0.0")).unwrap();
    package(&root.join("linked"), "@clerk/ui", "8.0.0", "x");
    std::fs::remove_dir_all(root.join("linked/dist")).unwrap();
    symlink(outside.path(), root.join("linked/dist")).unwrap();
    write(&dist.join("notes.txt"), "SECRET");
    write(&dist.join("deep/secret.js"), "SECRET");
    write(&dist.join(".hidden.js"), "SECRET");
    write(&root.join("secret.js"), "SECRET");
    let app = app(root, "").await;
    let there = raw(&app, "/npm/@clerk/ui@1.36.0/dist/ui.browser.js");
    assert!(
        there.starts_with("HTTP/1.1 200") && there.ends_with("\r\n\r\nui"),
        "{there}"
    );
    for path in [
        "/npm/@clerk/ui@1.36.0/dist/linked.js",
        "/npm/@clerk/ui@1.36.0/dist/folder/secret.js",
        "/npm/@clerk/ui@9.0.0/dist/clerk.browser.js",
        "/npm/@clerk/ui@8.0.0/dist/secret.js",
        "/npm/@clerk/ui@1.36.0/dist/notes.txt",
        "/npm/@clerk/ui@1.36.0/dist/deep/secret.js",
        "/npm/@clerk/ui@1.36.0/dist/.hidden.js",
        "/npm/@clerk/ui@1.36.0/dist/../../secret.js",
        "/npm/@clerk/ui@1.36.0/dist/..%2f..%2fsecret.js",
        "/npm/@clerk/ui@1.36.0/dist/%2e%2e%2f%2e%2e%2fsecret.js",
        "/npm/@clerk/ui@1.36.0/dist/..%5c..%5csecret.js",
        "/npm/@clerk/ui@1.36.0/dist/%252e%252e%252fsecret.js",
        "/npm/@clerk/ui@1.36.0/dist/deep%2fsecret.js",
        "/npm/@clerk/ui@1.36.0/dist/%2fetc%2fpasswd",
        "/npm/@clerk/ui@1.36.0/dist/ui.browser.js%00.js",
        "/npm/@clerk/ui@1.36.0/dist/ui.browser.js%00",
        "/npm/@clerk/ui@1.36.0/dist/%ff.js",
        "/npm/@clerk/ui@1.36.0/dist/.js",
        "/npm/@clerk/ui@1.36.0/dist/",
        "/npm/@clerk/ui@1.36.0/dist",
        "/npm/@clerk/ui@1.36.0/package.json",
        "/npm/@clerk/ui@..%2f../dist/secret.js",
        "/npm/@clerk/..@1/dist/secret.js",
        "/npm/@clerk/../../secret.js",
        "/npm/../secret.js",
    ] {
        let answer = raw(&app, path);
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
        assert!(answer.contains(r#""code":"resource_not_found""#), "{path}: {answer}");
        assert!(answer.contains("clerk_trace_id"), "{path}: {answer}");
        assert!(!answer.contains("SECRET"), "{path}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_an_error_that_says_what_to_do() {
    let folder = folder();
    let app = app(folder.path(), "").await;
    for (path, words) in [
        ("clerk-js@7/dist/clerk.browser.js", "sdk add @clerk/clerk-js@7`"),
        ("ui@1.37.0/dist/ui.browser.js", "sdk add @clerk/ui@1.37.0`"),
        ("ui@1.36.0/dist/9_ui_58d0c7_1.36.0.js", "has no script dist/9_ui"),
        ("nextjs@7/dist/index.js", "@clerk/clerk-js and @clerk/ui alone"),
        ("ui@one.two/dist/ui.browser.js", "has no version"),
        ("ui@^1/dist/ui.browser.js", "has no version"),
        ("ui@1.36.0/dist/ui.browser.js.map", "names no script"),
    ] {
        let answer = get(&app, &format!("/npm/@clerk/{path}"), &[]).await;
        let text = answer.is_error(404, "resource_not_found").json["errors"][0]["long_message"].clone();
        assert!(text.as_str().unwrap().contains(words), "{path}: {text}");
        assert!(!text.as_str().unwrap().contains("set sdk.folder"), "it is set");
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        // A page, too: a success would keep the SDK from asking again.
        let told = get(&app, &format!("/npm/@clerk/{path}"), &[("sec-fetch-dest", "script")]).await;
        told.is_error(404, "resource_not_found");
        assert_eq!(told.header("access-control-allow-origin"), Some("*"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_told_on_its_console_if_nothing_of_a_package_is_here() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    package(&root.join("@clerk/clerk-js@6.40.0"), "@clerk/clerk-js", "6.40.0", "new");
    // Without a script it is as if it were not here.
    write(
        &root.join("@clerk/ui@1.36.0/package.json"),
        r#"{ "name": "@clerk/ui", "version": "1.36.0" }"#,
    );
    let app = app(root, "").await;
    for (path, status) in [
        ("ui@1/dist/ui.browser.js", 200),
        ("ui@1.36.0/dist/ui.browser.js", 200),
        ("ui@1.36.0/dist/.js", 404),
        ("ui@one.two/dist/ui.browser.js", 404),
        ("clerk-js@6/dist/clerk.browser.js", 200),
        ("clerk-js@7/dist/clerk.browser.js", 404),
        ("clerk-js@6/dist/nothing.js", 404),
        ("react@6/dist/index.js", 404),
    ] {
        let told = get(&app, &format!("/npm/@clerk/{path}"), &[("sec-fetch-dest", "script")]).await;
        assert_eq!(told.status, status, "{path}");
        if !path.starts_with("ui") || status == 404 {
            continue;
        }
        let error = get(&app, &format!("/npm/@clerk/{path}"), &[]).await;
        let text = error.is_error(404, "resource_not_found").json["errors"][0]["long_message"].clone();
        let shown = serde_json::json!(format!("PhoneProof: {}", text.as_str().unwrap()));
        assert_eq!(told.text, format!("console.error({shown});\n"), "{path}");
        assert_eq!(told.header("content-type"), Some(JAVASCRIPT));
        assert_eq!(told.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(told.header("access-control-allow-origin"), Some("*"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_of_others_in_the_folder_keep_no_server_from_its_start() {
    let folder = folder();
    let root = folder.path();
    for broken in ["something", "@clerk/broken"] {
        write(&root.join(broken).join("package.json"), "no JSON");
    }
    write(&root.join("number/package.json"), "1");
    package(&root.join("react"), "react", "19.0.0", "react");
    let app = app(root, "").await;
    let here = get(&app, "/npm/@clerk/clerk-js@6/dist/clerk.browser.js", &[]).await;
    assert_eq!((here.status, here.text.as_str()), (200, "new"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_folder_the_error_names_the_option() {
    let app = TestApp::with("PHONEPROOF__SDK__CDN", "").spawn().await;
    let answer = get(&app, "/npm/@clerk/clerk-js@6/dist/clerk.browser.js", &[]).await;
    let text = answer.is_error(404, "resource_not_found").json["errors"][0]["long_message"].to_string();
    for words in ["set sdk.folder", "phoneproof sdk add @clerk/clerk-js@6", "sdk.cdn"] {
        assert!(text.contains(words), "no {words:?}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_in_the_folder_is_on_the_cdn_that_is_configured() {
    let folder = folder();
    for cdn in ["https://cdn.example.com/npm", "https://cdn.example.com/npm/"] {
        let app = app(folder.path(), cdn).await;
        for (path, place) in [
            (
                "clerk-js@7/dist/clerk.browser.js",
                Some("@clerk/clerk-js@7/dist/clerk.browser.js"),
            ),
            (
                "ui@1.37.0/dist/a_ui_58d0c7_1.37.0.js",
                Some("@clerk/ui@1.37.0/dist/a_ui_58d0c7_1.37.0.js"),
            ),
            ("ui@beta/dist/ui.browser.js", Some("@clerk/ui@beta/dist/ui.browser.js")),
            // No way to send a browser to whatever an address says.
            ("ui@1.37.0/dist/..%2f..%2fx.js", None),
            ("ui@1.37.0/dist/x.html", None),
            ("react@6/dist/x.js", None),
            // The package is here, and does not have it there either.
            ("ui@1/dist/nothing.js", None),
        ] {
            let answer = get(&app, &format!("/npm/@clerk/{path}"), &[]).await;
            let Some(place) = place else {
                answer.is_error(404, "resource_not_found");
                continue;
            };
            let place = format!("https://cdn.example.com/npm/{place}");
            assert_eq!(
                (answer.status, answer.header("location")),
                (302, Some(place.as_str())),
                "{path}"
            );
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
            assert_eq!(answer.header("cache-control"), Some("public, max-age=300"), "{path}");
        }
        let here = get(&app, "/npm/@clerk/clerk-js@6/dist/clerk.browser.js", &[]).await;
        assert_eq!((here.status, here.text.as_str()), (200, "new"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_development_has_a_cdn_without_being_told() {
    let path = "/npm/@clerk/clerk-js@6/dist/clerk.browser.js";
    let development = TestApp::spawn().await;
    let answer = get(&development, path, &[]).await;
    let place = "https://cdn.jsdelivr.net/npm/@clerk/clerk-js@6/dist/clerk.browser.js";
    assert_eq!((answer.status, answer.header("location")), (302, Some(place)));
    let production = TestApp::with("PHONEPROOF__ENVIRONMENT", "production")
        .option("PHONEPROOF__KEYS__PUBLISHABLE_KEY", "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k")
        .option("PHONEPROOF__SMS__GATEWAYS__MAIN__PROVIDER", "console")
        .spawn()
        .await;
    get(&production, path, &[]).await.is_error(404, "resource_not_found");
}
