//! The actor token: who acts, when the client does not leave it at having authenticated.

use policy::{Standing, Timestamp};

use crate::{
    client::AuthenticatedClient,
    org::Org,
    ports::Question,
    provider,
    refusal::{Failure, Refusal},
    request::PresentedToken,
    subject::TokenRefusal,
};

/// An actor token must identify the authenticated client, and nobody else (RFC 8693 §2.1).
///
/// Returns when it expires.
pub(crate) async fn verify(
    org: &Org,
    client: &AuthenticatedClient,
    presented: &PresentedToken,
    now: Timestamp,
) -> Result<Timestamp, Failure> {
    let actor = |cause| Refusal::ActorToken(cause);
    let peek = keys::peek(presented.compact()).map_err(|fault| actor(fault.into()))?;
    let connection = org.connection_of(&peek.issuer).ok_or(actor(TokenRefusal::UnknownIssuer))?;
    let (verified, kind) =
        provider::verify(connection, client, presented, now).await?.map_err(actor)?;
    let facts = provider::facts(org, connection, &verified, kind).map_err(actor)?;
    let agent = client.agent();
    let own_client = facts.presented_as.as_deref().is_none_or(|name| agent.is_known_as(name));
    if !(agent.is_known_as(&facts.user.id) && own_client) {
        return Err(actor(TokenRefusal::NotTheClient).into());
    }
    let question = Question { token: presented.token.clone(), user: facts.user.id };
    match connection.provider.standing(question).await?.standing {
        Standing::Good => Ok(facts.expires_at),
        Standing::Gone => Err(actor(TokenRefusal::Gone).into()),
    }
}
