//! The audit trail of one organization: its events, chained by hashes, in one order.
//!
//! An event is written with what it tells of, as one line of JSON (a [`Record`]). A moment later it
//! gets its place in the trail: the next number, and the hash over the hash before and the line
//! ([`link`]). From then on a line that is edited, taken out or put in shows ([`verify`]), also to
//! somebody who has only the export and `sha256sum`; and since the newest and the oldest link are
//! attested under the installation's data key ([`Notary`]), whoever has only the database cannot
//! chain anew what they have changed.
//!
//! The number is given in the order in which events became visible, so that it is also what a
//! follower, or an export, remembers: nothing comes later with a smaller one.

mod record;
mod verify;

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use keys::DataKey;
use policy::Timestamp;
use uuid::Uuid;

pub use self::{
    record::{Actor, Checked, Record},
    verify::{Broken, Verified, verify},
};
use crate::{event::Outcome, refusal::Fault};

/// SHA-256.
pub type Hash = [u8; 32];

/// What the first link of a trail is chained to.
pub const ORIGIN: Hash = [0; 32];

/// The hash of a link: SHA-256 over the 32 bytes of the hash before and the line as UTF-8.
#[must_use]
pub fn link(previous: &Hash, record: &str) -> Hash {
    keys::sha256(&[previous.as_slice(), record.as_bytes()].concat())
}

/// One event in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// From 1, without gaps.
    pub seq: i64,
    pub hash: Hash,
    /// The line of JSON that was hashed.
    pub record: String,
}

/// A link as the database has it: also what it is found by, which must say what the line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub link: Link,
    pub index: Index,
}

/// What an event is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// The action id.
    pub id: String,
    /// Seconds since 1970.
    pub at: i64,
    pub outcome: String,
    pub client: Option<String>,
    pub subject: Option<String>,
    pub delegation: Option<String>,
    /// The chain.
    pub root: Option<String>,
}

/// A place in the trail, and the proof that it was ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    pub seq: i64,
    pub hash: Hash,
    pub attestation: Hash,
}

/// Where a trail begins and ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The link before the oldest that is kept; 0 and [`ORIGIN`] when nothing was forgotten yet.
    pub first: Anchor,
    /// The newest link; equal to `first` when there is none.
    pub last: Anchor,
}

/// Attests places in one organization's trail under the installation's data key.
#[derive(Debug)]
pub struct Notary {
    org: String,
    key: Arc<DataKey>,
}

impl Notary {
    #[must_use]
    pub fn new(org: &str, key: Arc<DataKey>) -> Self {
        Self { org: org.to_owned(), key }
    }

    /// # Errors
    ///
    /// The key cannot be used.
    pub fn anchor(&self, seq: i64, hash: Hash) -> Result<Anchor, Fault> {
        let place = format!("trail:{}:{seq}", self.org);
        let attestation = self.key.attest(&place, &hash).map_err(|e| Fault::Keys(e.to_string()))?;
        Ok(Anchor { seq, hash, attestation })
    }

    /// Whether we attested this place.
    ///
    /// # Errors
    ///
    /// The key cannot be used.
    pub fn attested(&self, anchor: &Anchor) -> Result<bool, Fault> {
        Ok(self.anchor(anchor.seq, anchor.hash)? == *anchor)
    }
}

/// The trail of one organization. Each method is one transaction.
#[async_trait]
pub trait Trail: Debug + Send + Sync {
    /// Gives events that were written their place, oldest first, at most `most`; returns how many.
    /// Of replicas that try at once one does it.
    async fn seal(&self, most: usize) -> Result<usize, Fault>;

    async fn ends(&self) -> Result<Ends, Fault>;

    /// The links after `after`, in order, at most `most`.
    async fn walk(&self, after: i64, most: usize) -> Result<Vec<Stored>, Fault>;

    /// The links that `query` asks for. Its cost does not grow with those it does not ask for, as
    /// long as it names an action, a user, an agent, a chain or a time.
    async fn find(&self, query: &Query) -> Result<Page, Fault>;

    /// Forgets the oldest links that were made before `before`, but none after number `exported`,
    /// at most `most`; returns how many.
    async fn prune(&self, before: Timestamp, exported: i64, most: usize) -> Result<u64, Fault>;
}

/// Which events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The id of the event itself.
    pub action: Option<Uuid>,
    /// `sub` in our tokens.
    pub user: Option<String>,
    /// The `client_id` of who asked.
    pub agent: Option<String>,
    /// Any delegation of a chain: all events of that chain.
    pub chain: Option<Uuid>,
    pub outcome: Option<Outcome>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// Newest first; else in order.
    pub newest_first: bool,
    /// Where the page before ended: its [`Page::next`].
    pub after: Option<i64>,
    /// At most so many, 1 to [`LARGEST_PAGE`].
    pub most: usize,
}

pub const LARGEST_PAGE: usize = 1000;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub links: Vec<Link>,
    /// Where the next page begins; none when there is nothing more for now.
    pub next: Option<i64>,
}
