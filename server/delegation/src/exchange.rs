//! Token exchange ([RFC 8693]), read top to bottom.
//!
//! [RFC 8693]: https://www.rfc-editor.org/rfc/rfc8693

mod behalf;
#[cfg(test)]
mod tests;

use std::time::Instant;

use policy::{
    ActorFacts, Confirmation, Decision, Facts, GrantFacts, Party, Permit, Product, Scope,
    SubjectFacts, SubjectKind, TargetFacts, TargetKind, Timestamp,
};
use uuid::Uuid;

use crate::{
    actor,
    client::AuthenticatedClient,
    event::{Event, quoted},
    issue::{Issued, Minting, issue, mint},
    org::{Agent, Org},
    ports::{Asker, Grant, Once},
    possession::Possession,
    refusal::{Failure, Limited, Refusal, Stopped},
    request::{Details, ExchangeRequest, Target, Via, canonical_resource},
    subject::{self, CurrentSubject, TokenRefusal, VerifiedSubject, recheck, verify},
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

/// Who asks, and the key they have.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    pub client: &'a AuthenticatedClient,
    pub possession: &'a Possession,
}

/// Exchanges a subject token for a delegated one.
///
/// `event` is the draft of the audit event; each step adds what it learned. On success it is
/// committed together with the delegation; on failure the caller completes and notes it.
///
/// # Errors
///
/// [`Failure::Refused`] is an answer, [`Failure::Broken`] an outage: neither has issued anything.
pub async fn exchange(
    org: &Org,
    by: By<'_>,
    request: &ExchangeRequest,
    arrival: Arrival,
    event: &mut Event,
) -> Result<Issued, Failure> {
    let client = by.client;
    let (named, requested) = wanted(org, by, request, event)?;
    // A name that nobody has costs no further work.
    let named = named.map(|name| target(org, &name, event)).transpose()?;
    let subject = verify(org, client, &request.subject, (arrival.now, &mut *event)).await?;
    event.subject = Some(subject.facts().sub.clone());
    // Also of one that is refused before the ledger is asked: who looks for a chain finds it.
    event.parent = subject.parent();
    let target = match named {
        Some(target) => target,
        None => target(org, unnamed(org, &subject)?, event)?,
    };
    if !subject.is_for(&target) {
        return Err(Refusal::UnknownTarget.into());
    }
    let details = behind(org, &target, &request.details)?;
    let actor = acting(org, by, request, arrival.now).await?;
    presented_by(&actor, by, subject.facts())?;
    org.limiter
        .admit(Asker::User(&subject.facts().sub))
        .map_err(|after| too_many(Limited::User, after))?;
    let asked = subject::Asked {
        arrival,
        actor: &actor.party,
        target: &target.id,
        scope: requested.as_ref(),
    };
    let once = subject.once().cloned();
    let subject = recheck(org, subject, asked, event).await?;
    let product = request.product;
    let asked = Asked { actor, target, requested, product, details, once, by, arrival };
    leave(org, asked, &subject, event).await
}

/// For where, and for what, as far as the request says.
fn wanted(
    org: &Org,
    by: By<'_>,
    request: &ExchangeRequest,
    event: &mut Event,
) -> Result<(Option<String>, Option<Scope>), Refusal> {
    let (scope, target) = (request.scope.as_ref(), request.target.as_ref());
    let named = heard(org, (scope, target), event)?.map(str::to_owned);
    // It acts for itself, and for nobody else.
    if by.client.agent().is_service() {
        return Err(Refusal::UnauthorizedClient);
    }
    let (named, scope) = match request.via {
        // What it is for, an assertion may say itself.
        Via::JwtBearer => return Ok((named, scope.cloned())),
        Via::OnBehalfOf => behalf::read(org, target, scope)?,
        Via::Exchange => (named, scope.cloned()),
    };
    // RFC 8693 §2.1: `resource` or `audience`, or the organization's default.
    let named = named.or_else(|| org.default_target.clone()).ok_or(Refusal::NoTarget)?;
    Ok((Some(named), scope))
}

/// What an assertion is for by its own words, or the organization's default.
fn unnamed<'a>(org: &'a Org, subject: &'a VerifiedSubject) -> Result<&'a str, Refusal> {
    subject.sole_resource().or(org.default_target.as_deref()).ok_or(Refusal::NoTarget)
}

/// What an assertion for another server may name besides: a resource that is behind that server.
fn behind<'a>(
    org: &Org,
    target: &TargetFacts,
    details: &'a Details,
) -> Result<&'a Details, Refusal> {
    let Some(named) = &details.resource else { return Ok(details) };
    let abroad = org.resources.get(&target.id).and_then(|it| it.abroad.as_ref());
    let is_it = |it: &String| it == named || canonical_resource(it).as_ref() == Some(named);
    if abroad.is_some_and(|abroad| abroad.resources.iter().any(is_it)) {
        Ok(details)
    } else {
        Err(Refusal::UnknownTarget)
    }
}

/// Uses up what may be used once. Whoever came second comes too late, on any replica.
async fn spend(org: &Org, once: Once, event: &Event) -> Result<(), Failure> {
    match org.once.spend(&[once], event.id).await? {
        None => Ok(()),
        Some(_) => Err(Refusal::SubjectToken(TokenRefusal::Replayed).into()),
    }
}

/// Who asks too much, and when to come again.
#[must_use]
pub fn too_many(by: Limited, after: std::time::Duration) -> Refusal {
    Refusal::TooMany { by, retry_after: after.as_secs().saturating_add(1) }
}

/// What is asked for, noted; refused when an operator has stopped everything.
pub(crate) fn heard<'a>(
    org: &Org,
    (scope, target): (Option<&Scope>, Option<&'a Target>),
    event: &mut Event,
) -> Result<Option<&'a str>, Refusal> {
    event.scope_requested = scope.map(|scope| quoted(&scope.to_string()));
    if org.stopped {
        return Err(Refusal::Stopped(Stopped::Org));
    }
    Ok(target.map(Target::name))
}

/// The way to the one door, for every grant: decide, mint, issue.
pub(crate) async fn leave(
    org: &Org,
    asked: Asked<'_>,
    subject: &CurrentSubject,
    event: &mut Event,
) -> Result<Issued, Failure> {
    let (arrival, details, once) = (asked.arrival, asked.details, asked.once.clone());
    // Only of access tokens a list tells; nothing else is taken by a resource server.
    let is_listed = asked.product == Product::AccessToken
        && org.resources.get(&asked.target.id).is_some_and(|resource| resource.status);
    let permit = decide(org, asked, subject, event)?;
    if let Some(once) = once {
        // Not before, so that whoever was told to come again can.
        spend(org, once, event).await?;
    }
    let status = if is_listed { Some(org.status_indexes.take(arrival.now).await?) } else { None };
    let token = mint(org, permit, Minting { subject, arrival, status, details }).await?;
    issue(org, token, event).await
}

/// What is known of a target, noted in either case.
fn target(org: &Org, name: &str, event: &mut Event) -> Result<TargetFacts, Refusal> {
    event.target = Some(quoted(name));
    let target = org.target(name).ok_or(Refusal::UnknownTarget)?;
    event.target = Some(target.id.clone());
    Ok(target)
}

/// The authenticated client is the actor; an `actor_token` must say the same.
async fn acting(
    org: &Org,
    by: By<'_>,
    request: &ExchangeRequest,
    now: Timestamp,
) -> Result<ActorFacts, Failure> {
    let expires_at = match &request.actor {
        Some(presented) => Some(actor::verify(org, by, presented, now).await?),
        None => None,
    };
    Ok(ActorFacts { expires_at, ..actor_facts(org, by.client.agent()) })
}

pub(crate) fn actor_facts(org: &Org, agent: &Agent) -> ActorFacts {
    ActorFacts {
        party: Party { issuer: org.issuer.clone(), id: agent.actor_id() },
        client_id: agent.id.clone(),
        aliases: agent.aliases.clone(),
        ceiling: agent.ceiling.clone(),
        expires_at: None,
    }
}

/// Whose token this is, and by which key, is known before anybody is asked about it: a stolen token must
/// not even tell whether its user still stands. `decide` holds the same rules, with all others.
fn presented_by(actor: &ActorFacts, by: By<'_>, subject: &SubjectFacts) -> Result<(), Refusal> {
    let held = held(by, subject);
    policy::may_present(actor, subject)
        .and_then(|()| policy::possession(actor, subject, (held.as_ref(), must_bind(by))))
        .map_err(|reason| {
            Refusal::Policy(policy::Refusal { reason, policies: Vec::new(), step_up: None })
        })
}

/// What the sender has proved to have that matters for this token.
fn held(by: By<'_>, subject: &SubjectFacts) -> Option<Confirmation> {
    by.possession.of(&by.client.agent().client, subject.bound_to.as_ref())
}

fn must_bind(by: By<'_>) -> bool {
    let client = &by.client.agent().client;
    client.dpop_bound || client.certificate_bound
}

/// What is asked for, by whom.
pub(crate) struct Asked<'a> {
    pub actor: ActorFacts,
    pub target: TargetFacts,
    pub requested: Option<Scope>,
    pub product: Product,
    /// What the product says besides.
    pub details: &'a Details,
    /// What is used up by it.
    pub once: Option<Once>,
    pub by: By<'a>,
    pub arrival: Arrival,
}

/// Gathers the facts; `policy` decides.
fn decide(
    org: &Org,
    asked: Asked<'_>,
    subject: &CurrentSubject,
    event: &mut Event,
) -> Result<Permit, Refusal> {
    let grant = subject.grant().map(|grant| granted(grant, &asked.target));
    let possession = held(asked.by, subject.facts());
    let facts = Facts {
        org: org.id.clone(),
        now: asked.arrival.now,
        subject: subject.facts().clone(),
        actor: asked.actor,
        grant,
        target: asked.target,
        requested: asked.requested,
        standing: subject.standing().clone(),
        approved: false,
        product: asked.product,
        possession,
        must_bind: must_bind(asked.by),
    };
    event.bound_to = facts.possession.as_ref().map(thumbprint);
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

/// That an agent may say who it is, is granted by the grant of its own; what our issuer is called, only
/// we know.
fn granted(grant: &Grant, target: &TargetFacts) -> GrantFacts {
    let mut targets = grant.targets.clone();
    if target.kind == TargetKind::Ourselves {
        targets.push(target.id.clone());
    }
    GrantFacts {
        id: grant.id.clone(),
        scope: grant.scope.clone(),
        targets,
        expires_at: grant.expires_at,
    }
}

fn thumbprint(bound_to: &Confirmation) -> String {
    match bound_to {
        Confirmation::Key(thumbprint) => format!("jkt:{thumbprint}"),
        Confirmation::Certificate(thumbprint) => format!("x5t#S256:{thumbprint}"),
    }
}

fn names(policies: &[String]) -> Option<String> {
    (!policies.is_empty()).then(|| policies.join(" "))
}

/// The chain as asked for: the actor, then whoever acted before.
fn chain(facts: &Facts) -> Vec<Party> {
    if facts.subject.kind == SubjectKind::Itself {
        return Vec::new();
    }
    let prior = facts.subject.chain.parties();
    let again = prior.first() == Some(&facts.actor.party);
    (!again).then_some(&facts.actor.party).into_iter().chain(prior).cloned().collect()
}
