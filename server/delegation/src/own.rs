//! A client asks for itself ([RFC 6749 §4.4]): a service account for an API, on what the organization
//! granted it; an agent for a token that says who it is, to be used as `actor_token`.
//!
//! [RFC 6749 §4.4]: https://www.rfc-editor.org/rfc/rfc6749#section-4.4

use policy::{Product, TargetFacts, TargetKind};

use crate::{
    event::{Event, quoted},
    exchange::{Arrival, Asked, By, actor_facts, heard, leave},
    issue::Issued,
    org::Org,
    refusal::{Failure, Refusal},
    request::{Details, OwnRequest},
    subject::itself,
};

/// Issues a token of the client's own.
///
/// # Errors
///
/// As [`exchange`](crate::exchange::exchange).
pub async fn own(
    org: &Org,
    by: By<'_>,
    request: &OwnRequest,
    arrival: Arrival,
    event: &mut Event,
) -> Result<Issued, Failure> {
    let named = heard(org, (request.scope.as_ref(), request.target.as_ref()), event)?;
    let agent = by.client.agent();
    event.subject = Some(agent.actor_id());
    let target =
        if agent.is_service() { api(org, named, event)? } else { ourselves(org, named, event)? };
    let subject = itself(org, agent, arrival.now).await?;
    let (actor, requested) = (actor_facts(org, agent), request.scope.clone());
    let (product, details, once) = (Product::AccessToken, &Details::default(), None);
    let asked = Asked { actor, target, requested, product, details, once, by, arrival };
    leave(org, asked, &subject, event).await
}

/// An API, or the organization's default.
fn api(org: &Org, named: Option<&str>, event: &mut Event) -> Result<TargetFacts, Refusal> {
    let name = named.or(org.default_target.as_deref()).ok_or(Refusal::NoTarget)?;
    event.target = Some(quoted(name));
    org.target(name).filter(|it| it.kind == TargetKind::Resource).ok_or(Refusal::UnknownTarget)
}

/// An agent has nothing of its own to do anywhere else.
fn ourselves(org: &Org, named: Option<&str>, event: &mut Event) -> Result<TargetFacts, Refusal> {
    let name = named.unwrap_or(&org.issuer);
    event.target = Some(quoted(name));
    if name != org.issuer {
        return Err(Refusal::UnknownTarget);
    }
    let (id, scope) = (org.issuer.clone(), policy::Scope::default());
    Ok(TargetFacts { id, kind: TargetKind::Ourselves, scope })
}
