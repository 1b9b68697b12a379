//! Whom we believe on a TLS connection: the machine's roots, and the operator's own.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::OutboundError;

/// TLS by rustls over ring, passed explicitly: no process-wide provider is needed or changed.
pub(super) fn client_config(roots: RootCertStore) -> Result<ClientConfig, OutboundError> {
    Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| OutboundError::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// The machine's root certificates and those in `extra_ca_pem`.
///
/// The machine's unreadable certificates are passed over, for they may be anybody's; the
/// operator's own are an error.
pub(super) fn roots(extra_ca_pem: Option<&[u8]>) -> Result<RootCertStore, OutboundError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let Some(pem) = extra_ca_pem else { return Ok(roots) };
    let extra = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| OutboundError::ExtraCa(error.to_string()))?;
    if extra.is_empty() {
        return Err(OutboundError::ExtraCa("no certificate in it".to_owned()));
    }
    for certificate in extra {
        roots.add(certificate).map_err(|error| OutboundError::ExtraCa(error.to_string()))?;
    }
    Ok(roots)
}
