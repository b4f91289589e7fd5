//! The client against a registry of its own on loopback.

use std::error::Error;

use phoneproof_sdk_npm::{Integrity, Registry, RegistryError, Release, Selector};
use serde_json::json;
use url::Url;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const TARBALL: &[u8] = b"a tarball";

/// A registry below a path, as mirrors are, whose tarballs are where it says.
#[expect(
    clippy::unwrap_used,
    reason = "a test that cannot prepare its files or requests has failed"
)]
async fn registry(tarball: &str) -> (MockServer, Registry) {
    let server = MockServer::start().await;
    let named = tarball.replace("REGISTRY", &server.uri());
    let dist = |integrity: &str| json!({ "dist": { "tarball": named, "integrity": integrity } });
    let list = json!({
        "name": "@clerk/ui",
        "dist-tags": { "latest": "1.36.0", "canary": "1.37.0-canary.v1" },
        "versions": {
            "1.36.0": dist(&Integrity::of(TARBALL).to_string()),
            "1.9.0": dist("sha1-qZk+NkcGgWq6PiVxeFDCbJzQ2J0="),
            "1.37.0-canary.v1": { "dist": { "tarball": named } },
        },
    });
    Mock::given(method("GET"))
        .and(path("/npm/@clerk%2fui"))
        .and(header("accept", "application/vnd.npm.install-v1+json"))
        .respond_with(ResponseTemplate::new(200).set_body_json(list))
        .mount(&server)
        .await;
    Mock::given(path("/npm/@clerk%2fbroken"))
        .respond_with(ResponseTemplate::new(200).set_body_string("<html>"))
        .mount(&server)
        .await;
    Mock::given(path("/npm/@clerk%2fsecret"))
        .respond_with(ResponseTemplate::new(401))
        .mount(&server)
        .await;
    Mock::given(path("/npm/@clerk/ui/-/ui-1.36.0.tgz"))
        .respond_with(ResponseTemplate::new(200).set_body_bytes(TARBALL))
        .mount(&server)
        .await;
    Mock::given(path("/moved"))
        .respond_with(ResponseTemplate::new(302).insert_header("location", "/npm/@clerk/ui/-/ui-1.36.0.tgz"))
        .mount(&server)
        .await;
    let base = Url::parse(&format!("{}/npm", server.uri())).unwrap();
    let registry = Registry::new(&base).unwrap();
    (server, registry)
}

#[expect(
    clippy::unwrap_used,
    reason = "a test that cannot prepare its files or requests has failed"
)]
async fn find(registry: &Registry, selector: &str) -> Result<Release, RegistryError> {
    registry.find("@clerk/ui", &selector.parse::<Selector>().unwrap()).await
}

#[tokio::test]
async fn a_version_is_found_by_its_number_its_major_and_its_tag() {
    let (_server, registry) = registry("REGISTRY/npm/@clerk/ui/-/ui-1.36.0.tgz").await;
    for (selector, version, verifiable) in [
        ("1", "1.36.0", true),
        ("1.36.0", "1.36.0", true),
        ("latest", "1.36.0", true),
        ("canary", "1.37.0-canary.v1", false),
        // SHA-1 is no checksum to rely on.
        ("1.9.0", "1.9.0", false),
    ] {
        let release = find(&registry, selector).await.unwrap();
        assert_eq!(release.version.to_string(), version, "{selector}");
        assert_eq!(release.integrity.is_some(), verifiable, "{selector}");
    }
    for selector in ["2", "1.36.1", "snapshot"] {
        let refused = find(&registry, selector).await.unwrap_err();
        assert!(
            matches!(refused, RegistryError::UnknownVersion { .. }),
            "{selector}: {refused}"
        );
    }
}

#[tokio::test]
async fn a_tarball_comes_from_the_registry_that_is_configured_and_from_where_it_leads() {
    for named in [
        "REGISTRY/npm/@clerk/ui/-/ui-1.36.0.tgz",
        "REGISTRY/moved",
        "https://registry.npmjs.org/@clerk/ui/-/ui-1.36.0.tgz",
        "no address",
    ] {
        let (_server, registry) = registry(named).await;
        let release = find(&registry, "1.36.0").await.unwrap();
        let mut heard = Vec::new();
        let tarball = registry
            .download(&release, &mut |arrived, total| heard.push((arrived, total)))
            .await
            .unwrap();
        assert_eq!(tarball, TARBALL, "{named}");
        assert_eq!(release.integrity, Some(Integrity::of(&tarball)));
        assert_eq!(heard.last(), Some(&(9, Some(9))), "{named}");
    }
}

#[tokio::test]
async fn what_goes_wrong_is_said() {
    let (server, registry) = registry("REGISTRY/nowhere").await;
    let latest = Selector::Tag("latest".to_owned());
    let unknown = registry.find("@clerk/nothing", &latest).await.unwrap_err();
    assert!(matches!(unknown, RegistryError::UnknownPackage { .. }), "{unknown}");
    let broken = registry.find("@clerk/broken", &latest).await.unwrap_err();
    assert!(matches!(broken, RegistryError::Malformed { .. }), "{broken}");
    let refused = registry.find("@clerk/secret", &latest).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .ends_with("/npm/@clerk%2fsecret answers 401 Unauthorized"),
        "{refused}"
    );
    let release = find(&registry, "1.36.0").await.unwrap();
    let missing = registry.download(&release, &mut |_, _| {}).await.unwrap_err();
    assert!(
        missing.to_string().ends_with("/nowhere answers 404 Not Found"),
        "{missing}"
    );
    drop(server);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let nobody = Registry::new(&Url::parse(&format!("http://{address}/")).unwrap()).unwrap();
    let unreachable = nobody.find("@clerk/ui", &latest).await.unwrap_err();
    assert!(
        matches!(unreachable, RegistryError::Unreachable { .. }),
        "{unreachable}"
    );
    assert!(unreachable.source().is_some());
}
