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
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    event::{Check, Event},
    names::Names,
    refusal::Fault,
    signal::Signal,
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

    /// Stores a signal and lets it take effect, in one transaction; a signal that was stored before
    /// (same issuer and id) does nothing.
    ///
    /// When it returns, no opening that was recalled earlier is recorded any more for the users
    /// concerned, on any replica.
    async fn signal(&self, signal: Signal) -> Result<Signalled, Fault>;

    /// Ends what is selected and everything derived from it. Returns how many delegations ended.
    async fn revoke(&self, selector: &Selector, at: Timestamp) -> Result<u64, Fault>;
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
    Agent(String),
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

    /// Asks whether the user behind `question` still stands: every check of the connection.
    ///
    /// Each answer's check began after this call did, or at most `max_age` before; calls of the
    /// same epoch may share one. An answer that nobody who knows the user vouches in is a fault.
    async fn standing(&self, question: Question) -> Result<Answer, Inconclusive>;

    /// The same for an operator: every check on its own, nothing shared, nothing combined. A check
    /// that needs a token, and has none, says so.
    async fn inspect(&self, question: Question) -> Vec<(Check, Result<Standing, Fault>)>;
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

/// What is known of the streams of signals of one organization's connections. Shared by replicas.
#[async_trait]
pub trait Streams: Debug + Send + Sync {
    /// A stream as it stands; the default when nothing is known of it yet.
    async fn find(&self, stream: &StreamId) -> Result<Stream, Fault>;

    /// Every stream anything is known of.
    async fn all(&self) -> Result<Vec<(StreamId, Stream)>, Fault>;

    /// Takes care of a stream until `until`, unless another `holder` does at `now`. One replica at
    /// a time manages or polls a stream.
    async fn lease(
        &self,
        stream: &StreamId,
        holder: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, Fault>;

    /// What the transmitter said of the stream when it was made, read or changed.
    async fn describe(&self, stream: &StreamId, described: &Described) -> Result<(), Fault>;

    /// A verification was asked for with this `state`.
    async fn challenge(&self, stream: &StreamId, state: &str, at: Timestamp) -> Result<(), Fault>;

    /// A verification event came in. One with a `state` must carry the one that was asked for last;
    /// returns whether it does. Then the stream was heard of at `at`.
    async fn verified(
        &self,
        stream: &StreamId,
        state: Option<&str>,
        at: Timestamp,
    ) -> Result<bool, Fault>;

    /// The transmitter changed the stream's status.
    async fn set_status(&self, stream: &StreamId, status: StreamStatus) -> Result<(), Fault>;

    /// What went wrong last; none when all is well again. For operators.
    async fn set_error(&self, stream: &StreamId, error: Option<&str>) -> Result<(), Fault>;
}

/// Which stream: the connection's id and the stream's, as declared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StreamId {
    pub connection: String,
    pub stream: String,
}

/// A stream of signals (SSF 1.0 §8.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    pub described: Option<Described>,
    pub status: StreamStatus,
    /// The `state` of the verification asked for last, and when that was.
    pub challenge: Option<(String, Timestamp)>,
    /// When a verification event came in last.
    pub heard_at: Option<Timestamp>,
    pub error: Option<String>,
}

/// What a transmitter says of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// The transmitter's id of it.
    pub id: String,
    pub audience: Vec<String>,
    /// Where it is polled (RFC 8936); none for one that is pushed.
    pub poll_endpoint: Option<String>,
    /// Seconds between verifications, at least.
    pub min_verification_interval: Option<u64>,
    /// Seconds of inactivity after which the transmitter may pause it.
    pub inactivity_timeout: Option<u64>,
    pub events_delivered: Vec<String>,
}

/// SSF 1.0 §8.1.2
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StreamStatus {
    #[default]
    Enabled,
    Paused,
    Disabled,
}

impl StreamStatus {
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Paused => "paused",
            Self::Disabled => "disabled",
        }
    }

    /// Reads the name; one that is unknown is no status to rely on.
    #[must_use]
    pub fn read(name: &str) -> Self {
        match name {
            "enabled" => Self::Enabled,
            "paused" => Self::Paused,
            _ => Self::Disabled,
        }
    }
}

/// Somebody whose signed signals are taken: a transmitter of security events.
#[async_trait]
pub trait Transmitter: Debug + Send + Sync {
    /// Its signing keys; see [`IdentityProvider::keys`].
    async fn keys(&self, kid: Option<&str>) -> Result<Arc<keys::PublicKeys>, Fault>;

    /// Members of complex subjects that must be understood (SSF 1.0 §7.1).
    async fn critical_members(&self) -> Result<Vec<String>, Fault>;
}
