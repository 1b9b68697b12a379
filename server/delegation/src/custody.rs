//! The signing keys of an organization: who keeps them, and their life.

use std::fmt::Debug;

use async_trait::async_trait;
use policy::Timestamp;

use crate::{event::Event, refusal::Fault};

/// A signing key as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    pub kid: String,
    pub algorithm: String,
    /// The private part sealed under the data key; or, of one that is kept in a module, what finds it there.
    pub sealed: Vec<u8>,
    /// Since when it is published.
    pub created_at: Timestamp,
    /// From when on it signs.
    pub activates_at: Timestamp,
    /// From when on it signs no more; none while no successor is planned.
    pub retires_at: Option<Timestamp>,
    /// Since when somebody else may have it: it is neither published nor used from then on.
    pub compromised_at: Option<Timestamp>,
}

/// One step in the life of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyChange {
    Add(KeyRecord),
    Retire { kid: String, at: Timestamp },
    Compromise { kid: String, at: Timestamp },
    Drop(String),
}

/// Keeps the keys of all organizations. Each method is one transaction.
#[async_trait]
pub trait KeyStore: Debug + Send + Sync {
    /// The signing keys of an organization, oldest first.
    async fn keys(&self, org: &str) -> Result<Vec<KeyRecord>, Fault>;

    /// Makes all `changes`, and writes `event`, if the organization's keys are still exactly those
    /// that were `seen` (two replicas must not both rotate); returns whether they were.
    ///
    /// Raises the organization's revision, so that every replica looks again, unless it had no keys
    /// yet.
    async fn change(
        &self,
        org: &str,
        seen: &[KeyRecord],
        changes: &[KeyChange],
        event: Option<Event>,
    ) -> Result<bool, Fault>;
}
