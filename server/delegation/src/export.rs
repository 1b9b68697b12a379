//! The audit trail leaves for other systems: sinks, and how far each has got.
//!
//! The trail is the outbox and its numbers are the cursor. A batch is planned before it is sent: one
//! that may or may not have arrived is sent again just as it was, under the same id, so that a sink
//! that remembers ids takes it once.

use std::fmt::Debug;

use async_trait::async_trait;
use policy::Timestamp;
use uuid::Uuid;

use crate::{refusal::Fault, trail::Link};

/// Where a trail is sent.
#[async_trait]
pub trait Sink: Debug + Send + Sync {
    /// Sends a batch. Returns once the sink has it, as far as the sink can say so.
    async fn send(&self, batch: &Batch<'_>) -> Result<(), Unsent>;

    /// Most events of one batch.
    fn largest_batch(&self) -> usize;

    /// How many events of a batch, from its first, the sink takes at once: at least one.
    fn fit(&self, batch: &Batch<'_>) -> usize {
        batch.links.len()
    }
}

/// Some links, in order, at least one.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    pub org: &'a str,
    /// The export's declared id.
    pub export: &'a str,
    pub links: &'a [Link],
    /// Whether it may have arrived before.
    pub again: bool,
    /// When it is sent.
    pub now: Timestamp,
}

/// Why a batch has not arrived.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Unsent {
    pub because: Because,
    /// For people. Never holds what the sink said in its own words, nor a secret.
    pub what: String,
}

/// What became of a batch that has not arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// The sink does not have it and will not take it, however often it is sent.
    Refused,
    /// Nobody knows whether the sink has it. With the seconds it asks us to wait.
    Unknown { retry_after: Option<u64> },
}

impl Batch<'_> {
    /// The same for the same batch, whenever it is sent: `acme/siem/17-42`.
    #[must_use]
    pub fn id(&self) -> String {
        let seq = |link: Option<&Link>| link.map_or(0, |link| link.seq);
        let (first, last) = (seq(self.links.first()), seq(self.links.last()));
        format!("{}/{}/{first}-{last}", self.org, self.export)
    }
}

/// How far an export has got.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Everything up to this number has arrived.
    pub done: i64,
    /// Up to where a batch was begun that may not have arrived; equal to `done` when none was.
    pub sending: i64,
    /// What went wrong last, and since when it does.
    pub error: Option<(String, Timestamp)>,
}

/// The exports of one organization. Each method is one transaction.
#[async_trait]
pub trait Exports: Debug + Send + Sync {
    /// Takes care of an export until `until`, unless another `holder` does at `now`; how far it is.
    async fn lease(
        &self,
        export: &str,
        holder: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Progress>, Fault>;

    /// A batch up to `seq` is about to be sent. False when `holder` has it no more: do not send.
    async fn begin(&self, export: &str, holder: Uuid, seq: i64) -> Result<bool, Fault>;

    /// It has arrived.
    async fn done(&self, export: &str, holder: Uuid, seq: i64) -> Result<(), Fault>;

    /// The batch that was begun has certainly not arrived: another one may be.
    async fn withdraw(&self, export: &str, holder: Uuid) -> Result<(), Fault>;

    /// It may not have; why.
    async fn failed(&self, export: &str, error: &str, at: Timestamp) -> Result<(), Fault>;

    /// Every export, with how far it is.
    async fn all(&self) -> Result<Vec<(String, Progress)>, Fault>;
}
