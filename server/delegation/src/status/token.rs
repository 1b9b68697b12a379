//! The signed list (draft-ietf-oauth-status-list-20 §5.1).

use policy::Timestamp;
use serde::Serialize;

use super::{PATH, SIZE, uri};
use crate::{custody, org::Org, refusal::Fault};

/// For so many seconds a verifier keeps a list before it asks again.
pub const TTL: i64 = 15;

/// So many seconds after it was made nobody relies on a list any more, whatever lies in between: what
/// is revoked is known everywhere by then. A verifier's clock must not differ by more.
pub const LIFETIME: i64 = 30;

#[derive(Serialize)]
struct ListClaims<'a> {
    sub: &'a str,
    iat: i64,
    exp: i64,
    ttl: i64,
    status_list: StatusList<'a>,
}

#[derive(Serialize)]
struct StatusList<'a> {
    bits: u8,
    lst: &'a str,
    aggregation_uri: &'a str,
}

/// A list as of `now`: which of its tokens have been ended. None when there is no such list (any more).
///
/// # Errors
///
/// The ledger cannot be read, or the signing key not be used.
pub async fn token(org: &Org, list: i64, now: Timestamp) -> Result<Option<String>, Fault> {
    let Some(ended) = org.status_lists.ended(list).await? else { return Ok(None) };
    let lst = keys::status_list::pack(usize::try_from(SIZE).unwrap_or(0), &ended);
    let claims = ListClaims {
        sub: &uri(&org.issuer, list),
        iat: now.0,
        exp: now.0.saturating_add(LIFETIME),
        ttl: TTL,
        status_list: StatusList {
            bits: 1,
            lst: &lst,
            aggregation_uri: &format!("{}{PATH}", org.issuer),
        },
    };
    custody::sign(org.ring.active(), keys::status_list::TYP, &claims).await.map(Some)
}
