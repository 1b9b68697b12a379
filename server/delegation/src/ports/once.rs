//! What may be used once: ids of client assertions and of proofs of possession.

use std::fmt::Debug;

use async_trait::async_trait;
use policy::Timestamp;
use uuid::Uuid;

use crate::refusal::Fault;

/// Remembers what was used, until nobody could use it any more. One seam for everything that is used at
/// most once.
#[async_trait]
pub trait SingleUse: Debug + Send + Sync {
    /// Uses all of `once`, in one transaction, for the request `by`: a constraint of the database is
    /// the verdict, on every replica.
    ///
    /// What the same request has used before does not count: it may decide anew. Returns the first
    /// that another request has used; then the others are used all the same.
    async fn spend(&self, once: &[Once], by: Uuid) -> Result<Option<Once>, Fault>;
}

/// Something that may be used once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Once {
    pub kind: OnceKind,
    /// SHA-256 of its kind, whose it is, and its id.
    pub id: [u8; 32],
    /// When it could not be used any more in any case.
    pub until: Timestamp,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OnceKind {
    ClientAssertion,
    Attestation,
    Proof,
    /// An authorization grant that says it is for one use.
    Grant,
}

impl Once {
    /// `whose` is the issuer of the id, or the thumbprint of the key it comes with: ids of two parties
    /// never meet.
    #[must_use]
    pub fn new(kind: OnceKind, whose: &str, id: &str, until: Timestamp) -> Self {
        let kind_name = match kind {
            OnceKind::ClientAssertion => "client_assertion",
            OnceKind::Attestation => "attestation",
            OnceKind::Proof => "dpop",
            OnceKind::Grant => "grant",
        };
        // Lengths first: no two triples are one text.
        let text = format!("{kind_name} {} {whose} {id}", whose.len());
        Self { kind, id: keys::sha256(text.as_bytes()), until }
    }
}
