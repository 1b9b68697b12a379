//! Whom we believe on a TLS connection: the machine's roots, and the operator's own.

use std::sync::Arc;

use rustls::{
    ClientConfig, ConfigBuilder, RootCertStore,
    client::WantsClientCert,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use super::OutboundError;

/// TLS by rustls over ring, passed explicitly: no process-wide provider is needed or changed.
pub(super) fn client_config(roots: Arc<RootCertStore>) -> Result<ClientConfig, OutboundError> {
    Ok(trusting(roots)?.with_no_client_auth())
}

/// The same for us as a client with a certificate (PEM) and its private key (PKCS#8, PEM).
pub(crate) fn identified(
    roots: Arc<RootCertStore>,
    certificate: &str,
    key: &str,
) -> Result<ClientConfig, String> {
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| "`client_certificate` is not PEM")?;
    if chain.is_empty() {
        return Err("`client_certificate`: there is no certificate in it".to_owned());
    }
    // What is wrong with a key is not quoted.
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|_| "`client_key` is not a private key in PEM")?;
    let config = trusting(roots).map_err(|error| error.to_string())?;
    config
        .with_client_auth_cert(chain, key)
        .map_err(|error| format!("`client_certificate` and `client_key`: {error}"))
}

fn trusting(
    roots: Arc<RootCertStore>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, OutboundError> {
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| OutboundError::Tls(error.to_string()))?
        .with_root_certificates(roots))
}

/// The machine's root certificates and those in `extra_ca_pem`.
///
/// The machine's unreadable certificates are passed over, for they may be anybody's; the
/// operator's own are an error.
pub(super) fn roots(extra_ca_pem: Option<&[u8]>) -> Result<RootCertStore, OutboundError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let Some(pem) = extra_ca_pem else { return Ok(roots) };
    add(&mut roots, pem)?;
    Ok(roots)
}

/// The certificates in `pem`, and no others.
pub(super) fn only(pem: &[u8]) -> Result<RootCertStore, OutboundError> {
    let mut roots = RootCertStore::empty();
    add(&mut roots, pem)?;
    Ok(roots)
}

fn add(roots: &mut RootCertStore, pem: &[u8]) -> Result<(), OutboundError> {
    let extra = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| OutboundError::ExtraCa(error.to_string()))?;
    if extra.is_empty() {
        return Err(OutboundError::ExtraCa("no certificate in it".to_owned()));
    }
    for certificate in extra {
        roots.add(certificate).map_err(|error| OutboundError::ExtraCa(error.to_string()))?;
    }
    Ok(())
}
