mod dn;
mod names;

use std::fmt;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime, pem::PemObject};
use serde::Deserialize;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use crate::{Object, PublicKeys, sha256, strict};
pub use names::CertificateName;
use names::Leaf;

/// The longest chain that is looked at, the leaf counted: private hierarchies have three or four.
const MAX_CHAIN: usize = 10;
/// The largest certificate: one of RSA with many names has 4 KiB.
const MAX_CERTIFICATE: usize = 16 * 1024;
/// How many may vouch for the clients of one organization, or of one trust domain.
const MAX_AUTHORITIES: usize = 100;
/// A document that names them, at most as long as so many need.
const MAX_DOCUMENT: usize = 2 * 1024 * 1024;

/// A client's certificate as TLS, or a trusted proxy, has handed it over: whoever presents it has the
/// private key. Whose certificate it is, is judged here; that of the handshake is TLS's to judge.
#[derive(Clone)]
pub struct Certificate {
    /// The leaf first.
    // INVARIANT: 1 to MAX_CHAIN.
    chain: Vec<Der>,
    leaf: Leaf,
    thumbprint: String,
}

impl Certificate {
    /// Reads a chain in DER, the leaf first.
    ///
    /// # Errors
    ///
    /// [`CertificateFault::TooLarge`] beyond 10 certificates, or 16 KiB of one;
    /// [`CertificateFault::Malformed`].
    pub fn from_der(chain: Vec<Vec<u8>>) -> Result<Self, CertificateFault> {
        if MAX_CHAIN < chain.len() || chain.iter().any(|it| MAX_CERTIFICATE < it.len()) {
            return Err(CertificateFault::TooLarge);
        }
        let first = chain.first().ok_or(CertificateFault::Malformed)?;
        let leaf = Leaf::parse(first)?;
        let thumbprint = URL_SAFE_NO_PAD.encode(sha256(first));
        Ok(Self { chain: chain.into_iter().map(Der).collect(), leaf, thumbprint })
    }

    /// `x5t#S256` (RFC 8705 §3.1): SHA-256 of the leaf, base64url.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// The leaf, DER.
    #[must_use]
    pub fn leaf(&self) -> &[u8] {
        self.chain.first().map_or(&[], |Der(leaf)| leaf)
    }

    /// Whether it bears this name (RFC 8705 §2.1.2). Whether it may, [`verify`](Self::verify) tells.
    #[must_use]
    pub fn bears(&self, name: &CertificateName) -> bool {
        self.leaf.bears(name)
    }

    /// The one SPIFFE id it bears, a workload's (X.509-SVID §2); none when it has another number of URI
    /// names, or is an authority's. Whether it may, [`verify`](Self::verify) tells.
    #[must_use]
    pub fn spiffe_id(&self) -> Option<String> {
        self.leaf.spiffe_id().map(str::to_owned)
    }

    /// Whether a chain leads to one of `authorities`, and all of it is valid at `now`, in seconds since
    /// the Unix epoch, for client authentication (RFC 5280 §6). Revocation is not asked about.
    ///
    /// # Errors
    ///
    /// The first check that failed.
    pub fn verify(&self, authorities: &Authorities, now: i64) -> Result<(), CertificateFault> {
        self.is_current(now)?;
        let leaf = CertificateDer::from(self.leaf());
        let leaf = EndEntityCert::try_from(&leaf).map_err(|_| CertificateFault::Malformed)?;
        let others: Vec<_> =
            self.chain.iter().skip(1).map(|Der(it)| CertificateDer::from(it.as_slice())).collect();
        let time = u64::try_from(now).map_err(|_| CertificateFault::Time)?;
        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(time));
        // webpki takes an anchor for its name and key alone.
        let current = authorities.anchors.iter().filter(|it| is_within(it.valid, now));
        let anchors: Vec<_> = current.map(|it| it.anchor.clone()).collect();
        let algorithms = ALL_VERIFICATION_ALGS;
        let usage = KeyUsage::client_auth();
        leaf.verify_for_usage(algorithms, &anchors, &others, time, usage, None, None)
            .map(|_| ())
            .map_err(|fault| CertificateFault::of(&fault))
    }

    /// Whether it is one of these, to the octet (RFC 8705 §2.2): what a self-signed certificate is
    /// registered as, the first of the `x5c` of a JWK. It must be valid at `now` all the same.
    ///
    /// # Errors
    ///
    /// The first check that failed.
    pub fn is_registered(&self, keys: &PublicKeys, now: i64) -> Result<(), CertificateFault> {
        if !keys.certificates().any(|registered| registered == self.leaf()) {
            return Err(CertificateFault::Unregistered);
        }
        self.is_current(now)
    }

    fn is_current(&self, now: i64) -> Result<(), CertificateFault> {
        if is_within(self.leaf.valid, now) { Ok(()) } else { Err(CertificateFault::Time) }
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &mut f.debug_struct("Certificate");
        shown.field("thumbprint", &self.thumbprint).finish_non_exhaustive()
    }
}

/// RFC 5280 §4.1.2.5: both ends are within.
fn is_within((from, until): (i64, i64), now: i64) -> bool {
    from <= now && now <= until
}

/// A certificate's octets, which nobody wants to see in a log.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Der(Vec<u8>);

impl Der {
    /// Reads an element of `x5c` (RFC 7517 §4.7): base64, not base64url.
    pub fn of_x5c(text: &str) -> Option<Self> {
        let der = STANDARD.decode(text).ok()?;
        (der.len() <= MAX_CERTIFICATE).then_some(Self(der))
    }

    pub fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Der {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Der({} octets)", self.0.len())
    }
}

/// Those who may vouch for certificates.
#[derive(Clone)]
pub struct Authorities {
    anchors: Vec<Anchor>,
}

#[derive(Clone)]
struct Anchor {
    anchor: TrustAnchor<'static>,
    valid: (i64, i64),
}

/// A SPIFFE bundle (SPIFFE Trust Domain and Bundle §4), as far as it is about certificates.
#[derive(Deserialize)]
struct Bundle {
    keys: Vec<Object<BundleKey>>,
}

#[derive(Deserialize)]
struct BundleKey {
    #[serde(default, rename = "use")]
    purpose: Option<String>,
    #[serde(default)]
    x5c: Vec<String>,
}

impl Authorities {
    /// Reads certificates of authorities in PEM.
    ///
    /// # Errors
    ///
    /// [`CertificateFault::TooLarge`]; [`CertificateFault::Malformed`] when there is none, or one that
    /// is none of an authority.
    pub fn from_pem(pem: &[u8]) -> Result<Self, CertificateFault> {
        if MAX_DOCUMENT < pem.len() {
            return Err(CertificateFault::TooLarge);
        }
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<_, _>>()
            .map_err(|_| CertificateFault::Malformed)?;
        if certificates.is_empty() {
            return Err(CertificateFault::Malformed);
        }
        Self::new(&certificates)
    }

    /// Reads those of a SPIFFE bundle: the `x5c` of the keys whose use is `x509-svid`, one each. There
    /// may be none, where a trust domain has JWT-SVIDs only; then nobody is vouched for.
    ///
    /// # Errors
    ///
    /// [`CertificateFault::TooLarge`], [`CertificateFault::Malformed`].
    pub fn from_bundle(bundle: &[u8]) -> Result<Self, CertificateFault> {
        if MAX_DOCUMENT < bundle.len() {
            return Err(CertificateFault::TooLarge);
        }
        let [] = strict::read(bundle, []).map_err(|_| CertificateFault::Malformed)?;
        let bundle: Bundle =
            serde_json::from_slice(bundle).map_err(|_| CertificateFault::Malformed)?;
        let of_use = |key: &BundleKey| key.purpose.as_deref() == Some("x509-svid");
        let keys = bundle.keys.into_iter().map(|Object(key)| key);
        let certificates = keys.filter(of_use).map(|key| {
            let [one] = key.x5c.as_slice() else { return Err(CertificateFault::Malformed) };
            let Der(der) = Der::of_x5c(one).ok_or(CertificateFault::Malformed)?;
            Ok(CertificateDer::from(der))
        });
        Self::new(&certificates.collect::<Result<Vec<_>, _>>()?)
    }

    fn new(certificates: &[CertificateDer<'_>]) -> Result<Self, CertificateFault> {
        if MAX_AUTHORITIES < certificates.len()
            || certificates.iter().any(|it| MAX_CERTIFICATE < it.len())
        {
            return Err(CertificateFault::TooLarge);
        }
        let anchors = certificates.iter().map(|certificate| {
            let Leaf { is_authority: true, valid, .. } = Leaf::parse(certificate)? else {
                return Err(CertificateFault::Malformed);
            };
            let anchor = anchor_from_trusted_cert(certificate);
            let anchor = anchor.map_err(|_| CertificateFault::Malformed)?.to_owned();
            Ok(Anchor { anchor, valid })
        });
        Ok(Self { anchors: anchors.collect::<Result<_, _>>()? })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.anchors.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.anchors.is_empty()
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authorities({})", self.len())
    }
}

/// Why a certificate is not believed; one variant per check.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum CertificateFault {
    /// More than 10 in a chain, 100 authorities, or 16 KiB of one.
    #[error("the certificates are too large or too many")]
    TooLarge,
    /// Not DER, an extension twice, a name of unknown form, or no authority where one is due.
    #[error("the certificate is malformed")]
    Malformed,
    /// Of the leaf, or of one that vouches for it.
    #[error("the certificate is not valid now")]
    Time,
    /// Its extended key usage leaves out client authentication (RFC 5280 §4.2.1.12).
    #[error("the certificate is not for client authentication")]
    Usage,
    /// No chain leads to an authority; or the leaf is one itself.
    #[error("nobody who is trusted vouches for the certificate")]
    Untrusted,
    /// It is none of those that are registered.
    #[error("the certificate is not registered")]
    Unregistered,
}

impl CertificateFault {
    fn of(fault: &webpki::Error) -> Self {
        use webpki::Error::{CertExpired, CertNotValidYet, RequiredEkuNotFoundContext};
        if matches!(fault, CertExpired { .. } | CertNotValidYet { .. }) {
            Self::Time
        } else if matches!(fault, RequiredEkuNotFoundContext(_)) {
            Self::Usage
        } else {
            Self::Untrusted
        }
    }
}
