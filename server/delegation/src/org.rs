//! Everything one organization needs to answer: a snapshot of what was declared, ready to use.
//!
//! Flows get an `&Org` and never an org id: its ledger and its providers are bound to it already,
//! so there is none they could mix up. Every organization is its own issuer (RFC 8414 §2).

use std::{collections::HashMap, sync::Arc, time::Duration};

use keys::{Algorithm, DataKey, KeyRing, PublicKeys, Signatures};
use policy::{Rules, Scope, TargetFacts, TargetKind, Timestamp};

use crate::{
    client::{Client, Trusted},
    declared::{Abroad, DeclaredDomain, Template, TokenRules},
    operator::Operator,
    ports::{IdentityProvider, Ledger, Limiter, SingleUse, Streams},
    refusal::{Refusal, Stopped},
    signal::Receivers,
    status::{StatusIndexes, StatusLists},
    subject::TokenRefusal,
    trail::Trail,
};

#[derive(Debug)]
pub struct Org {
    pub id: String,
    /// The `iss` of its tokens.
    pub issuer: String,
    /// The revision of the declared state this snapshot was made of.
    pub revision: i64,
    pub rules: Rules,
    /// SHA-256 of the policy set, for the audit trail.
    pub policy_hash: Option<String>,
    pub default_target: Option<String>,
    /// Agents and service accounts, by their `client_id`.
    pub agents: HashMap<String, Arc<Agent>>,
    /// By the `aud` of their tokens.
    pub resources: HashMap<String, Arc<Resource>>,
    /// Those resources that may ask about tokens, by their `client_id`.
    pub servers: HashMap<String, Arc<Resource>>,
    pub operators: Vec<Arc<Operator>>,
    pub connections: Vec<Connection>,
    pub trusted: Trusted,
    /// Grants of everybody of a connection.
    pub templates: Vec<Template>,
    /// Whether proofs of possession must have a nonce of ours.
    pub dpop_nonce: bool,
    /// The trust domain for which transaction tokens are issued.
    pub trust_domain: Option<DeclaredDomain>,
    /// An operator has stopped everything.
    pub stopped: bool,
    pub ring: KeyRing,
    /// Of tokens that come again and again; one for the whole process.
    pub signatures: Arc<Signatures>,
    pub master: Arc<DataKey>,
    pub ledger: Arc<dyn Ledger>,
    pub streams: Arc<dyn Streams>,
    pub trail: Arc<dyn Trail>,
    pub status_lists: Arc<dyn StatusLists>,
    /// Places on them; outlives snapshots.
    pub status_indexes: Arc<StatusIndexes>,
    pub once: Arc<dyn SingleUse>,
    /// Outlives snapshots.
    pub limiter: Arc<dyn Limiter>,
}

/// A resource server.
#[derive(Debug)]
pub struct Resource {
    /// The `aud` of its tokens.
    pub id: String,
    pub scope: Scope,
    /// How it authenticates; none: it does not.
    pub client: Option<Client>,
    /// Whether its tokens have a place on a status list.
    pub status: bool,
    /// None: an API, which takes access tokens; else the authorization server of another domain.
    pub abroad: Option<Abroad>,
}

/// A registered client: an agent, which acts for users, or a service account.
#[derive(Debug)]
pub struct Agent {
    /// Its `client_id`.
    pub id: String,
    /// The most it may ever be given.
    pub ceiling: Scope,
    /// Other names by which identity providers know it.
    pub aliases: Vec<String>,
    /// What a service account is for; none of an agent.
    pub purpose: Option<String>,
    pub client: Client,
}

impl Agent {
    /// The agent's name as an actor (`act.sub`).
    ///
    /// RFC 9068 §5 warns of clients whose id equals a user's `sub`: agents have a namespace of
    /// their own, and users whose `sub` begins with it are refused.
    #[must_use]
    pub fn actor_id(&self) -> String {
        let kind = if self.is_service() { "service" } else { "agent" };
        format!("{kind}:{}", self.id)
    }

    /// Whether it acts for itself only.
    #[must_use]
    pub const fn is_service(&self) -> bool {
        self.purpose.is_some()
    }

    /// Whether `name` is one of the names identity providers know this client by.
    #[must_use]
    pub fn is_known_as(&self, name: &str) -> bool {
        self.id == name || self.aliases.iter().any(|alias| alias == name)
    }
}

/// A connection to an identity provider whose tokens are believed.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "kinds of tokens, each taken or not")]
pub struct Connection {
    pub id: String,
    pub issuer: String,
    pub audiences: Vec<String>,
    pub algorithms: Vec<Algorithm>,
    pub takes_access_tokens: bool,
    pub takes_id_tokens: bool,
    pub takes_untyped_access_tokens: bool,
    pub takes_id_jags: bool,
    pub takes_assertions: bool,
    pub tokens: TokenRules,
    pub subject_prefix: String,
    /// How old an answer may be; zero: strict.
    pub max_age: Duration,
    /// A stream of signals that was not heard of for so long no longer excuses an older answer;
    /// none when the connection has no streams.
    pub max_silence: Option<Duration>,
    pub reconnect_uri: Option<String>,
    pub acr_values: Option<String>,
    /// An operator has stopped it.
    pub stopped: bool,
    pub provider: Arc<dyn IdentityProvider>,
    /// What its provider may tell us on its own.
    pub signals: Receivers,
}

impl Connection {
    /// Refused when an operator has stopped it.
    pub(crate) fn running(&self) -> Result<&Self, Refusal> {
        if self.stopped { Err(Refusal::Stopped(Stopped::Connection)) } else { Ok(self) }
    }

    /// How old an answer may be now: bounded freshness holds only while whoever would tell us of
    /// bad news is known to be listened to.
    #[must_use]
    pub fn max_age_at(&self, now: Timestamp, heard_at: Option<Timestamp>) -> Duration {
        let Some(max_silence) = self.max_silence else { return self.max_age };
        let fresh = heard_at.is_some_and(|heard_at| now < heard_at.plus(max_silence));
        if fresh { self.max_age } else { Duration::ZERO }
    }
}

impl Org {
    /// What is known of a target: a resource server, or an agent that is handed a token.
    #[must_use]
    pub fn target(&self, name: &str) -> Option<TargetFacts> {
        if let Some(resource) = self.resources.get(name) {
            let (id, scope) = (name.to_owned(), resource.scope.clone());
            let kind = match &resource.abroad {
                None => TargetKind::Resource,
                Some(_) => TargetKind::AuthorizationServer,
            };
            return Some(TargetFacts { id, kind, scope });
        }
        if let Some(domain) = self.trust_domain.as_ref().filter(|domain| domain.name == name) {
            let (id, scope) = (name.to_owned(), domain.scope());
            return Some(TargetFacts { id, kind: TargetKind::TrustDomain, scope });
        }
        let agent = self.agents.get(name);
        let agent = agent.filter(|agent| !agent.client.disabled && !agent.is_service())?;
        let (id, scope) = (name.to_owned(), agent.ceiling.clone());
        Some(TargetFacts { id, kind: TargetKind::Agent, scope })
    }

    /// Our own keys, and what they are known to have signed.
    pub(crate) fn signing(&self) -> (&PublicKeys, &Signatures) {
        (self.ring.public(), &self.signatures)
    }

    /// The grant of everybody of `connection` to `agent`.
    pub(crate) fn template(&self, connection: &str, agent: &str) -> Option<&Template> {
        let is_it = |it: &&Template| it.connection == connection && it.agent == agent;
        self.templates.iter().find(is_it)
    }

    #[must_use]
    pub fn connection(&self, id: &str) -> Option<&Connection> {
        self.connections.iter().find(|connection| connection.id == id)
    }

    /// The same, for whoever is about to issue something on it.
    pub(crate) fn running_connection(&self, id: &str) -> Result<&Connection, Refusal> {
        let unknown = || Refusal::SubjectToken(TokenRefusal::UnknownIssuer);
        self.connection(id).ok_or_else(unknown)?.running()
    }

    /// The connection whose provider calls itself `issuer`: exact comparison (RFC 8414 §3.3).
    #[must_use]
    pub fn connection_of(&self, issuer: &str) -> Option<&Connection> {
        self.connections.iter().find(|connection| connection.issuer == issuer)
    }
}
