//! What the flows need from the outside world. Methods are protocol verbs; each is one transaction.
//!
//! Every handle is bound to one organization when it is made, so no method takes an org it could
//! get wrong.

use std::{
    fmt::Debug,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use policy::{Scope, Standing, Timestamp};
use secrecy::SecretString;
use uuid::Uuid;

use crate::{event::Event, refusal::Fault};

/// Remembers delegations and what was said about them.
#[async_trait]
pub trait Ledger: Debug + Send + Sync {
    /// What is known before a decision: the org's revision, the grant, the subject's own line.
    /// One round trip.
    async fn recall(&self, lineage: &Lineage) -> Result<Recalled, Fault>;

    /// Writes the delegation and its event together, or neither.
    ///
    /// In the same transaction it makes sure that the org still has the revision the decision was
    /// made under, and that neither the grant nor any ancestor has ended; otherwise nothing is
    /// written. Serialises against [`Ledger::revoke`]: a revocation that was acknowledged first
    /// is always seen.
    async fn open(&self, opening: Opening) -> Result<Opened, Fault>;

    /// Writes an event of a request that opens nothing.
    async fn note(&self, event: Event) -> Result<(), Fault>;

    /// Ends what is selected and everything derived from it. Returns how many delegations ended.
    async fn revoke(&self, selector: &Selector, at: Timestamp) -> Result<u64, Fault>;
}

/// What a subject token descends from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lineage {
    /// An identity provider's token: the chain starts here, on a grant of this user to this agent.
    Root { connection: String, user: String, agent: String },
    /// One of our own tokens: it carries the id of its delegation as `jti`.
    Derived { delegation: Uuid },
}

#[derive(Debug)]
pub struct Recalled {
    /// The org's revision as of now; when it differs from the snapshot's, the snapshot is stale.
    pub revision: i64,
    /// For a root the grant of this user to this agent; for a derived one the grant of its root.
    pub grant: Option<Grant>,
    /// The subject token's own delegation; none for a root, or when it was never ours.
    pub parent: Option<Parent>,
}

/// What a user granted to an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub id: String,
    pub scope: Scope,
    pub targets: Vec<String>,
    pub expires_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

/// The delegation behind a subject token of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    pub id: Uuid,
    pub root: Uuid,
    pub connection: String,
    /// The user's `sub` at the home identity provider.
    pub user: String,
    /// When this delegation or any of its ancestors ended, the earliest moment.
    pub ended_at: Option<Timestamp>,
    /// The root's subject token, sealed; what the identity provider is asked about.
    pub sealed_subject: Option<Vec<u8>>,
}

/// A delegation to be recorded. Tokens are kept as hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    pub id: Uuid,
    pub parent: Option<Uuid>,
    /// The first delegation of the chain; its own id for a root.
    pub root: Uuid,
    pub grant: String,
    pub connection: String,
    pub user: String,
    pub agent: String,
    pub target: String,
    pub scope: Scope,
    pub depth: usize,
    /// SHA-256 of the compact token.
    pub token_hash: [u8; 32],
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
    /// Only on a root: the identity provider's token, sealed.
    pub sealed_subject: Option<Vec<u8>>,
}

#[derive(Debug)]
pub struct Opening {
    /// The revision of the org the decision was made under.
    pub revision: i64,
    pub delegation: Delegation,
    pub event: Event,
    /// After this moment it must not be written any more: what the identity provider said would
    /// be too old by then.
    pub until: Instant,
}

/// What became of an [`Opening`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Opened {
    /// Delegation and event are committed.
    Recorded,
    /// The org changed since the decision; nothing was written.
    Changed,
    /// The grant, an ancestor or the org has ended; nothing was written.
    Ended,
}

/// What to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    Delegation(Uuid),
    Grant(String),
    Agent(String),
}

/// One connection of an org to an identity provider.
#[async_trait]
pub trait IdentityProvider: Debug + Send + Sync {
    /// The provider's signing keys. Fetched again when `kid` is not among them, at most once per
    /// cool-down, and by one request at a time.
    async fn keys(&self, kid: Option<&str>) -> Result<Arc<keys::PublicKeys>, Fault>;

    /// Asks now whether the user behind `subject` still stands.
    ///
    /// The answer's check began after this call did; concurrent calls may share one.
    async fn standing(&self, subject: Question) -> Result<Answer, Fault>;
}

/// What the home identity provider is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// The token the provider issued.
    pub token: SecretString,
    /// The user that the token was verified to be about.
    pub user: String,
}

/// What it said, and how fresh that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub standing: Standing,
    /// What the token is good for now, where the provider says so.
    pub scope: Option<Scope>,
    /// How long the provider took.
    pub took: Duration,
    /// Whether another request's check, begun after this one arrived, was shared.
    pub shared: bool,
}
