//! What an organization's file may say, as written.

mod clients;
mod trusts;

use std::path::PathBuf;

use delegation::declared::Rate;
use serde::Deserialize;
use toml::Spanned;

pub use self::{
    clients::{
        AgentEntry, ClientEntry, JwksEntry, ResourceEntry, ServerEntry, ServiceAccountEntry,
        WorkloadEntry,
    },
    trusts::{AttesterEntry, AuthorityEntry, ReviewEntry, TrustDomainEntry, WorkloadIssuerEntry},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrgFile {
    pub id: String,
    pub name: Option<String>,
    pub algorithm: Option<String>,
    pub max_chain_depth: Option<usize>,
    /// Seconds.
    pub token_lifetime: Option<u64>,
    pub default_target: Option<String>,
    pub key_rotation_days: Option<u64>,
    pub audit_retention_days: Option<u64>,
    #[serde(default)]
    pub dpop_nonce: bool,
    #[serde(default)]
    pub limits: LimitsEntry,
    pub transaction_tokens: Option<TransactionTokensEntry>,
    #[serde(default)]
    pub connections: Vec<Spanned<ConnectionEntry>>,
    #[serde(default)]
    pub agents: Vec<Spanned<AgentEntry>>,
    #[serde(default)]
    pub service_accounts: Vec<Spanned<ServiceAccountEntry>>,
    #[serde(default)]
    pub resources: Vec<Spanned<ResourceEntry>>,
    #[serde(default)]
    pub authorization_servers: Vec<Spanned<ServerEntry>>,
    #[serde(default)]
    pub workload_issuers: Vec<Spanned<WorkloadIssuerEntry>>,
    #[serde(default)]
    pub trust_domains: Vec<Spanned<TrustDomainEntry>>,
    #[serde(default)]
    pub certificate_authorities: Vec<Spanned<AuthorityEntry>>,
    #[serde(default)]
    pub attesters: Vec<Spanned<AttesterEntry>>,
    #[serde(default)]
    pub grants: Vec<Spanned<GrantEntry>>,
    #[serde(default)]
    pub policies: Vec<Spanned<PolicyEntry>>,
    #[serde(default)]
    pub operators: Vec<Spanned<OperatorEntry>>,
    /// Read by `upstream`, which knows what each kind needs.
    #[serde(default)]
    pub exports: Vec<Spanned<toml::Table>>,
}

/// How much may be asked; what is left out is not limited by the organization.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsEntry {
    pub organization: Option<Rate>,
    pub agent: Option<Rate>,
    pub user: Option<Rate>,
    pub address: Option<Rate>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransactionTokensEntry {
    pub trust_domain: String,
    pub scope: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionEntry {
    pub id: String,
    pub issuer: String,
    /// Ours, at the introspection endpoint.
    pub client_id: Option<String>,
    pub client_secret: Option<SecretEntry>,
    #[serde(default)]
    pub audiences: Vec<String>,
    pub algorithms: Option<Vec<String>>,
    pub kinds: Option<Vec<String>>,
    #[serde(default)]
    pub subject_prefix: String,
    #[serde(default)]
    pub untyped_access_tokens: bool,
    #[serde(default)]
    pub opaque_tokens: bool,
    /// Seconds.
    pub max_token_age: Option<u64>,
    #[serde(default)]
    pub clients: Vec<String>,
    #[serde(default)]
    pub believe_act: bool,
    pub groups_claim: Option<String>,
    #[serde(default)]
    pub scope_mapping: Vec<MappingEntry>,
    #[serde(default)]
    pub freshness: Freshness,
    /// Seconds.
    pub max_age: Option<u64>,
    pub reconnect_uri: Option<String>,
    pub acr_values: Option<String>,
    /// Read by `upstream`, which knows what each kind needs.
    #[serde(default)]
    pub checks: Vec<toml::Table>,
    #[serde(default)]
    pub streams: Vec<toml::Table>,
    pub logout: Option<toml::Table>,
    pub revocation: Option<toml::Table>,
    pub scim: Option<toml::Table>,
}

/// What one scope, or one group, of the provider means here.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappingEntry {
    pub scope: Option<String>,
    pub group: Option<String>,
    pub gives: String,
}

/// Whether an answer of the provider may be used more than once.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    #[default]
    Strict,
    Bounded,
}

/// Where a secret comes from; the file itself is the last resort.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretEntry {
    pub env: Option<String>,
    pub file: Option<PathBuf>,
    pub value: Option<String>,
}

impl std::fmt::Debug for SecretEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretEntry")
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorEntry {
    pub id: String,
    pub name: Option<String>,
    pub powers: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantEntry {
    pub connection: String,
    pub user: String,
    pub agent: String,
    pub scope: String,
    pub targets: Vec<String>,
    /// RFC 3339.
    pub expires: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyEntry {
    pub file: Option<PathBuf>,
    pub name: Option<String>,
    pub text: Option<String>,
}

/// An organization's id is a segment of its issuer's path.
///
/// # Errors
///
/// What an id may look like.
pub fn org_id(id: &str) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !id.is_empty() && id.len() <= 63 && id.chars().all(legal) && !id.starts_with('-') {
        Ok(())
    } else {
        Err(format!("`{id}` must be 1 to 63 lower-case letters, digits and hyphens"))
    }
}

/// A name of something else: printable, without spaces, so that lists of names stay readable.
///
/// # Errors
///
/// What a name may look like.
pub fn name(text: &str) -> Result<(), String> {
    if !text.is_empty() && text.len() <= 255 && text.chars().all(|c| c.is_ascii_graphic()) {
        Ok(())
    } else {
        Err(format!("`{text}` must be 1 to 255 printable ASCII characters without spaces"))
    }
}
