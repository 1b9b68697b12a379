//! The verifier's side: a signed list becomes statuses, or nothing (§8.3).

use std::{borrow::Cow, io::Read, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::read::ZlibDecoder;
use serde::Deserialize;

use super::TYP;
use crate::{
    Algorithm, PublicKeys, TokenFault,
    compact::Compact,
    expect::media_name,
    header::Header,
    strict::{self, Member},
    verify::{expiry, issue, opened, seconds},
};

/// The longest signed list that is looked at, and the longest it may become: eight million tokens of a
/// bit each. Of ours, one has 16 KiB; what zlib makes of a few KiB can be gigabytes.
const MAX_LIST: usize = 1024 * 1024;

/// What a signed list must be to be believed.
#[derive(Clone, Debug)]
pub struct ExpectList<'a> {
    /// Where it was fetched, which is what its `sub` must say: one list never passes for another.
    pub uri: &'a str,
    pub algorithms: &'a [Algorithm],
    /// The tolerated difference of clocks, whole seconds.
    pub leeway: Duration,
}

/// A status per token, verified.
///
/// Evidence: only [`read`] makes one.
#[derive(Clone, Debug)]
#[must_use]
pub struct StatusList {
    bits: usize,
    bytes: Vec<u8>,
    lifetime: Option<Duration>,
    expires_at: Option<i64>,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(deserialize_with = "crate::object")]
    status_list: Packed,
}

#[derive(Deserialize)]
struct Packed {
    bits: usize,
    lst: String,
}

/// Verifies a signed list as of `now`, in seconds since the Unix epoch (§8.3). `keys` must be those of
/// the issuer whose tokens name it.
///
/// # Errors
///
/// The first check that failed.
pub fn read(
    token: &str,
    keys: &PublicKeys,
    expect: &ExpectList<'_>,
    now: i64,
) -> Result<StatusList, TokenFault> {
    let compact = Compact::split_within(token, MAX_LIST)?;
    let kind = |typ: Option<&str>| {
        typ.map(media_name).filter(|name| name.eq_ignore_ascii_case(TYP)).map(drop)
    };
    let (payload, ()) = opened(&compact, keys, expect.algorithms, kind)?;
    let [sub, iat, exp, ttl] = strict::read(&payload, ["sub", "iat", "exp", "ttl"])?;
    if !matches!(&sub, Some(Member::Text(sub)) if sub == expect.uri) {
        return Err(TokenFault::Subject);
    }
    let leeway = seconds(expect.leeway);
    issue(iat.as_ref(), now.saturating_add(leeway))?;
    let expires_at = exp.as_ref().map(|exp| expiry(exp, now.saturating_sub(leeway))).transpose()?;
    let lifetime = match ttl {
        None => None,
        Some(Member::Integer(ttl)) if 0 < ttl => Some(Duration::from_secs(ttl.unsigned_abs())),
        Some(Member::Integer(_) | Member::Text(_) | Member::Texts(_) | Member::Other) => {
            return Err(TokenFault::Claims);
        }
    };
    let claims: Claims = serde_json::from_slice(&payload).map_err(|_| TokenFault::Claims)?;
    let Packed { bits, lst } = claims.status_list;
    // §4.1: "The allowed values for bits are 1, 2, 4, and 8."
    if !matches!(bits, 1 | 2 | 4 | 8) {
        return Err(TokenFault::Claims);
    }
    Ok(StatusList { bits, bytes: unpacked(&lst)?, lifetime, expires_at })
}

/// Which key a signed list says signed it. **Unverified: for routing only**, that is, to have the keys
/// with which [`read`] is then called.
///
/// # Errors
///
/// When the list could not be accepted whatever the key.
pub fn kid(token: &str) -> Result<Option<String>, TokenFault> {
    let header = Compact::split_within(token, MAX_LIST)?.header()?;
    Ok(Header::parse(&header)?.kid.map(Cow::into_owned))
}

fn unpacked(lst: &str) -> Result<Vec<u8>, TokenFault> {
    let compressed = URL_SAFE_NO_PAD.decode(lst).map_err(|_| TokenFault::Claims)?;
    let mut bytes = Vec::new();
    let one_too_many = u64::try_from(MAX_LIST).unwrap_or(u64::MAX).saturating_add(1);
    ZlibDecoder::new(compressed.as_slice())
        .take(one_too_many)
        .read_to_end(&mut bytes)
        .map_err(|_| TokenFault::Claims)?;
    if MAX_LIST < bytes.len() { Err(TokenFault::TooLarge) } else { Ok(bytes) }
}

impl StatusList {
    /// The status of the token with this index (§7.1: 0 is valid); `None` when the list is too short
    /// for it, and then the token must be refused (§8.3).
    #[must_use]
    pub fn status(&self, index: u64) -> Option<u8> {
        let per_byte = 8_usize.checked_div(self.bits)?;
        let index = usize::try_from(index).ok()?;
        let byte = self.bytes.get(index.checked_div(per_byte)?)?;
        let shift = index.checked_rem(per_byte)?.checked_mul(self.bits)?;
        let mask = u8::MAX >> 8_usize.checked_sub(self.bits)?;
        Some((byte >> shift) & mask)
    }

    /// `ttl`: how long it may be kept before it is asked for again.
    #[must_use]
    pub fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }

    /// `exp`, seconds since the Unix epoch: after that it says nothing any more.
    #[must_use]
    pub fn expires_at(&self) -> Option<i64> {
        self.expires_at
    }
}
