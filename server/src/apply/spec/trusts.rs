//! Whom clients are believed by, as written.

use std::path::PathBuf;

use serde::Deserialize;
use toml::Table;

use super::JwksEntry;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadIssuerEntry {
    pub id: String,
    pub issuer: String,
    pub algorithms: Option<Vec<String>>,
    pub jwks: Option<Table>,
    pub jwks_file: Option<PathBuf>,
    pub jwks_uri: Option<String>,
    pub token_review: Option<ReviewEntry>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewEntry {
    pub url: String,
    pub token_file: PathBuf,
    pub ca_file: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustDomainEntry {
    pub id: String,
    pub bundle: Option<Table>,
    pub bundle_file: Option<PathBuf>,
    pub bundle_uri: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorityEntry {
    pub id: String,
    pub file: Option<PathBuf>,
    pub pem: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttesterEntry {
    pub id: String,
    pub issuer: String,
    pub algorithms: Option<Vec<String>>,
    pub jwks: Option<Table>,
    pub jwks_file: Option<PathBuf>,
    pub jwks_uri: Option<String>,
}

impl WorkloadIssuerEntry {
    pub(in crate::apply) fn keys(&self) -> JwksEntry {
        JwksEntry {
            jwks: self.jwks.clone(),
            jwks_file: self.jwks_file.clone(),
            jwks_uri: self.jwks_uri.clone(),
        }
    }
}

impl AttesterEntry {
    pub(in crate::apply) fn keys(&self) -> JwksEntry {
        JwksEntry {
            jwks: self.jwks.clone(),
            jwks_file: self.jwks_file.clone(),
            jwks_uri: self.jwks_uri.clone(),
        }
    }
}
