//! What an organization consists of, as declared by `actas apply`: plain records, already checked.

mod clients;

use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;
use policy::{PolicyFile, Scope, Timestamp};

pub use self::clients::{
    Abroad, Authentication, DeclaredDomain, DeclaredName, GrantType, Limits, Method, Options, Rate,
    ScopeRule, ScopeSource, TokenRules, Trust, TrustKind, Workload,
};
use crate::{event::Event, refusal::Fault};

/// The declared state of all organizations. Each method is one transaction.
#[async_trait]
pub trait Registry: Debug + Send + Sync {
    /// All organizations, with their revisions: cheap enough to ask every second.
    async fn orgs(&self) -> Result<Vec<(String, i64)>, Fault>;

    /// The revision of an organization as of now.
    async fn revision(&self, org: &str) -> Result<Option<i64>, Fault>;

    /// An organization without its grants (there may be very many).
    async fn find(&self, org: &str) -> Result<Option<Declared>, Fault>;

    /// All grants of an organization that have not ended.
    async fn grants(&self, org: &str) -> Result<Vec<DeclaredGrant>, Fault>;

    /// One grant, also one that has ended.
    async fn grant(&self, org: &str, id: &str) -> Result<Option<DeclaredGrant>, Fault>;

    /// Makes all `changes`, or none, and raises the revision by one.
    ///
    /// `expected` is the revision the changes were computed from, 0 to create the organization.
    /// Dropping a grant or an agent ends every delegation that hangs on it, with descendants.
    /// Returns the new revision, or none when the organization has changed meanwhile.
    async fn apply(
        &self,
        org: &str,
        expected: i64,
        changes: &[Change],
        at: Timestamp,
    ) -> Result<Option<i64>, Fault>;

    /// Lets something go on that was stopped, raises the revision and writes `event`; false when it
    /// was not stopped. Nothing that has ended lives again.
    async fn restore(&self, org: &str, what: &Stoppable, event: Event) -> Result<bool, Fault>;
}

/// What a revocation stops until it is restored, whatever is declared of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stoppable {
    Org,
    Agent(String),
    Connection(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    pub id: String,
    /// Raised by every change; 1 for a new organization.
    pub revision: i64,
    pub settings: Settings,
    pub connections: Vec<Connection>,
    pub agents: Vec<Agent>,
    pub resources: Vec<Resource>,
    pub policies: Vec<PolicyFile>,
    pub operators: Vec<Operator>,
    pub exports: Vec<Export>,
    pub trusts: Vec<Trust>,
    pub templates: Vec<Template>,
    /// What an operator has stopped. Not declared: `actas apply` leaves it alone.
    pub stopped: Vec<Stoppable>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub name: String,
    /// JWS algorithm of issued tokens: `ES256`, `EdDSA`, `RS256` or `PS256`.
    pub algorithm: String,
    pub chain_limit: usize,
    /// At most 300 s.
    pub lifetime: Duration,
    pub default_target: Option<String>,
    /// How long a signing key signs before the next one does; zero: for ever.
    pub key_rotation: Duration,
    /// How long the audit trail is kept at least; longer while an export has not had it.
    pub audit_retention: Duration,
    pub options: Options,
}

/// A connection to an identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    pub id: String,
    pub issuer: String,
    /// How we authenticate at the provider's introspection endpoint.
    pub client_id: String,
    /// Sealed under the master key.
    pub client_secret: Vec<u8>,
    /// Subject tokens must name one of these, or the presenting agent, as `aud`.
    pub audiences: Vec<String>,
    /// JWS algorithms the provider may use.
    pub algorithms: Vec<String>,
    /// `access_token`, `id_token`, `id_jag`, `assertion`.
    pub kinds: Vec<String>,
    /// Put before the provider's `sub` in our tokens, so that two providers cannot name one user.
    pub subject_prefix: String,
    /// Whether access tokens without `typ: at+jwt` are taken.
    pub untyped_access_tokens: bool,
    /// How old an answer of the provider may be, seconds; 0: it is asked at every exchange.
    pub max_age: u64,
    /// Where a person signs in again.
    pub reconnect_uri: Option<String>,
    /// What a step-up asks for unless the provider says.
    pub acr_values: Option<String>,
    /// How the provider is asked: JSON, sealed under the master key, since it holds secrets.
    pub checks: Vec<u8>,
    /// Which signals of the provider are taken, and how: JSON, sealed likewise.
    pub signals: Vec<u8>,
    /// The ids of its streams of signals, sorted: what is known of others is forgotten.
    pub streams: Vec<String>,
    pub tokens: TokenRules,
}

/// An agent: a confidential OAuth client that acts for users; or a service account, which acts for
/// the organization and for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its `client_id`.
    pub id: String,
    pub name: String,
    /// The most it may ever be given.
    pub scope: Scope,
    /// Other names by which identity providers know it.
    pub aliases: Vec<String>,
    pub disabled: bool,
    /// Keyed hashes of its client secrets, never the secrets: two at most, while one replaces the other.
    pub secrets: Vec<[u8; 32]>,
    pub authentication: Authentication,
    /// What a service account is for, one for each purpose; none of an agent.
    pub purpose: Option<String>,
}

/// A resource server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The `aud` of its tokens: an absolute URI or a logical name.
    pub id: String,
    pub name: String,
    pub scope: Scope,
    /// The name under which it authenticates to introspect tokens; none: it does not.
    pub client_id: Option<String>,
    /// Keyed hashes of its client secrets.
    pub secrets: Vec<[u8; 32]>,
    /// Whether its tokens have a place on a status list.
    pub status: bool,
    pub authentication: Authentication,
    /// None: an API, which takes access tokens.
    pub abroad: Option<Abroad>,
}

/// A person, or a program of theirs, who may look and act by the admin API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    pub id: String,
    pub name: String,
    /// `audit`, `revoke`, `keys`.
    pub powers: Vec<String>,
    /// Keyed hashes of its bearer tokens.
    pub secrets: Vec<[u8; 32]>,
}

/// A sink of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    pub id: String,
    /// `file`, `webhook`, `syslog`, `splunk`, `datadog`, `otlp`.
    pub kind: String,
    /// JSON, sealed under the data key, since it may hold secrets.
    pub settings: Vec<u8>,
}

/// What a user granted to an agent. The user `*` is everybody of the connection, who each get a grant
/// of their own at first use. Without connection and user: what the organization itself grants a
/// service account, or an agent to speak for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredGrant {
    pub id: String,
    pub connection: String,
    pub user: String,
    pub agent: String,
    pub scope: Scope,
    pub targets: Vec<String>,
    pub expires_at: Option<Timestamp>,
}

/// A grant of everybody of a connection to an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The id of the grant.
    pub id: String,
    pub connection: String,
    pub agent: String,
}

/// One step from the old declared state to the new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    PutSettings(Settings),
    PutConnection(Connection),
    DropConnection(String),
    /// Creates the agent or changes everything but its secrets.
    PutAgent(Agent),
    DropAgent(String),
    /// Replaces all secrets of its owner by this one.
    ReplaceSecret {
        owner: SecretOwner,
        hash: [u8; 32],
    },
    /// Adds a second secret; of two, the older goes.
    AddSecret {
        owner: SecretOwner,
        hash: [u8; 32],
    },
    /// Leaves its owner the newest secret only; or none, of one who does not authenticate by secrets
    /// any more.
    DropSecrets {
        owner: SecretOwner,
        keep_newest: bool,
    },
    PutTrust(Trust),
    DropTrust(TrustKind, String),
    /// Creates the resource or changes everything but its secrets. It gets those it comes with when
    /// it has none, and loses all with its `client_id`.
    PutResource(Resource),
    DropResource(String),
    PutPolicy(PolicyFile),
    DropPolicy(String),
    PutGrant(DeclaredGrant),
    /// Ends the grant with this id.
    DropGrant(String),
    /// Creates the operator or changes everything but its secrets. It gets those it comes with when
    /// it has none.
    PutOperator(Operator),
    DropOperator(String),
    PutExport(Export),
    /// Forgets the export and how far it was.
    DropExport(String),
}

/// Who proves itself by a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretOwner {
    Agent(String),
    /// The resource server, by the resource's id.
    Resource(String),
    Operator(String),
}
