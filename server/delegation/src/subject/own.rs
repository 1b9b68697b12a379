//! One of our own tokens, presented to be exchanged again.

use std::time::Duration;

use keys::{Algorithm, Expect, TokenFault, Typ, Verified};
use policy::{Party, Scope, SubjectFacts, SubjectKind, Timestamp};
use uuid::Uuid;

use super::{TokenRefusal, VerifiedSubject};
use crate::{
    claims::{Cnf, OwnClaims},
    client::AuthenticatedClient,
    org::Org,
    ports::Lineage,
    refusal::Fault,
    request::{DeclaredType, PresentedToken},
};

/// Any hop; whose it is, the presenter rule says.
pub(super) fn verify_own(
    org: &Org,
    presented: &PresentedToken,
    now: Timestamp,
    leeway: Duration,
) -> Result<VerifiedSubject, TokenRefusal> {
    match presented.declared {
        DeclaredType::AccessToken | DeclaredType::Jwt => {}
        DeclaredType::IdToken | DeclaredType::Assertion => return Err(TokenRefusal::OtherKind),
    }
    let expect = Expect {
        typ: &[Typ::AccessToken],
        issuer: &org.issuer,
        // Who may present it is the presenter rule's to say, in `policy`.
        audience: &[],
        // The key that `kid` names serves one algorithm only.
        algorithms: &Algorithm::ALL,
        leeway,
        max_age: None,
    };
    let verified: Verified<OwnClaims> =
        keys::verify_remembering(presented.compact(), org.signing(), &expect, now.0)?;
    let (claims, registered) = (verified.claims(), verified.registered());
    // Entra CVE-2025-55241, Casdoor CVE-2026-9094: the tenant is bound at every layer.
    if claims.org_id != org.id {
        return Err(TokenRefusal::OtherOrg);
    }
    // Nobody acts for a client that acts for itself.
    let act = claims.act.clone().ok_or(TokenRefusal::OfAClient)?;
    let id = registered.id.as_deref().and_then(|id| Uuid::parse_str(id).ok());
    let delegation = id.ok_or(TokenRefusal::NotRecorded)?;
    let facts = SubjectFacts {
        kind: SubjectKind::Own,
        org: claims.org_id.clone(),
        user: Party { issuer: registered.issuer.clone(), id: registered.subject.clone() },
        sub: registered.subject.clone(),
        scope: Some(Scope::parse(&claims.scope).map_err(|_| TokenFault::Claims)?),
        audience: registered.audience.clone(),
        presented_as: Some(claims.client_id.clone()),
        chain: act.chain(&org.issuer).map_err(|_| TokenRefusal::Chain)?,
        may_act: None,
        bound_to: claims.cnf.clone().map(Cnf::confirmation),
        expires_at: Timestamp(registered.expires_at),
        // Known by the ledger: see `recheck`.
        signed_in_at: None,
        auth_time: claims.auth_time.map(Timestamp),
        acr: claims.acr.clone(),
        amr: claims.amr.clone(),
    };
    Ok(VerifiedSubject { facts, lineage: Lineage::Derived { delegation }, beginning: None })
}

/// So long after its expiry the ledger still knows a delegation for sure.
const REMEMBERED: Duration = Duration::from_hours(24);

/// What there is to say of a token of ours that has expired: an agent that was cut off must not take
/// it for a matter of time.
///
/// Only those who may present it learn that much; of a stolen one not even its user's state shows.
pub(super) async fn expired(
    org: &Org,
    client: &AuthenticatedClient,
    presented: &PresentedToken,
    now: Timestamp,
) -> Result<TokenRefusal, Fault> {
    let expired = TokenRefusal::Token(TokenFault::Expired);
    let Ok(subject) = verify_own(org, presented, now, REMEMBERED) else { return Ok(expired) };
    let (facts, agent) = (subject.facts, client.agent());
    let is_presenter =
        facts.presented_as.as_ref() == Some(&agent.id) || facts.audience.contains(&agent.id);
    let Lineage::Derived { delegation } = subject.lineage else { return Ok(expired) };
    if !is_presenter {
        return Ok(expired);
    }
    let found = org.ledger.find(delegation).await?;
    let has_ended = found.is_some_and(|found| found.ended_at.is_some());
    Ok(if has_ended { TokenRefusal::Ended } else { expired })
}
