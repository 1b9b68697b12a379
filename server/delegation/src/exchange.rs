//! Token exchange ([RFC 8693]), read top to bottom.
//!
//! [RFC 8693]: https://www.rfc-editor.org/rfc/rfc8693

use std::time::Instant;

use policy::{ActorFacts, Decision, Facts, GrantFacts, Party, Permit, TargetFacts, Timestamp};
use uuid::Uuid;

use crate::{
    actor,
    client::AuthenticatedClient,
    event::{Event, quoted},
    issue::{Issued, Minting, issue, mint},
    org::Org,
    refusal::{Failure, Refusal, Stopped},
    request::ExchangeRequest,
    subject::{self, CurrentSubject, VerifiedSubject, recheck, verify},
};

/// When a request arrived, and the ids that what comes of it will have: read once, at the edge.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub now: Timestamp,
    pub delegation: Uuid,
    /// Of the event that a no of the identity provider leaves.
    pub denial: Uuid,
    /// When it is too late to record anything.
    pub until: Instant,
}

/// Exchanges a subject token for a delegated access token.
///
/// `event` is the draft of the audit event; each step adds what it learned. On success it is
/// committed together with the delegation; on failure the caller completes and notes it.
///
/// # Errors
///
/// [`Failure::Refused`] is an answer, [`Failure::Broken`] an outage: neither has issued anything.
pub async fn exchange(
    org: &Org,
    client: &AuthenticatedClient,
    request: &ExchangeRequest,
    arrival: Arrival,
    event: &mut Event,
) -> Result<Issued, Failure> {
    event.scope_requested = request.scope.as_ref().map(|scope| quoted(&scope.to_string()));
    if org.stopped {
        return Err(Refusal::Stopped(Stopped::Org).into());
    }
    let target = target(org, request, event)?;
    let subject = verify(org, client, &request.subject, arrival.now).await?;
    event.subject = Some(subject.facts().sub.clone());
    let actor = acting(org, client, request, arrival.now).await?;
    presented_by(&actor, &subject)?;
    let asked = subject::Asked {
        arrival,
        actor: &actor.party,
        target: &target.id,
        scope: request.scope.as_ref(),
    };
    let subject = recheck(org, subject, asked, event).await?;
    let is_listed = org.resources.get(&target.id).is_some_and(|resource| resource.status);
    let permit = decide(org, Asked { actor, target, request, now: arrival.now }, &subject, event)?;
    let status = if is_listed { Some(org.status_indexes.take(arrival.now).await?) } else { None };
    let token = mint(org, permit, Minting { subject: &subject, arrival, status }).await?;
    issue(org, token, event).await
}

/// RFC 8693 §2.1: `resource` or `audience`, or the organization's default.
fn target(org: &Org, request: &ExchangeRequest, event: &mut Event) -> Result<TargetFacts, Refusal> {
    let named = request.target.as_ref().map(crate::request::Target::name);
    let name = named.or(org.default_target.as_deref()).ok_or(Refusal::NoTarget)?;
    event.target = Some(quoted(name));
    let target = org.target(name).ok_or(Refusal::UnknownTarget)?;
    event.target = Some(target.id.clone());
    Ok(target)
}

/// The authenticated client is the actor; an `actor_token` must say the same.
async fn acting(
    org: &Org,
    client: &AuthenticatedClient,
    request: &ExchangeRequest,
    now: Timestamp,
) -> Result<ActorFacts, Failure> {
    let expires_at = match &request.actor {
        Some(presented) => Some(actor::verify(org, client, presented, now).await?),
        None => None,
    };
    let agent = client.agent();
    Ok(ActorFacts {
        party: Party { issuer: org.issuer.clone(), id: agent.actor_id() },
        client_id: agent.id.clone(),
        aliases: agent.aliases.clone(),
        ceiling: agent.ceiling.clone(),
        expires_at,
    })
}

/// Whose token this is, is known before anybody is asked about it: a stolen token must not even
/// tell whether its user still stands. `decide` holds the same rule, with all others.
fn presented_by(actor: &ActorFacts, subject: &VerifiedSubject) -> Result<(), Refusal> {
    policy::may_present(actor, subject.facts()).map_err(|reason| {
        Refusal::Policy(policy::Refusal { reason, policies: Vec::new(), step_up: None })
    })
}

struct Asked<'a> {
    actor: ActorFacts,
    target: TargetFacts,
    request: &'a ExchangeRequest,
    now: Timestamp,
}

/// Gathers the facts; `policy` decides.
fn decide(
    org: &Org,
    asked: Asked<'_>,
    subject: &CurrentSubject,
    event: &mut Event,
) -> Result<Permit, Refusal> {
    let grant = subject.grant().map(|grant| GrantFacts {
        id: grant.id.clone(),
        scope: grant.scope.clone(),
        targets: grant.targets.clone(),
        expires_at: grant.expires_at,
    });
    let facts = Facts {
        org: org.id.clone(),
        now: asked.now,
        subject: subject.facts().clone(),
        actor: asked.actor,
        grant,
        target: asked.target,
        requested: asked.request.scope.clone(),
        standing: subject.standing().clone(),
        approved: false,
    };
    event.grant = facts.grant.as_ref().map(|grant| grant.id.clone());
    event.chain = chain(&facts);
    event.policy_hash.clone_from(&org.policy_hash);
    match policy::decide(&facts, &org.rules) {
        Decision::Permit(permit) => {
            event.policies = names(permit.policies());
            Ok(permit)
        }
        Decision::Ask(_) => Err(Refusal::ApprovalNeeded),
        Decision::Refuse(refusal) => {
            event.policies = names(&refusal.policies);
            Err(Refusal::Policy(refusal))
        }
    }
}

fn names(policies: &[String]) -> Option<String> {
    (!policies.is_empty()).then(|| policies.join(" "))
}

/// The chain as asked for: the actor, then whoever acted before.
fn chain(facts: &Facts) -> Vec<Party> {
    let prior = facts.subject.chain.parties();
    let again = prior.first() == Some(&facts.actor.party);
    (!again).then_some(&facts.actor.party).into_iter().chain(prior).cloned().collect()
}
