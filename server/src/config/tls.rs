//! `[tls]`: serve https ourselves. Without it, something in front of us must.

mod client;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::CipherSuite;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde::Deserialize;

use super::Problems;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    certificate: Option<PathBuf>,
    private_key: Option<PathBuf>,
    #[serde(default)]
    client_certificates: bool,
}

pub struct Tls {
    pub server: rustls::ServerConfig,
    /// Whether clients are asked for certificates.
    pub asks_clients: bool,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl File {
    pub(super) fn resolve(self, base: &Path, problems: &mut Problems) -> Option<Tls> {
        match (self.certificate, self.private_key) {
            (None, None) => {
                if self.client_certificates {
                    problems.add("tls.client_certificates", "https is not served here");
                }
                None
            }
            (Some(certificate), Some(key)) => {
                let asks_clients = self.client_certificates;
                let server = server(&base.join(certificate), &base.join(key), asks_clients);
                problems.take("tls", server).map(|server| Tls { server, asks_clients })
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

/// TLS 1.2 and 1.3 on `ring`, HTTP/1.1 only, and the suites of BCP 195: forward secrecy and
/// authenticated encryption throughout, no renegotiation, no compression, no early data.
fn server(
    certificate: &Path,
    key: &Path,
    asks_clients: bool,
) -> Result<rustls::ServerConfig, String> {
    let bad = |file: &Path, e: &dyn std::fmt::Display| format!("`{}`: {e}", file.display());
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| bad(certificate, &e))?;
    let key_der = PrivateKeyDer::from_pem_file(key).map_err(|e| bad(key, &e))?;
    server_config(chain, key_der, asks_clients).map_err(|e| bad(certificate, &e))
}

/// The same of what has been read.
pub(crate) fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    asks_clients: bool,
) -> Result<rustls::ServerConfig, String> {
    let provider = Arc::new(provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?;
    let builder = if asks_clients {
        builder.with_client_cert_verifier(Arc::new(client::AnyCertificate::new(&provider)))
    } else {
        builder.with_no_client_auth()
    };
    builder.with_single_cert(chain, key).map_err(|e| e.to_string())
}

/// RFC 9325 §4.2 recommends AES-GCM of TLS 1.2; what else `rustls` offers there is sound, but profiles
/// such as FAPI 2.0 take the recommendation for a rule.
fn provider() -> rustls::crypto::CryptoProvider {
    let mut provider = rustls::crypto::ring::default_provider();
    provider.cipher_suites.retain(|suite| {
        !matches!(
            suite.suite(),
            CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
                | CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
        )
    });
    provider
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9325 (BCP 195) §4.2: these are recommended of TLS 1.2, and §4.1 what must not be.
    #[test]
    fn only_suites_of_bcp_195_are_offered() {
        let recommended = [
            CipherSuite::TLS13_AES_256_GCM_SHA384,
            CipherSuite::TLS13_AES_128_GCM_SHA256,
            CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        ];
        let offered = provider().cipher_suites;
        assert_eq!(offered.len(), recommended.len());
        for suite in offered {
            assert!(recommended.contains(&suite.suite()), "{suite:?}");
        }
    }
}
