use reqwest::Url;
use serde::Serialize;

use crate::{BuildError, fetch::admitted, issuer::well_known, verifier::Settings};

/// What clients can know of the API before they call it (RFC 9728 §2). Serve it as JSON, without
/// authentication, at [`path`](Self::path).
#[derive(Clone, Debug, Serialize)]
pub struct Metadata {
    resource: String,
    authorization_servers: [String; 1],
    // RFC 9728 §3.2: "Claims with zero elements MUST be omitted from the response."
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<String>,
    bearer_methods_supported: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<String>,
    dpop_signing_alg_values_supported: Vec<&'static str>,
    dpop_bound_access_tokens_required: bool,
    #[serde(skip)]
    url: String,
    #[serde(skip)]
    path: String,
    #[serde(skip)]
    origin: String,
}

impl Metadata {
    pub(crate) fn new(
        settings: &Settings,
        origin: Option<&str>,
        scopes_supported: Vec<String>,
        resource_name: Option<String>,
    ) -> Result<Self, BuildError> {
        let audience = Url::parse(&settings.audience).ok();
        let reached = match origin.and_then(admitted) {
            Some(mut reached) => {
                let path = audience.as_ref().filter(|it| it.has_host()).map_or("/", Url::path);
                reached.set_path(path);
                reached
            }
            None => admitted(&settings.audience).ok_or(BuildError::Origin)?,
        };
        let proofs = settings.proof_algorithms.iter();
        let url = well_known(&reached, "oauth-protected-resource");
        let origin = reached.origin().ascii_serialization();
        let path = url.strip_prefix(&origin).unwrap_or_default();
        Ok(Self {
            resource: settings.audience.clone(),
            authorization_servers: [settings.issuer.clone()],
            scopes_supported,
            bearer_methods_supported: ["header"],
            resource_name,
            dpop_signing_alg_values_supported: proofs.map(|it| it.name()).collect(),
            dpop_bound_access_tokens_required: settings.bound_only,
            path: path.to_owned(),
            url,
            origin,
        })
    }

    /// Where it is, in full: what a challenge names as `resource_metadata` (§5.1).
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it is on this server: `/.well-known/oauth-protected-resource`, then the path of the
    /// resource (§3.1).
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Scheme, host and port under which clients reach the API.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What a challenge names as `algs` (RFC 9449 §7.1).
    pub(crate) fn proof_algorithms(&self) -> String {
        self.dpop_signing_alg_values_supported.join(" ")
    }
}
