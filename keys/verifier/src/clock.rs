//! The only reader of the clock here; [`Verifier::verify_at`](crate::Verifier::verify_at) takes the time as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since the Unix epoch. A clock before 1970 reads as 0, at which every token has yet to begin.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
