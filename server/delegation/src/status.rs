//! Status lists (draft-ietf-oauth-status-list): what a verifier that never calls us can still know
//! of a revocation, within the time the list may be cached.

mod token;

use std::{
    collections::VecDeque,
    fmt::Debug,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use policy::Timestamp;

pub use self::token::{LIFETIME, TTL, token};
use crate::refusal::Fault;

/// Places on a list: 16 kB before compression.
pub const SIZE: i64 = 1 << 17;

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

/// Below an issuer: the aggregation (§9), and below that every list by its number.
pub const PATH: &str = "/oauth/status-lists";

/// Where a list is read: its name in the tokens that are on it.
#[must_use]
pub fn uri(issuer: &str, list: i64) -> String {
    format!("{issuer}{PATH}/{list}")
}

/// Gives away places on the lists of one organization. One per replica, and it outlives snapshots.
///
/// Places come from memory. Whoever notices that they run low leases more, while others go on; only
/// when there are none, everybody waits for that one lease. What a replica leased and never gave
/// away is lost: a list holds 128 such blocks.
#[derive(Debug)]
pub struct StatusIndexes {
    lists: Arc<dyn StatusLists>,
    /// What is leased and not yet given away, oldest first. Never locked across an await.
    leased: Mutex<VecDeque<Leased>>,
    /// One lease at a time.
    leasing: tokio::sync::Mutex<()>,
}

/// With fewer places than this the next block is leased.
const LOW: i64 = 256;

/// A place is used for an opening that takes some seconds, and must be recorded before its lease is over.
const SLOWEST_OPENING: i64 = 15;

impl StatusIndexes {
    #[must_use]
    pub fn new(lists: Arc<dyn StatusLists>) -> Self {
        let (leased, leasing) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { lists, leased, leasing }
    }

    /// A place that nobody else has or will get.
    ///
    /// # Errors
    ///
    /// There is none at hand, and none can be leased.
    pub async fn take(&self, now: Timestamp) -> Result<StatusIndex, Fault> {
        let (given, left) = self.give(now);
        match given {
            Some(place) if LOW <= left => Ok(place),
            Some(place) => {
                if let Ok(_one_at_a_time) = self.leasing.try_lock() {
                    // A fault is nobody's yet: there are some left.
                    drop(self.lease(now).await);
                }
                Ok(place)
            }
            None => {
                let _one_at_a_time = self.leasing.lock().await;
                if let (Some(place), _) = self.give(now) {
                    return Ok(place);
                }
                self.lease(now).await?;
                let (place, _) = self.give(now);
                place.ok_or_else(|| Fault::Store("an empty block of a status list".to_owned()))
            }
        }
    }

    async fn lease(&self, now: Timestamp) -> Result<(), Fault> {
        let block = self.lists.lease(now).await?;
        self.leased.lock().unwrap_or_else(PoisonError::into_inner).push_back(block);
        Ok(())
    }

    /// The next place, if there is one, and how many are left.
    fn give(&self, now: Timestamp) -> (Option<StatusIndex>, i64) {
        let mut leased = self.leased.lock().unwrap_or_else(PoisonError::into_inner);
        leased.retain(|block| 0 < block.count && now.0 + SLOWEST_OPENING < block.until.0);
        let place = leased.front_mut().map(|block| {
            let place = StatusIndex { list: block.list, index: block.first };
            block.first += 1;
            block.count -= 1;
            place
        });
        (place, leased.iter().map(|block| block.count).sum())
    }
}

#[cfg(test)]
mod tests;
