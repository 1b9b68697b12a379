//! Revocation by a client ([RFC 7009]): of its own tokens, and of what it handed on.
//!
//! [RFC 7009]: https://www.rfc-editor.org/rfc/rfc7009

use secrecy::SecretString;

use super::order::by_token;
use crate::{
    client::AuthenticatedClient,
    event::{Event, Outcome},
    form::{Form, Malformed},
    org::Org,
    ports::Selector,
    refusal::{Failure, Refusal},
};

/// RFC 7009 §2.1. `token_type_hint` helps those who keep tokens in several places: here is one.
#[derive(Debug)]
pub struct RevocationRequest {
    token: SecretString,
}

impl RevocationRequest {
    /// # Errors
    ///
    /// The first parameter that is missing or repeated.
    pub fn parse(form: &Form) -> Result<Self, Malformed> {
        let token = SecretString::from(form.one("token")?);
        form.at_most_one("token_type_hint")?;
        Ok(Self { token })
    }
}

/// What became of it. The client is told neither (§2.2: "invalid tokens do not cause an error response").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// So many delegations ended, descendants included.
    Ended(u64),
    /// No token of ours, or one that died long ago: there is nothing to end.
    Unknown,
}

/// Ends the delegation behind a token that was issued to `client`, with everything derived from it,
/// and writes `event` with it.
///
/// # Errors
///
/// [`Refusal::OtherClient`], RFC 7009 §2.1: "If this validation fails, the request is refused and
/// the client is informed of the error". Or an outage: then nothing has ended.
pub async fn revoke(
    org: &Org,
    client: &AuthenticatedClient,
    request: &RevocationRequest,
    event: &mut Event,
) -> Result<Revoked, Failure> {
    let Some((id, found)) = by_token(&*org.ledger, &request.token).await? else {
        return Ok(Revoked::Unknown);
    };
    let connection = org.connection(&found.connection);
    let prefix = connection.map_or("", |connection| &connection.subject_prefix);
    event.subject = Some(format!("{prefix}{}", found.user));
    event.connection = Some(found.connection);
    event.delegation = Some(id);
    event.root = Some(found.root);
    if found.agent != client.agent().id {
        return Err(Refusal::OtherClient.into());
    }
    let event = Event { outcome: Outcome::Revoked, reason: Some("token"), ..event.clone() };
    let (selector, at) = (Selector::Delegation(id), event.at);
    Ok(Revoked::Ended(org.ledger.revoke(&selector, at, Some(event)).await?))
}
