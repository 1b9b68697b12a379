//! `[tls]`: serve https ourselves. Without it, something in front of us must.

use std::path::{Path, PathBuf};

use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde::Deserialize;

use super::Problems;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    certificate: Option<PathBuf>,
    private_key: Option<PathBuf>,
}

pub struct Tls {
    pub server: rustls::ServerConfig,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl File {
    pub(super) fn resolve(self, base: &Path, problems: &mut Problems) -> Option<Tls> {
        match (self.certificate, self.private_key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                let server = server(&base.join(certificate), &base.join(key));
                problems.take("tls", server).map(|server| Tls { server })
            }
            (Some(_), None) => {
                problems.add("tls.private_key", "it is missing, but there is a certificate");
                None
            }
            (None, Some(_)) => {
                problems.add("tls.certificate", "it is missing, but there is a private key");
                None
            }
        }
    }
}

/// TLS 1.2 and 1.3 on `ring`, HTTP/1.1 only.
fn server(certificate: &Path, key: &Path) -> Result<rustls::ServerConfig, String> {
    let bad = |file: &Path, e: &dyn std::fmt::Display| format!("`{}`: {e}", file.display());
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| bad(certificate, &e))?;
    let key_der = PrivateKeyDer::from_pem_file(key).map_err(|e| bad(key, &e))?;
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, key_der)
        .map_err(|e| bad(certificate, &e))
}
