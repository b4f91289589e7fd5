//! Providers are asked over TLS, and only those whose certificate the system trusts.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use phoneproof_tests::Program;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A provider at `localhost` with a certificate of an authority that `ca` is written to.
async fn provider(ca: &Path) -> SocketAddr {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(ca, authority.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let _ = stream.read(&mut [0; 8192]).await;
                let body = r#"{"sid": "SM7", "status": "accepted"}"#;
                let head = format!(
                    "HTTP/1.1 201 Created\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all((head + body).as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_is_trusted_by_its_certificate_alone() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let address = provider(&ca).await;
    let options = |authority: &Path| {
        let account = "AC0123456789abcdef0123456789abcdef";
        BTreeMap::from(
            [
                ("PHONEPROOF__SMS__GATEWAYS__MAIN__PROVIDER", "twilio".to_owned()),
                ("PHONEPROOF__SMS__GATEWAYS__MAIN__ACCOUNT_SID", account.to_owned()),
                ("PHONEPROOF__SMS__GATEWAYS__MAIN__AUTH_TOKEN", "x".to_owned()),
                ("PHONEPROOF__SMS__GATEWAYS__MAIN__FROM", "Acme".to_owned()),
                (
                    "PHONEPROOF__SMS__GATEWAYS__MAIN__BASE_URL",
                    format!("https://localhost:{}", address.port()),
                ),
                ("SSL_CERT_FILE", authority.display().to_string()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        )
    };
    let send = async |options: BTreeMap<String, String>| {
        let send = move || Program::run(&["sms", "send", "--to", "+14155552671"], &options);
        tokio::task::spawn_blocking(send).await.unwrap()
    };
    let trusted = send(options(&ca)).await;
    let said = String::from_utf8_lossy(&trusted.stdout).into_owned();
    assert!(
        said.starts_with("Taken by main as SM7"),
        "{said}{}",
        String::from_utf8_lossy(&trusted.stderr)
    );

    // Another authority: the connection is not made, and nothing was sent.
    let other = folder.path().join("other.pem");
    let _ = provider(&other).await;
    let refused = send(options(&other)).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("cannot be reached"),
        "{said}"
    );
}
