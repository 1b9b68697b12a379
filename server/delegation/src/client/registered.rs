//! A client as it was registered: how it proves who it is.

use std::sync::Arc;

use keys::{Algorithm, Authorities, CertificateName, SecretHash};

use crate::{
    declared::{GrantType, Method, Workload},
    ports::{Bundle, KeySource, TokenReview},
};

/// How a client proves who it is, and what it may ask for: one of an agent, a service account or a
/// resource server.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a member of its registration")]
pub struct Client {
    /// Its `client_id`: one namespace in an organization.
    pub id: String,
    /// The ways it may use, and no others.
    pub methods: Vec<Method>,
    /// Two at most, while one replaces the other.
    pub secrets: Vec<SecretHash>,
    /// Its public keys, and its self-signed certificates with them.
    pub keys: Option<Arc<dyn KeySource>>,
    /// Of its assertions and proofs; never empty.
    pub algorithms: Vec<Algorithm>,
    /// Whether its assertions may name the token endpoint as audience.
    pub legacy_audience: bool,
    pub certificate: Option<CertificateName>,
    pub workloads: Vec<Workload>,
    pub spiffe_id: Option<String>,
    /// The `id` of the attester that knows it.
    pub attester: Option<String>,
    /// RFC 9449 §5.2
    pub dpop_bound: bool,
    /// RFC 8705 §3.4
    pub certificate_bound: bool,
    pub grants: Vec<GrantType>,
    /// Declared to be, or stopped by an operator: then nothing of it works.
    pub disabled: bool,
}

impl Client {
    /// Whether it may authenticate so.
    #[must_use]
    pub fn uses(&self, method: Method) -> bool {
        self.methods.contains(&method)
    }

    /// Whether it may ask for this.
    #[must_use]
    pub fn may(&self, grant: GrantType) -> bool {
        self.grants.contains(&grant)
    }
}

/// Whom an organization believes about clients.
#[derive(Debug, Default)]
pub struct Trusted {
    pub issuers: Vec<WorkloadIssuer>,
    pub domains: Vec<TrustDomain>,
    /// Of all declared certificate authorities.
    pub authorities: Option<Arc<Authorities>>,
    pub attesters: Vec<Attester>,
}

impl Trusted {
    /// The trust domain of `spiffe_id`: nothing else says whose keys to believe about it.
    pub(crate) fn domain_of(&self, spiffe_id: &str) -> Option<&TrustDomain> {
        let (name, path) = spiffe_id.strip_prefix("spiffe://")?.split_once('/')?;
        self.domains.iter().find(|domain| !path.is_empty() && domain.name == name)
    }
}

/// A platform that tells who runs on it.
#[derive(Clone, Debug)]
pub struct WorkloadIssuer {
    pub id: String,
    pub issuer: String,
    pub algorithms: Vec<Algorithm>,
    pub keys: Arc<dyn KeySource>,
    /// Where a cluster is asked besides.
    pub review: Option<Arc<dyn TokenReview>>,
}

/// A SPIFFE trust domain.
#[derive(Clone, Debug)]
pub struct TrustDomain {
    /// Its name, `example.org` of `spiffe://example.org/agent`.
    pub name: String,
    pub bundle: Arc<dyn Bundle>,
}

/// Who attests that an instance of a client is one.
#[derive(Clone, Debug)]
pub struct Attester {
    pub id: String,
    /// The `iss` of its attestations.
    pub issuer: String,
    pub algorithms: Vec<Algorithm>,
    pub keys: Arc<dyn KeySource>,
}

#[cfg(test)]
impl Client {
    /// One that has a secret of ours and nothing else.
    pub(crate) fn with_secret(id: &str, secret: SecretHash) -> Self {
        let declared = crate::declared::Authentication::default();
        Self {
            id: id.to_owned(),
            methods: declared.methods,
            secrets: vec![secret],
            keys: None,
            algorithms: Algorithm::ALL.to_vec(),
            legacy_audience: false,
            certificate: None,
            workloads: Vec::new(),
            spiffe_id: None,
            attester: None,
            dpop_bound: false,
            certificate_bound: false,
            grants: declared.grants,
            disabled: false,
        }
    }
}
