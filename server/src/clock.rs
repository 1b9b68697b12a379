//! The only reader of clock and entropy: everything else takes `now` and ids as arguments.

use std::time::{SystemTime, UNIX_EPOCH};

use policy::Timestamp;
use uuid::Uuid;

/// Seconds since the epoch. A clock before 1970 reads as 0, at which every token has yet to begin.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// A fresh `UUIDv7`: unique, and sorted by time, which keeps indexes small and local.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub fn id() -> Uuid {
    Uuid::now_v7()
}
