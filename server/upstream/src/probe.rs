//! Readers that are private here, opened for whoever looks for input that breaks them (`server/fuzz`).

use delegation::ports::Introspected;
use policy::Standing;

pub use crate::transmitter::Polled;
use crate::{
    connectors::introspection, fault::UpstreamFault, metadata::Metadata, transmitter::poll,
};

/// The addresses in a provider's discovery document: its keys, its introspection, its userinfo.
///
/// # Errors
///
/// It is no such document, or another issuer's.
pub fn discovery(
    document: &[u8],
    issuer: &str,
) -> Result<(String, Option<String>, Option<String>), UpstreamFault> {
    let found = Metadata::parse(document, issuer)?;
    Ok((found.jwks_uri, found.introspection_endpoint, found.userinfo_endpoint))
}

/// What an introspection answer says of a token of `user`.
///
/// # Errors
///
/// It is no answer.
pub fn introspection(body: &[u8], issuer: &str, user: &str) -> Result<Standing, UpstreamFault> {
    introspection::standing(body, issuer, user).map(|told| told.standing)
}

/// The same of a token that only its provider can read; none when it is not active.
///
/// # Errors
///
/// It is no answer, or does not say enough.
pub fn described(body: &[u8], issuer: &str) -> Result<Option<Introspected>, UpstreamFault> {
    introspection::described::described(body, issuer)
}

/// An answer to a poll for events (RFC 8936).
#[must_use]
pub fn polled(body: &[u8]) -> Option<Polled> {
    poll::polled(body)
}
