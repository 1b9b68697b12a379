//! `private_key_jwt`: a client asserts itself (RFC 7523 §2.2, rfc7523bis).

use std::time::Duration;

use keys::{AssertionKind, ExpectAssertion, TokenFault};
use policy::Timestamp;

use super::{LEEWAY, Sent, unacceptable};
use crate::{
    client::{Caller, Claimed, ClientFault, Unspent, refused},
    declared::Method,
    org::Org,
    ports::{Once, OnceKind},
    refusal::Failure,
    request::TOKEN_ENDPOINT,
};

/// How long one is good at most: for so long its `jti` is remembered.
const LONGEST: Duration = Duration::from_mins(5);

pub(super) async fn authenticate(org: &Org, sent: &Sent<'_>) -> Result<Unspent<Caller>, Failure> {
    let name = sent.says.subject.as_deref();
    let name = name.ok_or_else(|| unacceptable(TokenFault::Subject))?;
    // RFC 7521 §4.2: `client_id`, if sent, "MUST identify the same client".
    if sent.id.is_some_and(|id| id != name) {
        return Err(refused(ClientFault::OtherClient));
    }
    let mut expect = ExpectAssertion {
        kind: AssertionKind::ClientAuthentication,
        issuer: Some(name),
        audience: &[&org.issuer],
        sole_audience: true,
        algorithms: &keys::Algorithm::ALL,
        leeway: LEEWAY,
        longest: Some(LONGEST),
    };
    let claimed = Claimed::find(org, name).map_err(|unknown| {
        // Somebody unknown costs what somebody known does: the same work, with keys that are not theirs.
        drop(sent.verify(org.ring.public(), &expect));
        refused(unknown)
    })?;
    let client = claimed.open_to(Method::PrivateKeyJwt).map_err(refused)?;
    let source = client.keys.as_ref().ok_or_else(|| unacceptable(TokenFault::UnknownKey))?;
    let keys = source.keys(sent.kid()).await?;

    let (token_endpoint, with_token_endpoint);
    if client.legacy_audience {
        token_endpoint = format!("{}{TOKEN_ENDPOINT}", org.issuer);
        with_token_endpoint = [org.issuer.as_str(), token_endpoint.as_str()];
        expect.audience = &with_token_endpoint;
    }
    expect.algorithms = &client.algorithms;
    let registered = sent.verify(&keys, &expect).map_err(unacceptable)?;
    if registered.subject != client.id {
        return Err(refused(ClientFault::OtherClient));
    }
    let id = registered.id.ok_or_else(|| refused(ClientFault::NoId))?;
    // Outlives `exp` by the leeway, or a replay slips through.
    let until = Timestamp(registered.expires_at).plus(LEEWAY);
    let once = Once::new(OnceKind::ClientAssertion, &client.id, &id, until);
    let caller = claimed.believed(Method::PrivateKeyJwt).map_err(refused)?;
    Ok(Unspent::new(caller, vec![once]))
}
