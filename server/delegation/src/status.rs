//! Status lists (draft-ietf-oauth-status-list): what a verifier that never calls us can still know
//! of a revocation, within the time the list may be cached.

use std::fmt::Debug;

use async_trait::async_trait;
use policy::Timestamp;

use crate::refusal::Fault;

/// The place of a token on the status lists of its organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusIndex {
    pub list: i64,
    pub index: i64,
}

/// Indexes that one replica may give away: `first` up to `first + count`, until `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leased {
    pub list: i64,
    pub first: i64,
    pub count: i64,
    pub until: Timestamp,
}

/// The status lists of one organization. Each method is one transaction.
#[async_trait]
pub trait StatusLists: Debug + Send + Sync {
    /// Indexes nobody else has or will get. Lists follow one another; a full one is left behind.
    async fn lease(&self, now: Timestamp) -> Result<Leased, Fault>;

    /// The indexes on `list` whose delegations have ended, ascending; none when there is no such list
    /// (any more: every token on it has died).
    async fn ended(&self, list: i64) -> Result<Option<Vec<i64>>, Fault>;

    /// The lists on which a token may live.
    async fn lists(&self) -> Result<Vec<i64>, Fault>;
}
