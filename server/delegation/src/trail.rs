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

mod head;
mod record;
mod verify;

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use keys::DataKey;
use policy::Timestamp;
use serde::Serialize;
use uuid::Uuid;

pub use self::{
    head::{Head, NoHead, hex},
    record::{Actor, Checked, Record},
    verify::{Broken, MOST_TOLD, Question, Verified, verify},
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

/// A link as the database has it: also what it is found by, which must say what the line says
/// ([`Index::of`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub link: Link,
    pub index: Index,
}

/// What an event is found by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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

/// The outcome of an event whose line cannot be read.
pub const UNREADABLE: &str = "unreadable";

impl Index {
    /// What the event `id` is found by, whose line is `record`.
    ///
    /// Only somebody who edits the database leaves a line that cannot be read. It gets its place all
    /// the same, or it would keep all others from theirs; of it, only what its id says is known.
    #[must_use]
    pub fn of(id: &str, record: &str) -> Self {
        let index = Record::read(record).ok().map(|record| record.index());
        // No text that both databases can keep holds a NUL, and none that we write.
        index.filter(|index| !index.texts().any(|text| text.contains('\0'))).unwrap_or_else(|| {
            let made = Uuid::parse_str(id).ok().and_then(|id| id.get_timestamp());
            let at = made.and_then(|made| i64::try_from(made.to_unix().0).ok()).unwrap_or(0);
            Self {
                id: id.to_owned(),
                at,
                outcome: UNREADABLE.to_owned(),
                client: None,
                subject: None,
                delegation: None,
                root: None,
            }
        })
    }

    fn texts(&self) -> impl Iterator<Item = &String> {
        let optional = [&self.client, &self.subject, &self.delegation, &self.root];
        [&self.id, &self.outcome].into_iter().chain(optional.into_iter().flatten())
    }
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

/// Which ends of a trail are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Attested {
    pub first: bool,
    pub last: bool,
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

    /// Attests that this is the newest link.
    ///
    /// # Errors
    ///
    /// The key cannot be used.
    pub fn anchor(&self, seq: i64, hash: Hash) -> Result<Anchor, Fault> {
        self.attest("trail", seq, hash)
    }

    /// Attests that everything up to this link was forgotten, and nothing after it.
    ///
    /// Never by the words of [`anchor`](Self::anchor): or whoever has seen those, as the database
    /// has, could pass off any newest link as a beginning and take away everything before it.
    ///
    /// # Errors
    ///
    /// The key cannot be used.
    pub fn beginning(&self, seq: i64, hash: Hash) -> Result<Anchor, Fault> {
        // A trail that has not begun ends where it begins.
        if seq == 0 { self.anchor(seq, hash) } else { self.attest("trail-after", seq, hash) }
    }

    fn attest(&self, what: &str, seq: i64, hash: Hash) -> Result<Anchor, Fault> {
        let place = format!("{what}:{}:{seq}", self.org);
        let attestation = self.key.attest(&place, &hash).map_err(|e| Fault::Keys(e.to_string()))?;
        Ok(Anchor { seq, hash, attestation })
    }

    /// Whether we attested both ends, each as what it is.
    ///
    /// # Errors
    ///
    /// The key cannot be used.
    pub fn attested(&self, Ends { first, last }: &Ends) -> Result<Attested, Fault> {
        Ok(Attested {
            first: self.beginning(first.seq, first.hash)? == *first,
            last: self.anchor(last.seq, last.hash)? == *last,
        })
    }
}

/// The trail of one organization. Each method is one transaction.
#[async_trait]
pub trait Trail: Debug + Send + Sync {
    /// Gives events that were written their place, oldest first, at most `most`; returns how many.
    /// Of replicas that try at once one does it, and the others return 0.
    ///
    /// A trail whose end we did not attest is a fault: nothing is ever chained to a forgery.
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

    /// Delegations that are kept, were issued at `since` or later, and that no event tells of, be it
    /// in the trail or waiting; at most `most`. There are none, unless somebody took an event away.
    async fn untold(&self, since: Timestamp, most: usize) -> Result<Vec<Uuid>, Fault>;
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
