//! The streams of signals of an organization's connections, and who sends them.

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use policy::Timestamp;
use uuid::Uuid;

use crate::refusal::Fault;

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
    /// Its signing keys; see [`IdentityProvider::keys`](super::IdentityProvider::keys).
    async fn keys(&self, kid: Option<&str>) -> Result<Arc<keys::PublicKeys>, Fault>;

    /// Members of complex subjects that must be understood (SSF 1.0 §7.1).
    async fn critical_members(&self) -> Result<Vec<String>, Fault>;
}
