//! The one guarded HTTP client: redirects, sizes, times and addresses are bounded here, and every
//! request to somebody else leaves through it.
//!
//! The guard is on the client, not on each URL: octo-sts CVE-2025-52477 and a series of Keycloak's
//! (CVE-2026-1180, 1518, 4366, 4874) were each one forgotten field.

mod address;
pub(crate) mod call;
pub(crate) mod dial;
pub(crate) mod tls;
mod visit;

use std::{error::Error, sync::Arc, time::Duration};

use reqwest::{
    RequestBuilder, StatusCode,
    header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap},
};
use rustls::RootCertStore;
use secrecy::SecretString;
use url::{Host, Url, form_urlencoded};

use self::address::{GuardedResolver, NotPublic};
pub use self::{
    address::Reach,
    visit::{Seen, Visit},
};
use crate::fault::UpstreamFault;

/// Shorter than the keep-alive of common servers (5 s and more), so that a request seldom meets a
/// connection the other side is closing.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// As many warm connections per provider as requests we expect in flight on a busy day.
const IDLE_CONNECTIONS: usize = 64;

#[derive(Clone, Debug)]
pub struct OutboundSettings {
    pub reach: Reach,
    /// Certificates (PEM) trusted besides the machine's own.
    pub extra_ca_pem: Option<Vec<u8>>,
    /// For a whole request, from the name's resolution to the last byte of the body.
    pub deadline: Duration,
    /// Bytes of an answer's body.
    pub max_body: usize,
}

impl Default for OutboundSettings {
    fn default() -> Self {
        Self {
            reach: Reach::Public,
            extra_ca_pem: None,
            deadline: Duration::from_secs(2),
            max_body: 256 * 1024, // The largest key sets in the wild are a few dozen KiB.
        }
    }
}

/// Why no client could be built.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    #[error("extra ca: {0}")]
    ExtraCa(String),
    #[error("this machine has no root certificates, and no extra ca is configured")]
    NoRoots,
    #[error("tls: {0}")]
    Tls(String),
    #[error("http client: {0}")]
    Client(String),
}

/// The guarded client. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Outbound {
    client: reqwest::Client,
    /// For connections that are not HTTP.
    roots: Arc<RootCertStore>,
    reach: Reach,
    deadline: Duration,
    max_body: usize,
}

/// How we name ourselves to a provider (RFC 6749 §2.3.1, `client_secret_basic`).
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    pub(crate) client_secret: SecretString,
}

impl Outbound {
    /// # Errors
    /// When the extra certificates cannot be read or there is nobody to trust.
    pub fn new(settings: OutboundSettings) -> Result<Self, OutboundError> {
        let OutboundSettings { reach, extra_ca_pem, deadline, max_body } = settings;
        let roots = tls::roots(extra_ca_pem.as_deref())?;
        if roots.is_empty() && reach == Reach::Public {
            return Err(OutboundError::NoRoots);
        }
        Self::trusting(roots, reach, deadline, max_body)
    }

    /// The same for something of ours that may be in our own network, believing `ca_pem` and nobody
    /// else, if there is one.
    ///
    /// # Errors
    ///
    /// When the certificates cannot be read.
    pub(crate) fn inside(&self, ca_pem: Option<&[u8]>) -> Result<Self, OutboundError> {
        let reach = match self.reach {
            Reach::Public | Reach::Inside => Reach::Inside,
            Reach::Anywhere => Reach::Anywhere,
        };
        let roots = match ca_pem {
            Some(pem) => tls::only(pem)?,
            None => RootCertStore::clone(&self.roots),
        };
        Self::trusting(roots, reach, self.deadline, self.max_body)
    }

    /// Whether it is for development: at any address, also by http.
    pub(crate) fn may_ask_anything(&self) -> bool {
        self.reach == Reach::Anywhere
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the place where the client is built and bounded"
    )]
    fn trusting(
        roots: RootCertStore,
        reach: Reach,
        deadline: Duration,
        max_body: usize,
    ) -> Result<Self, OutboundError> {
        let roots = Arc::new(roots);
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(Arc::clone(&roots))?)
            .dns_resolver(GuardedResolver { reach })
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .http1_only()
            .https_only(reach == Reach::Public)
            // An attempt to connect outlives a request that gave up on it.
            .connect_timeout(deadline)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .user_agent(concat!("actas/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| OutboundError::Client(innermost(&error)))?;
        Ok(Self { client, roots, reach, deadline, max_body })
    }

    /// Fetches a JSON document.
    ///
    /// # Errors
    ///
    /// Anything but a plain 200 with a JSON body, in time and in bounds.
    pub async fn get_json(&self, url: &str) -> Result<Vec<u8>, UpstreamFault> {
        let url = self.admit(url)?;
        self.json(self.client.get(url)).await
    }

    /// For a check as a whole, which may take more than one call.
    pub(crate) fn check_deadline(&self) -> Duration {
        self.deadline.saturating_mul(2)
    }

    /// Parses an address and refuses what must not be asked.
    ///
    /// Names are judged where they are resolved; a literal address never gets there.
    fn admit(&self, text: &str) -> Result<Url, UpstreamFault> {
        let url = Url::parse(text).map_err(|_| UpstreamFault::url(text))?;
        match (url.scheme(), self.reach) {
            ("https", _) | ("http", Reach::Inside | Reach::Anywhere) => {}
            _ => return Err(UpstreamFault::NotHttps(url.scheme().to_owned())),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UpstreamFault::Url("(one with a user name)".to_owned()));
        }
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) | None => None,
        };
        match literal {
            Some(address) if !self.reach.allows(address) => {
                Err(UpstreamFault::NotPublic(address.to_string()))
            }
            _ => Ok(url),
        }
    }

    async fn json(&self, request: RequestBuilder) -> Result<Vec<u8>, UpstreamFault> {
        let request = request.header(ACCEPT, "application/json");
        tokio::time::timeout(self.deadline, self.read(request))
            .await
            .map_err(|_| UpstreamFault::Deadline(self.deadline.as_millis()))?
    }

    async fn read(&self, request: RequestBuilder) -> Result<Vec<u8>, UpstreamFault> {
        let response = request.send().await.map_err(|error| self.explain(&error))?;
        accept(response.status(), response.headers())?;
        self.body(response).await
    }

    async fn body(&self, mut response: reqwest::Response) -> Result<Vec<u8>, UpstreamFault> {
        // What the answer says of its own length only helps to refuse early; the bytes that come
        // are counted in any case.
        let announced = usize::try_from(response.content_length().unwrap_or(0));
        if !announced.is_ok_and(|length| length <= self.max_body) {
            return Err(UpstreamFault::TooLarge(self.max_body));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.explain(&error))? {
            if self.max_body < body.len() + chunk.len() {
                return Err(UpstreamFault::TooLarge(self.max_body));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn explain(&self, error: &reqwest::Error) -> UpstreamFault {
        if error.is_timeout() {
            return UpstreamFault::Deadline(self.deadline.as_millis());
        }
        if causes(error).any(<dyn Error>::is::<NotPublic>) {
            let host = error.url().and_then(Url::host_str).unwrap_or_default();
            return UpstreamFault::NotPublic(host.to_owned());
        }
        UpstreamFault::Unreachable(innermost(error))
    }
}

/// Only a plain 200 with a JSON body is an answer.
fn accept(status: StatusCode, headers: &HeaderMap) -> Result<(), UpstreamFault> {
    match status {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED => return Err(UpstreamFault::OurCredentials),
        StatusCode::TOO_MANY_REQUESTS => {
            return Err(UpstreamFault::Throttled(call::retry_after(headers)));
        }
        other if other.is_redirection() => return Err(UpstreamFault::Redirect(other.as_u16())),
        other => return Err(UpstreamFault::Status(other.as_u16())),
    }
    // Never inflated: a few KiB become gigabytes.
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(UpstreamFault::Encoded);
    }
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if is_json(content_type.unwrap_or_default()) { Ok(()) } else { Err(UpstreamFault::ContentType) }
}

/// `application/json`; for key sets `application/jwk-set+json` (RFC 7517 §8.5.2); for SCIM
/// `application/scim+json` (RFC 7644 §8.1).
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    ["application/json", "application/jwk-set+json", "application/scim+json"]
        .iter()
        .any(|accepted| essence.eq_ignore_ascii_case(accepted))
}

fn form_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The cause at the bottom says what happened ("connection refused"); those above it only repeat
/// the URL.
fn innermost(error: &reqwest::Error) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}
