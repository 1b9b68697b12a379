//! Readers that are private here, opened for whoever looks for input that breaks them (`server/fuzz`).
//! What they return is no evidence of anything: nobody was authenticated.

use std::net::IpAddr;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use delegation::{revoke::What, trail::Query};
use policy::Timestamp;

use super::{
    admin::{audit, revocations},
    peer::forwarded,
};
use crate::config::proxy::Format;

const CERT: HeaderName = HeaderName::from_static("client-cert");
const CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");
const ADDRESS: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The headers of a trusted proxy as they arrive; none of what no HTTP header can be.
fn headers<'a>(
    name: &HeaderName,
    values: impl Iterator<Item = &'a [u8]>,
    into: &mut HeaderMap,
) -> Option<()> {
    for value in values {
        into.append(name.clone(), HeaderValue::from_bytes(value).ok()?);
    }
    Some(())
}

/// The certificates a proxy writes down, DER, the leaf first, from the values of its header and of the
/// header beside it; the outer none when they are none of the format.
#[must_use]
pub fn certificate<'a>(
    leaf: impl Iterator<Item = &'a [u8]>,
    chain: impl Iterator<Item = &'a [u8]>,
    format: Format,
) -> Option<Option<Vec<Vec<u8>>>> {
    let mut all = HeaderMap::new();
    headers(&CERT, leaf, &mut all)?;
    headers(&CHAIN, chain, &mut all)?;
    forwarded::certificate(&all, &CERT, format).ok()
}

/// Who a proxy says has asked it, in the values of its header.
#[must_use]
pub fn address<'a>(
    values: impl Iterator<Item = &'a [u8]>,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Option<IpAddr> {
    let mut all = HeaderMap::new();
    headers(&ADDRESS, values, &mut all)?;
    forwarded::address(&all, &ADDRESS, is_trusted)
}

/// What a query string asks the audit trail for.
#[must_use]
pub fn audit_query(text: &str, now: Timestamp) -> Option<Query> {
    audit::query(text, now)
}

/// What an operator's body ends.
#[must_use]
pub fn revocation(body: &[u8]) -> Option<What> {
    revocations::what(body)
}
