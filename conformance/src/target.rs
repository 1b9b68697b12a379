//! The description file: whom the suite talks to, and with which credentials.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

/// One deployment under test, as written by `actas demo --keep --describe FILE` or by hand.
///
/// Names of users, agents, resources and scopes are fixed by the scene in `conformance/README.md`;
/// the file says only where things are and which secrets open them. Unknown members are ignored.
#[derive(Debug, Deserialize)]
pub struct Target {
    pub issuer: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    pub introspection_endpoint: String,
    pub revocation_endpoint: String,
    pub other_org: OtherOrg,
    pub idp: Idp,
    pub users: Vec<User>,
    pub agents: Vec<Client>,
    pub resources: Vec<Resource>,
    pub resource_servers: Vec<ResourceServer>,
    /// A protected resource that accepts our tokens for [`crate::DOCUMENTS`].
    pub api: String,
    /// The server's log, when it can be read from here: it is held to the invariants too.
    #[serde(default)]
    pub log: Option<PathBuf>,
}

/// A second organization of the same deployment, which must not honour the first one's tokens.
#[derive(Debug, Deserialize)]
pub struct OtherOrg {
    pub issuer: String,
    pub token_endpoint: String,
    pub introspection_endpoint: String,
    pub revocation_endpoint: String,
    #[serde(default)]
    pub agents: Vec<Client>,
    #[serde(default)]
    pub resource_servers: Vec<ResourceServer>,
}

/// The identity provider the organization trusts, with the control endpoint described in
/// [`crate::idp`].
#[derive(Debug, Deserialize)]
pub struct Idp {
    pub issuer: String,
    pub jwks_uri: String,
    pub introspection_endpoint: String,
    pub control: String,
}

#[derive(Debug, Deserialize)]
pub struct User {
    pub sub: String,
}

/// An agent's or a resource server's credentials.
#[derive(Clone, Debug, Deserialize)]
pub struct Client {
    pub client_id: String,
    pub client_secret: String,
}

/// Whoever serves a resource, as a client of the introspection endpoint.
#[derive(Clone, Debug, Deserialize)]
pub struct ResourceServer {
    /// The `aud` of its tokens.
    pub resource: String,
    #[serde(flatten)]
    pub client: Client,
}

#[derive(Debug, Deserialize)]
pub struct Resource {
    pub id: String,
    pub scopes: String,
}

impl Target {
    /// Reads a description file; panics with the reason when it is not one.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path)
            .unwrap_or_else(|e| panic!("cannot read the description {}: {e}", path.display()));
        serde_json::from_str(&text)
            .unwrap_or_else(|e| panic!("{} is not a description: {e}", path.display()))
    }

    /// The registered agent with this `client_id`.
    #[must_use]
    pub fn agent(&self, client_id: &str) -> &Client {
        self.agents
            .iter()
            .find(|agent| agent.client_id == client_id)
            .unwrap_or_else(|| panic!("the description names no agent `{client_id}`"))
    }

    /// The agent or resource server with this `client_id`: they share one namespace.
    #[must_use]
    pub fn client(&self, client_id: &str) -> &Client {
        self.clients()
            .find(|client| client.client_id == client_id)
            .unwrap_or_else(|| panic!("the description names no client `{client_id}`"))
    }

    /// Everybody who has a secret.
    pub fn clients(&self) -> impl Iterator<Item = &Client> {
        self.agents.iter().chain(self.resource_servers.iter().map(|server| &server.client))
    }

    /// An agent of the other organization.
    #[must_use]
    pub fn stranger(&self) -> &Client {
        self.other_org.agents.first().expect("the description names no agent of `other_org`")
    }

    /// A resource server of the other organization.
    #[must_use]
    pub fn strange_api(&self) -> &ResourceServer {
        let servers = &self.other_org.resource_servers;
        servers.first().expect("the description names no resource server of `other_org`")
    }

    /// RFC 8414 §3: the well-known suffix goes between host and path.
    #[must_use]
    pub fn well_known(&self, suffix: &str) -> String {
        let (origin, path) = self.split_issuer();
        format!("{origin}/.well-known/{suffix}{path}")
    }

    /// The issuer's scheme and authority, and its path (empty or with a leading slash).
    #[must_use]
    pub fn split_issuer(&self) -> (&str, &str) {
        let authority = self.issuer.find("://").map_or(0, |at| at + 3);
        let end = self
            .issuer
            .char_indices()
            .find(|&(at, c)| at >= authority && c == '/')
            .map_or(self.issuer.len(), |(at, _)| at);
        self.issuer.split_at(end)
    }
}
