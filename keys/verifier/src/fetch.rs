//! The one way out: to the issuer, bounded in time and size, without redirects.

use std::{error::Error, net::IpAddr, sync::Arc, time::Duration};

use reqwest::{
    StatusCode, Url,
    header::{ACCEPT, CONTENT_TYPE},
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::{BuildError, Outage};

/// From the name's resolution to the last byte.
const DEADLINE: Duration = Duration::from_secs(5);
/// A status list of a million tokens.
const LONGEST: usize = 1024 * 1024;
const IDLE: Duration = Duration::from_secs(4);

pub(crate) const JSON: &[&str] = &["application/json", "application/jwk-set+json"];

#[derive(Clone, Debug)]
pub(crate) struct Fetch(reqwest::Client);

impl Fetch {
    #[expect(
        clippy::disallowed_methods,
        reason = "whoever uses this crate has no other; it is bounded here"
    )]
    pub(crate) fn new(extra_ca: Option<&[u8]>) -> Result<Self, BuildError> {
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| BuildError::Client(error.to_string()))?
            .with_root_certificates(roots(extra_ca)?)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .http1_only()
            .timeout(DEADLINE)
            .connect_timeout(DEADLINE)
            .pool_idle_timeout(IDLE)
            .user_agent(concat!("actas-verifier/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| BuildError::Client(error.to_string()))?;
        Ok(Self(client))
    }

    /// A plain 200 of one of these media types.
    pub(crate) async fn get(&self, url: &str, types: &[&str]) -> Result<Vec<u8>, Outage> {
        let unreachable = |why: String| Outage::Unreachable { url: url.to_owned(), why };
        let address = admitted(url)
            .ok_or_else(|| unreachable("it is neither https nor on loopback".to_owned()))?;
        let request = self.0.get(address).header(ACCEPT, types.join(", "));
        let failed = |error: reqwest::Error| unreachable(innermost(&error));
        let mut response = request.send().await.map_err(failed)?;
        if response.status() != StatusCode::OK {
            return Err(unreachable(format!("status {}", response.status().as_u16())));
        }
        let media = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media = media.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !types.iter().any(|one| one.eq_ignore_ascii_case(media)) {
            return Err(unreachable(format!("content type `{media}`")));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if LONGEST < body.len().saturating_add(chunk.len()) {
                return Err(unreachable("the answer is too long".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// https; or http to this very machine, where nobody is in between.
pub(crate) fn admitted(url: &str) -> Option<Url> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']);
    let local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match url.scheme() {
        "https" => Some(url),
        "http" if local => Some(url),
        _ => None,
    }
}

fn roots(extra_ca: Option<&[u8]>) -> Result<RootCertStore, BuildError> {
    let mut roots = RootCertStore::empty();
    // The machine's unreadable certificates are passed over, for they may be anybody's.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let Some(pem) = extra_ca else { return Ok(roots) };
    let extra = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| BuildError::ExtraCa(error.to_string()))?;
    if extra.is_empty() {
        return Err(BuildError::ExtraCa("there is no certificate in it".to_owned()));
    }
    for certificate in extra {
        roots.add(certificate).map_err(|error| BuildError::ExtraCa(error.to_string()))?;
    }
    Ok(roots)
}

/// The cause at the bottom says what happened; those above it only repeat the address.
fn innermost(error: &reqwest::Error) -> String {
    let first: &(dyn Error + 'static) = error;
    let causes = std::iter::successors(Some(first), |&error| error.source());
    causes.last().map(ToString::to_string).unwrap_or_default()
}
