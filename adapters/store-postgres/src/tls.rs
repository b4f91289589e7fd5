//! TLS to the server, with its name verified.

use std::path::Path;
use std::sync::Arc;

use phoneproof_domain::ports::BoxError;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Trusts the authorities in the file, or else those of the operating system.
pub(crate) fn connector(authorities: Option<&Path>) -> Result<MakeRustlsConnect, BoxError> {
    let builder =
        ClientConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions()?;
    let config = match authorities {
        None => builder.with_platform_verifier()?.with_no_client_auth(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for certificate in CertificateDer::pem_file_iter(file)? {
                roots.add(certificate?)?;
            }
            if roots.is_empty() {
                return Err("there is no certificate in it".into());
            }
            builder.with_root_certificates(roots).with_no_client_auth()
        }
    };
    Ok(MakeRustlsConnect::new(config))
}
