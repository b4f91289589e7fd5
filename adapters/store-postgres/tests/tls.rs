//! TLS: the server's certificate is verified, and nobody else's is taken.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::{Path, PathBuf};

use phoneproof_domain::ports::StoreHealth;
use phoneproof_store_postgres::testing::{Database, Server};
use phoneproof_store_postgres::{OpenError, Options, PostgresStore};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// An authority, as a file that trusts it.
fn authority(folder: &Path, name: &str) -> (CertifiedIssuer<'static, KeyPair>, PathBuf) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let file = folder.join(name);
    std::fs::write(&file, issuer.pem()).unwrap();
    (issuer, file)
}

/// Gives the server a certificate for `localhost` alone.
fn certify(server: &Server, issuer: &CertifiedIssuer<'static, KeyPair>) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    let data = server.data();
    std::fs::write(data.join("server.crt"), certificate.pem()).unwrap();
    std::fs::write(data.join("server.key"), key.serialize_pem()).unwrap();
    server.own(&["server.crt", "server.key"]);
    // Over TLS, or not at all.
    std::fs::write(
        data.join("pg_hba.conf"),
        "hostssl all all 127.0.0.1/32 trust\nhostnossl all all 127.0.0.1/32 reject\n",
    )
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_name_and_authority_are_verified() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, trusted) = authority(folder.path(), "ours.pem");
    let (_, foreign) = authority(folder.path(), "foreign.pem");
    let mut server = Server::start();
    let database = Database::create_on(&server.url());
    server.stop();
    certify(&server, &ours);
    server.resume_with("-c ssl=on");
    let at = |host: &str, file: &Path| {
        let url = database.url().replace("127.0.0.1", host);
        Options::at(format!("{url}?sslmode=verify-full&sslrootcert={}", file.display()))
    };

    let store = PostgresStore::open(&at("localhost", &trusted)).await.unwrap();
    store.check().await.unwrap();
    let encrypted = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE application_name = 'phoneproof'";
    let (client, driver) = {
        let connector = tokio_postgres_rustls::MakeRustlsConnect::new(
            rustls::ClientConfig::builder_with_provider(std::sync::Arc::new(
                rustls::crypto::aws_lc_rs::default_provider(),
            ))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates({
                let mut roots = rustls::RootCertStore::empty();
                roots.add(ours.der().clone()).unwrap();
                roots
            })
            .with_no_client_auth(),
        );
        let url = database.url().replace("127.0.0.1", "localhost");
        tokio_postgres::connect(&format!("{url}?sslmode=require"), connector)
            .await
            .unwrap()
    };
    tokio::spawn(driver);
    let all: bool = client.query_one(encrypted, &[]).await.unwrap().get(0);
    assert!(all);

    for (options, what) in [
        (at("localhost", &foreign), "another authority"),
        (at("127.0.0.1", &trusted), "another name"),
        (Options::at(database.url()), "no TLS"),
        (
            Options::at(format!("{}?sslmode=verify-full", database.url())),
            "the system's authorities",
        ),
    ] {
        let refused = PostgresStore::open(&options).await.err();
        assert!(
            matches!(
                refused,
                Some(OpenError::Unreachable { .. } | OpenError::Refused { .. } | OpenError::Other { .. })
            ),
            "{what}: {refused:?}"
        );
    }
    let missing = PostgresStore::open(&at("localhost", &folder.path().join("none.pem")))
        .await
        .err();
    assert!(matches!(missing, Some(OpenError::Authorities { .. })), "{missing:?}");
}
