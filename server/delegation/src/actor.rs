//! The actor token: who acts, when the client does not leave it at having authenticated.

use std::time::Duration;

use keys::{Algorithm, Expect, Typ, Verified};
use policy::{Account, Confirmation, Session, Timestamp};
use uuid::Uuid;

use crate::{
    claims::{Cnf, OwnClaims},
    exchange::By,
    org::Org,
    ports::Question,
    provider,
    refusal::{Failure, Fault, Refusal},
    request::{DeclaredType, PresentedToken},
    subject::TokenRefusal,
};

/// An actor token must identify the authenticated client, and nobody else (RFC 8693 §2.1).
///
/// Returns when it expires.
pub(crate) async fn verify(
    org: &Org,
    by: By<'_>,
    presented: &PresentedToken,
    now: Timestamp,
) -> Result<Timestamp, Failure> {
    let peek = keys::peek(presented.compact()).map_err(actor)?;
    if peek.issuer == org.issuer {
        own(org, by, presented, now).await
    } else {
        of_a_provider(org, by, (presented, &peek.issuer), now).await
    }
}

fn actor(cause: impl Into<TokenRefusal>) -> Refusal {
    Refusal::ActorToken(cause.into())
}

/// A token that the client got of us to say who it is, by its own credentials.
async fn own(
    org: &Org,
    by: By<'_>,
    presented: &PresentedToken,
    now: Timestamp,
) -> Result<Timestamp, Failure> {
    match presented.declared {
        DeclaredType::AccessToken | DeclaredType::Jwt => {}
        DeclaredType::IdToken | DeclaredType::Assertion => {
            return Err(actor(TokenRefusal::OtherKind).into());
        }
    }
    let expect = Expect {
        typ: &[Typ::AccessToken],
        issuer: &org.issuer,
        audience: &[&org.issuer],
        // The key that `kid` names serves one algorithm only.
        algorithms: &Algorithm::ALL,
        leeway: Duration::ZERO,
        max_age: None,
    };
    let verified: Verified<OwnClaims> =
        keys::verify_remembering(presented.compact(), org.signing(), &expect, now.0)
            .map_err(actor)?;
    let (claims, registered) = (verified.claims(), verified.registered());
    if claims.org_id != org.id {
        return Err(actor(TokenRefusal::OtherOrg).into());
    }
    let agent = by.client.agent();
    let is_the_clients = registered.subject == agent.actor_id() && claims.client_id == agent.id;
    // With `act` it would be a token of somebody for whom somebody acts.
    if !is_the_clients || claims.act.is_some() {
        return Err(actor(TokenRefusal::NotTheClient).into());
    }
    let bound_to = claims.cnf.clone().map(Cnf::confirmation);
    if !is_held(by, bound_to.as_ref()) {
        return Err(actor(TokenRefusal::Bound).into());
    }
    let id = registered.id.as_deref().and_then(|id| Uuid::parse_str(id).ok());
    let id = id.ok_or(actor(TokenRefusal::NotRecorded))?;
    let found = org.ledger.find(id).await?.ok_or(actor(TokenRefusal::NotRecorded))?;
    if found.revision != org.revision {
        return Err(Fault::Changed.into());
    }
    if found.token_hash != keys::sha256(presented.compact().as_bytes()) {
        return Err(actor(TokenRefusal::NotRecorded).into());
    }
    if found.ended_at.is_some() || found.grant_expires_at.is_some_and(|at| at <= now) {
        return Err(actor(TokenRefusal::Ended).into());
    }
    Ok(Timestamp(registered.expires_at))
}

/// Whether the sender has proved to have the key that a token is bound to, if any.
fn is_held(by: By<'_>, bound_to: Option<&Confirmation>) -> bool {
    let Some(bound_to) = bound_to else { return true };
    by.possession.of(&by.client.agent().client, Some(bound_to)).as_ref() == Some(bound_to)
}

/// A token of the client at one of our identity providers.
async fn of_a_provider(
    org: &Org,
    by: By<'_>,
    (presented, issuer): (&PresentedToken, &str),
    now: Timestamp,
) -> Result<Timestamp, Failure> {
    let connection = org.connection_of(issuer).ok_or(actor(TokenRefusal::UnknownIssuer))?;
    let connection = connection.running()?;
    let agent = by.client.agent();
    let said = provider::token((connection, &org.signatures), agent, presented, now)
        .await?
        .map_err(actor)?;
    let facts = provider::facts(org, connection, &said).map_err(actor)?;
    let own_client = facts.presented_as.as_deref().is_none_or(|name| agent.is_known_as(name));
    if !(agent.is_known_as(&facts.user.id) && own_client) {
        return Err(actor(TokenRefusal::NotTheClient).into());
    }
    if !is_held(by, facts.bound_to.as_ref()) {
        return Err(actor(TokenRefusal::Bound).into());
    }
    // Of a client, unlike of a user, a provider's directory of users knows nothing.
    let question = Question {
        token: Some(presented.token.clone()),
        user: facts.user.id,
        hints: provider::hints(&said),
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
