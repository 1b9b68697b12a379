//! The description file: whom the suite talks to, and with which credentials.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::Value;

use crate::{Credentials, Key, Statement};

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
    /// The admin API, and who may do everything there.
    #[serde(default)]
    pub admin: Option<String>,
    #[serde(default)]
    pub operator: Option<Operator>,
    pub other_org: OtherOrg,
    pub idp: Idp,
    pub users: Vec<User>,
    pub agents: Vec<Client>,
    pub resources: Vec<Resource>,
    pub resource_servers: Vec<ResourceServer>,
    /// The private JWKs of the clients that have no secret, by `client_id`.
    pub keys: BTreeMap<String, Vec<Value>>,
    /// The private JWKs of the platforms that vouch for clients, by their name.
    pub platforms: BTreeMap<String, Vec<Value>>,
    /// A protected resource that accepts our tokens for [`crate::DOCUMENTS`].
    pub api: String,
    /// The server's log, when it can be read from here: it is held to the invariants too.
    #[serde(default)]
    pub log: Option<PathBuf>,
    /// The server's database, when it can be looked into from here: its URL.
    #[serde(default)]
    pub database: Option<String>,
}

/// A second organization of the same deployment, which must not honour the first one's tokens.
#[derive(Debug, Deserialize)]
pub struct OtherOrg {
    pub issuer: String,
    pub token_endpoint: String,
    pub introspection_endpoint: String,
    pub revocation_endpoint: String,
    #[serde(default)]
    pub admin: Option<String>,
    #[serde(default)]
    pub operator: Option<Operator>,
    #[serde(default)]
    pub agents: Vec<Client>,
    #[serde(default)]
    pub resource_servers: Vec<ResourceServer>,
}

/// A person, by the bearer token that stands for them.
#[derive(Clone, Debug, Deserialize)]
pub struct Operator {
    pub id: String,
    pub token: String,
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

    /// How this client proves who it is: by its first key when it has keys, else by its secret.
    #[must_use]
    pub fn credentials(&self, client_id: &str) -> Credentials {
        match self.keys.get(client_id).and_then(|keys| keys.first()) {
            Some(jwk) => Credentials::Key(client_id.to_owned(), Key::of(jwk.clone())),
            None => Credentials::Basic(self.client(client_id).clone()),
        }
    }

    /// The key of this client that has this name.
    pub fn key(&self, client_id: &str, kid: &str) -> Key {
        let keys = self.keys.get(client_id).map(Vec::as_slice).unwrap_or_default();
        let jwk = keys.iter().find(|jwk| jwk.get("kid").and_then(Value::as_str) == Some(kid));
        let jwk = jwk.unwrap_or_else(|| panic!("the description has no key `{client_id}`/`{kid}`"));
        Key::of(jwk.clone())
    }

    /// The key with which this platform vouches for clients.
    pub fn platform(&self, name: &str) -> Key {
        let jwk = self.platforms.get(name).and_then(|keys| keys.first());
        Key::of(jwk.unwrap_or_else(|| panic!("the description has no platform `{name}`")).clone())
    }

    /// This client says who it is, with this key.
    pub fn assertion(&self, client_id: &str, kid: &str) -> Statement {
        Statement::of_client(client_id, &self.key(client_id, kid), &self.issuer)
    }

    /// Everything that must never be shown: secrets, and the private parts of keys.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let secrets = self.clients().chain(&self.other_org.agents);
        let keys = self.keys.values().chain(self.platforms.values()).flatten();
        let private = keys.filter_map(|jwk| jwk.get("d")?.as_str());
        let operators = [&self.operator, &self.other_org.operator].into_iter().flatten();
        let tokens = operators.map(|operator| operator.token.as_str());
        secrets.map(|client| client.client_secret.as_str()).chain(private).chain(tokens)
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
