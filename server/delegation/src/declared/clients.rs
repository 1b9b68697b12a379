//! How clients prove who they are, and what they may ask for, as declared. Kept as JSON: an older
//! actas that meets a member it does not know refuses the whole, rather than leave it out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One way of client authentication, by its registered name where it has one.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// RFC 6749 §2.3.1
    ClientSecretBasic,
    /// RFC 6749 §2.3.1
    ClientSecretPost,
    /// RFC 7523 §2.2, rfc7523bis
    PrivateKeyJwt,
    /// RFC 8705 §2.1
    TlsClientAuth,
    /// RFC 8705 §2.2
    SelfSignedTlsClientAuth,
    /// A token of the platform the client runs on, as client assertion. Our own name: it has none.
    WorkloadIdentity,
    /// draft-ietf-oauth-spiffe-client-auth: a JWT-SVID.
    SpiffeJwt,
    /// The same: an X.509-SVID.
    SpiffeX509,
    /// draft-ietf-oauth-attestation-based-client-auth
    AttestJwtClientAuth,
}

impl Method {
    /// Every way there is.
    pub const ALL: [Self; 9] = [
        Self::ClientSecretBasic,
        Self::ClientSecretPost,
        Self::PrivateKeyJwt,
        Self::TlsClientAuth,
        Self::SelfSignedTlsClientAuth,
        Self::WorkloadIdentity,
        Self::SpiffeJwt,
        Self::SpiffeX509,
        Self::AttestJwtClientAuth,
    ];

    /// The name in metadata, files and the audit trail.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::TlsClientAuth => "tls_client_auth",
            Self::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
            Self::WorkloadIdentity => "workload_identity",
            Self::SpiffeJwt => "spiffe_jwt",
            Self::SpiffeX509 => "spiffe_x509",
            Self::AttestJwtClientAuth => "attest_jwt_client_auth",
        }
    }

    /// Whether the client has a secret of ours.
    #[must_use]
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost)
    }
}

/// What a client may ask the token endpoint for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 8693
    TokenExchange,
    /// RFC 6749 §4.4
    ClientCredentials,
    /// RFC 7523 §2.1
    JwtBearer,
}

impl GrantType {
    /// Every grant type there is.
    pub const ALL: [Self; 3] = [Self::TokenExchange, Self::ClientCredentials, Self::JwtBearer];

    /// The value of `grant_type`.
    #[must_use]
    pub const fn uri(self) -> &'static str {
        match self {
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
            Self::ClientCredentials => "client_credentials",
            Self::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
        }
    }

    /// The name in files, the audit trail and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TokenExchange => "token_exchange",
            Self::ClientCredentials => "client_credentials",
            Self::JwtBearer => "jwt_bearer",
        }
    }
}

/// How a client proves who it is, beside its secrets, and what it may ask for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Authentication {
    /// The ways it may use, and no others; never empty.
    pub methods: Vec<Method>,
    /// Its public keys, a JWKS as text; or where they are fetched from.
    #[serde(default)]
    pub jwks: Option<String>,
    #[serde(default)]
    pub jwks_uri: Option<String>,
    /// JWS algorithms of its assertions and proofs.
    #[serde(default)]
    pub algorithms: Vec<String>,
    /// Whether its assertions may name the token endpoint as audience, as was the rule before
    /// rfc7523bis.
    #[serde(default)]
    pub legacy_audience: bool,
    /// The name on its certificate.
    #[serde(default)]
    pub certificate: Option<DeclaredName>,
    #[serde(default)]
    pub workloads: Vec<Workload>,
    #[serde(default)]
    pub spiffe_id: Option<String>,
    /// The `id` of the attester that knows it.
    #[serde(default)]
    pub attester: Option<String>,
    /// RFC 9449 §5.2: `dpop_bound_access_tokens`.
    #[serde(default)]
    pub dpop_bound: bool,
    /// RFC 8705 §3.4: `tls_client_certificate_bound_access_tokens`.
    #[serde(default)]
    pub certificate_bound: bool,
    pub grants: Vec<GrantType>,
}

impl Default for Authentication {
    /// What was the rule before there was a choice.
    fn default() -> Self {
        Self {
            methods: vec![Method::ClientSecretBasic, Method::ClientSecretPost],
            jwks: None,
            jwks_uri: None,
            algorithms: Vec::new(),
            legacy_audience: false,
            certificate: None,
            workloads: Vec::new(),
            spiffe_id: None,
            attester: None,
            dpop_bound: false,
            certificate_bound: false,
            grants: vec![GrantType::TokenExchange],
        }
    }
}

impl Authentication {
    /// Whether it has a secret of ours.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        self.methods.iter().any(|method| method.is_secret())
    }
}

/// The one name of a certificate by which a client is known (RFC 8705 §2.1.2).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeclaredName {
    SubjectDn(String),
    SanDns(String),
    SanUri(String),
    SanIp(std::net::IpAddr),
    SanEmail(String),
}

/// A workload that is this client: who says so, how it is called there, and to whom it speaks.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// The `id` of a declared workload issuer.
    pub issuer: String,
    /// `sub`, to the letter.
    pub subject: String,
    /// `aud`, the sole one.
    pub audience: String,
}

/// The authorization server of another domain, to which our assertions are taken.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Abroad {
    /// The resources there that may be asked for.
    pub resources: Vec<String>,
    /// How our agents are called there, by their `client_id` here; others by their own name.
    pub clients: BTreeMap<String, String>,
}

/// Which tokens of a connection are taken, beside what its own columns say.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenRules {
    /// Whether tokens that are no JWTs are believed to be this provider's, which is asked of them.
    pub opaque: bool,
    /// How old a token may be by its `iat`, seconds.
    pub longest_age: Option<u64>,
    /// The agents that may use tokens of this connection; none: all.
    pub clients: Vec<String>,
    /// Whether `act` of this provider is believed; otherwise a token that has one is refused.
    pub believes_act: bool,
    /// The claim that lists groups; `groups` if none.
    pub groups_claim: Option<String>,
    /// What the provider's scopes and groups mean here; none: its scopes are ours.
    pub scopes: Vec<ScopeRule>,
}

/// Who has this scope, or is in this group, may give that.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeRule {
    pub from: ScopeSource,
    /// Our scope tokens, separated by spaces.
    pub gives: String,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeSource {
    Scope(String),
    Group(String),
}

/// What else an organization wants.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Whether proofs of possession must have a nonce of ours (RFC 9449 §8).
    pub dpop_nonce: bool,
    pub limits: Limits,
    /// The trust domain for which transaction tokens are issued; none: they are not.
    pub trust_domain: Option<DeclaredDomain>,
}

/// The trust domain inside which transaction tokens are passed on.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredDomain {
    /// The `aud` of its tokens.
    pub name: String,
    /// The scope tokens that mean something there, separated by spaces.
    pub scope: String,
}

impl DeclaredDomain {
    /// Nothing, should it not be a scope; it was checked when it was declared.
    #[must_use]
    pub fn scope(&self) -> policy::Scope {
        policy::Scope::parse(&self.scope).unwrap_or_default()
    }
}

/// How much may be asked: of the whole organization, by one agent, for one user, from one address.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    pub organization: Option<Rate>,
    pub agent: Option<Rate>,
    pub user: Option<Rate>,
    pub address: Option<Rate>,
}

/// A token bucket.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    pub per_second: u32,
    /// How many may come at once.
    pub burst: u32,
}

/// Whom an organization believes, beside its identity providers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trust {
    pub kind: TrustKind,
    pub id: String,
    /// JSON, sealed under the data key, since it may hold secrets.
    pub settings: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TrustKind {
    WorkloadIssuer,
    TrustDomain,
    CertificateAuthority,
    Attester,
}

impl TrustKind {
    pub const ALL: [Self; 4] =
        [Self::WorkloadIssuer, Self::TrustDomain, Self::CertificateAuthority, Self::Attester];

    /// The name as stored.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::WorkloadIssuer => "workload_issuer",
            Self::TrustDomain => "trust_domain",
            Self::CertificateAuthority => "certificate_authority",
            Self::Attester => "attester",
        }
    }
}
