//! Whom an organization believes beside its identity providers, as it is declared.

use std::path::PathBuf;

use delegation::declared::TrustKind;
use serde::{Deserialize, Serialize};

/// What is sealed of one [`Trust`](delegation::declared::Trust), by its kind.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustSettings {
    WorkloadIssuer(WorkloadIssuerSettings),
    TrustDomain(TrustDomainSettings),
    CertificateAuthority(CertificateAuthoritySettings),
    Attester(AttesterSettings),
}

impl TrustSettings {
    #[must_use]
    pub const fn kind(&self) -> TrustKind {
        match self {
            Self::WorkloadIssuer(_) => TrustKind::WorkloadIssuer,
            Self::TrustDomain(_) => TrustKind::TrustDomain,
            Self::CertificateAuthority(_) => TrustKind::CertificateAuthority,
            Self::Attester(_) => TrustKind::Attester,
        }
    }
}

/// A platform that tells who runs on it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadIssuerSettings {
    pub issuer: String,
    pub algorithms: Vec<String>,
    pub keys: KeysFrom,
    pub review: Option<ReviewSettings>,
}

/// Where keys are.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeysFrom {
    /// The `jwks_uri` of the issuer's OIDC metadata.
    Discovery,
    /// A JWKS at this URL.
    Uri(String),
    /// This JWKS.
    Document(String),
}

/// How a Kubernetes cluster is asked besides. The files are read on the server, whenever it asks: the
/// platform writes them anew.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewSettings {
    /// Of the API server.
    pub url: String,
    pub token_file: PathBuf,
    /// PEM; none: the certificates the system trusts.
    pub ca_file: Option<PathBuf>,
}

/// A SPIFFE trust domain, whose name is the id.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TrustDomainSettings {
    pub bundle: BundleFrom,
}

/// Where the bundle of a trust domain is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BundleFrom {
    Uri(String),
    Document(String),
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateAuthoritySettings {
    /// Certificates of authorities.
    pub pem: String,
}

/// Who attests that an instance of a client is one.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AttesterSettings {
    /// The `iss` of its attestations.
    pub issuer: String,
    pub algorithms: Vec<String>,
    pub keys: KeysFrom,
}

/// Binds sealed settings to their organization, kind and id.
#[must_use]
pub fn sealing_context(org: &str, kind: TrustKind, id: &str) -> String {
    format!("trust:{org}:{}:{id}", kind.code())
}
