//! What the flows need from the outside world. Methods are protocol verbs; each is one transaction.
//!
//! Every handle is bound to one organization when it is made, so no method takes an org it could
//! get wrong.

mod limits;
mod once;
mod streams;
mod trust;

use std::{
    fmt::Debug,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use policy::{Scope, Standing, Timestamp};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::{
    limits::{Asker, Limiter},
    once::{Once, OnceKind, SingleUse},
    streams::{Described, Stream, StreamId, StreamStatus, Streams, Transmitter},
    trust::{Bundle, KeySource, TokenReview},
};
use crate::{
    event::{Check, Event},
    names::Names,
    refusal::Fault,
    signal::Signal,
    status::StatusIndex,
};

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

    /// Remembers that `user` goes by `names`, so that a signal that uses one of them finds the user.
    async fn learn(&self, connection: &str, user: &str, names: &Names) -> Result<(), Fault>;

    /// Gives `user` a grant of their own, made of the grant of everybody that `template` names, unless
    /// that has ended, or one of the user's to this agent has ended since it was declared.
    async fn adopt(&self, template: &str, user: &str) -> Result<(), Fault>;

    /// Stores a signal and lets it take effect, in one transaction; a signal that was stored before
    /// (same issuer and id) does nothing.
    ///
    /// When it returns, no opening that was recalled earlier is recorded any more for the users
    /// concerned, on any replica.
    async fn signal(&self, signal: Signal) -> Result<Signalled, Fault>;

    /// What became of one delegation; none when it was never ours, or is long dead. One round trip.
    async fn find(&self, delegation: Uuid) -> Result<Option<Found>, Fault>;

    /// Ends what is selected and everything derived from it, and writes `event` with how many
    /// delegations ended, in one transaction. Returns that number.
    ///
    /// An agent, a connection or the org itself is stopped, too: nothing is issued on it until it is
    /// restored ([`Registry::restore`](crate::declared::Registry::restore)). Without an event
    /// somebody else's event tells of it.
    async fn revoke(
        &self,
        selector: &Selector,
        at: Timestamp,
        event: Option<Event>,
    ) -> Result<u64, Fault>;
}

/// The id of the grant that [`Ledger::adopt`] makes of `template` for `user`: the same on every replica.
#[must_use]
pub fn own_grant(template: &str, user: &str) -> Uuid {
    // The length first: no two pairs are one text.
    let hash = keys::sha256(format!("grant {} {template} {user}", template.len()).as_bytes());
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    // RFC 9562 §5.8: made in our own way.
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// A delegation as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// SHA-256 of the compact token.
    pub token_hash: [u8; 32],
    pub root: Uuid,
    pub connection: String,
    /// The user's `sub` at the home identity provider.
    pub user: String,
    /// The current actor: whose token it is.
    pub agent: String,
    /// When it, an ancestor or the grant ended, the earliest moment. What has ended is dead, even if
    /// the clock of whoever ended it was ahead of ours.
    pub ended_at: Option<Timestamp>,
    /// When the grant expires.
    pub grant_expires_at: Option<Timestamp>,
    /// The org's revision as of now; when it differs from the snapshot's, the snapshot is stale.
    pub revision: i64,
}

/// What a subject token descends from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lineage {
    /// An identity provider's token: the chain starts here, on a grant of this user to this agent.
    Root {
        connection: String,
        user: String,
        agent: String,
        /// Every name by which a signal could mean this token's user, session, device or itself.
        names: Names,
    },
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
    /// Raised by every signal about the user: the org's and the grant's, added up. Both only grow.
    pub epoch: i64,
    /// What signals said of the user, the session, the device and the token: strictest of all.
    pub signalled: Standing,
    /// When the connection's quietest stream of signals was last heard of; none when one is paused,
    /// was never heard of, or when the connection has none.
    pub heard_at: Option<Timestamp>,
    /// For a root: whether all its user's names are remembered already.
    pub names_known: bool,
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
    /// The session at the identity provider (`sid`), of the whole chain.
    pub session: Option<String>,
    /// When the user signed in, or else when the chain's first token was issued.
    pub signed_in_at: Option<Timestamp>,
    /// Only on a root: the names its token gave.
    pub names: Option<Names>,
    /// Its place on a status list, when its resource server looks there.
    pub status: Option<StatusIndex>,
}

#[derive(Debug)]
pub struct Opening {
    /// The revision of the org the decision was made under.
    pub revision: i64,
    /// [`Recalled::epoch`]: no signal may have come in since.
    pub epoch: i64,
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
    /// A signal about the user came in since the ledger was asked; nothing was written.
    Signalled,
}

/// What became of a [`Signal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signalled {
    /// It has taken effect: how many delegations ended, descendants included.
    Applied { ended: u64 },
    /// It was known already.
    Duplicate,
}

/// What to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    Delegation(Uuid),
    Grant(String),
    /// Everything an agent was given, and what it handed on. The agent is stopped.
    Agent(String),
    /// Everything of the users of a connection. The connection is stopped.
    Connection(String),
    /// Everything. The organization is stopped: the kill switch.
    Org,
    /// Everything delegated by one user. Raises the epoch of the user's grants, too.
    User {
        connection: String,
        user: String,
    },
}

/// One connection of an org to an identity provider.
#[async_trait]
pub trait IdentityProvider: Debug + Send + Sync {
    /// The provider's signing keys. Fetched again when `kid` is not among them, at most once per
    /// cool-down, and by one request at a time.
    async fn keys(&self, kid: Option<&str>) -> Result<Arc<keys::PublicKeys>, Fault>;

    /// What the provider says of a token that is no JWT (RFC 7662), asked now; none when it is not
    /// active. A fault when the provider has no introspection endpoint, or says less than it must.
    async fn introspect(&self, token: &SecretString) -> Result<Option<Introspected>, Fault>;

    /// Asks whether the user behind `question` still stands: every check of the connection.
    ///
    /// Each answer's check began after this call did, or at most `max_age` before; calls of the
    /// same epoch may share one. An answer that nobody who knows the user vouches in is a fault.
    async fn standing(&self, question: Question) -> Result<Answer, Inconclusive>;

    /// The same for an operator: every check on its own, nothing shared, nothing combined. A check
    /// that needs a token, and has none, says so.
    async fn inspect(&self, question: Question) -> Vec<(Check, Result<Standing, Fault>)>;
}

/// An opaque token, as its provider describes it (RFC 7662 §2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introspected {
    /// `iss`; when there is none, the provider itself.
    pub issuer: Option<String>,
    pub subject: String,
    pub audience: Vec<String>,
    pub expires_at: Timestamp,
    pub issued_at: Option<Timestamp>,
    /// The whole answer: what a JWT says in its claims.
    pub claims: serde_json::Map<String, serde_json::Value>,
}

/// No standing could be had; which checks were tried is for the audit trail all the same.
#[derive(Debug)]
pub struct Inconclusive {
    pub fault: Fault,
    pub checks: Vec<Check>,
}

/// What the home identity provider is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// The token the provider issued; none when an operator asks about a user by name.
    pub token: Option<SecretString>,
    /// The user's `sub` there.
    pub user: String,
    /// What else the token says of the user.
    pub hints: Hints,
    /// Whether it is about a client rather than a user: only checks of the token itself apply.
    pub is_client: bool,
    /// [`Recalled::epoch`]: answers to older ones are not for this question.
    pub epoch: i64,
    /// How old an answer may be, counted from when its check began. Zero: it must begin now.
    pub max_age: Duration,
    /// The use that is asked for; none when an operator asks.
    pub purpose: Option<Purpose>,
}

/// What the provider's token says of its user, for providers that are asked by other names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hints {
    /// The user's id in the provider's directory: `oid` (Entra), `uid` (Okta).
    pub directory_id: Option<String>,
    /// `sid`
    pub session: Option<String>,
    /// `email`, only when the provider says that it is verified or does not say.
    pub email: Option<String>,
    /// `deviceid` (Entra), `device_id`.
    pub device: Option<String>,
    /// `jti` of the token.
    pub token_id: Option<String>,
    /// `auth_time`, or else `iat`: seconds since 1970.
    pub signed_in_at: Option<i64>,
}

/// Who wants to do what for the user: what an external decision point judges.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Purpose {
    /// Our issuer.
    pub issuer: String,
    /// `agent:<client_id>` of the agent that asks.
    pub actor: String,
    pub target: String,
    /// The scope asked for; empty when the choice is left to us.
    pub scope: Vec<String>,
    /// How many agents the new token will name.
    pub depth: usize,
}

/// What it said, and how fresh that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Of all checks: of each part the strictest.
    pub standing: Standing,
    /// What the token is good for now, where the provider says so.
    pub scope: Option<Scope>,
    /// The most a decision point permits of this use, where one said so.
    pub permitted: Option<Scope>,
    /// Every check that was made, for the audit trail.
    pub checks: Vec<Check>,
}
