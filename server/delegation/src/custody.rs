//! The signing keys of an organization: who keeps them, and their life.
//!
//! [`rotate`] is the flow: read the keys, plan by [`keys::rotation`], change what has to change if the
//! keys are still the same. Every replica may do it at any time. [`sign`] uses them.

mod rotate;
#[cfg(test)]
mod tests;

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use keys::{Signer, Unsigned};
use policy::Timestamp;
use serde::Serialize;

pub use self::rotate::{
    Custody, KeyMaker, LONGEST_LIFETIME, MadeKey, RotateFault, Rotated, Standing, rotate, standing,
    times,
};
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
    /// It signs from then on.
    Activate {
        kid: String,
        at: Timestamp,
    },
    /// It signs no more from then on.
    Retire {
        kid: String,
        at: Timestamp,
    },
    Compromise {
        kid: String,
        at: Timestamp,
    },
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

/// Signs `claims` as a token of kind `typ`; away from the worker where the key is somewhere else.
///
/// # Errors
///
/// The key cannot be used now, or the claims cannot be signed.
pub(crate) async fn sign<C: Serialize + Sync>(
    signer: &Arc<dyn Signer>,
    typ: &str,
    claims: &C,
) -> Result<String, Fault> {
    let broken = |fault: keys::SignFault| Fault::Keys(fault.to_string());
    if !signer.blocks() {
        return keys::sign(&**signer, typ, claims).map_err(broken);
    }
    let unsigned = Unsigned::new(&**signer, typ, claims).map_err(broken)?;
    let signer = Arc::clone(signer);
    let signed = tokio::task::spawn_blocking(move || unsigned.sign(&*signer)).await;
    signed.map_err(|e| Fault::Keys(e.to_string()))?.map_err(broken)
}
