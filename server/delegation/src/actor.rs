//! The actor token: who acts, when the client does not leave it at having authenticated.

use std::time::Duration;

use policy::{Account, Session, Timestamp};

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
    let connection = connection.running()?;
    let (verified, kind) =
        provider::verify(connection, client, presented, now).await?.map_err(actor)?;
    let facts = provider::facts(org, connection, &verified, kind).map_err(actor)?;
    let agent = client.agent();
    let own_client = facts.presented_as.as_deref().is_none_or(|name| agent.is_known_as(name));
    if !(agent.is_known_as(&facts.user.id) && own_client) {
        return Err(actor(TokenRefusal::NotTheClient).into());
    }
    // Of a client, unlike of a user, a provider's directory of users knows nothing.
    let question = Question {
        token: Some(presented.token.clone()),
        user: facts.user.id,
        hints: provider::hints(&verified),
        is_client: true,
        epoch: 0,
        max_age: Duration::ZERO,
        purpose: None,
    };
    let answer = connection.provider.standing(question).await;
    let standing = answer.map_err(|inconclusive| inconclusive.fault)?.standing;
    if standing.session == Session::Live && standing.account != Account::Suspended {
        Ok(facts.expires_at)
    } else {
        Err(actor(TokenRefusal::Gone).into())
    }
}
