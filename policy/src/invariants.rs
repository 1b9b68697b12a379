//! What holds for every organization, whatever its policies say. First come, first reported.

use crate::{
    ActorChain, ActorFacts, ChainError, Facts, GrantFacts, MIN_LIFETIME, Reason, Rules, Scope,
    Standing, SubjectFacts, SubjectKind, Timestamp,
};

/// Names beginning so are agents' in our tokens; a user must not pass for one.
const AGENT_PREFIX: &str = "agent:";

/// The widest a permit may be.
#[derive(Debug)]
pub(crate) struct Bounds<'a> {
    pub(crate) grant: &'a GrantFacts,
    pub(crate) scope: Scope,
    pub(crate) chain: ActorChain,
    pub(crate) expires_at: Timestamp,
}

/// Applies the invariants in the order of [`Reason`].
pub(crate) fn hold<'a>(facts: &'a Facts, rules: &Rules) -> Result<Bounds<'a>, Reason> {
    if facts.subject.org != facts.org {
        return Err(Reason::OtherOrg);
    }
    if is_reserved(&facts.subject) {
        return Err(Reason::ReservedSubject);
    }
    may_present(&facts.actor, &facts.subject)?;
    match facts.standing {
        Standing::Good => {}
        Standing::Gone => return Err(Reason::SubjectGone),
    }
    let grant = live_grant(facts)?;
    let scope = grantable_scope(facts, grant)?;
    let chain = new_chain(facts, rules)?;
    let expires_at = expiry(facts, grant, rules)?;
    Ok(Bounds { grant, scope, chain, expires_at })
}

fn is_reserved(subject: &SubjectFacts) -> bool {
    subject.sub.starts_with(AGENT_PREFIX) || subject.user.id.starts_with(AGENT_PREFIX)
}

/// Whether this agent may present this token at all; known before anybody is asked about its user.
///
/// # Errors
///
/// [`Reason::Presenter`] or [`Reason::MayAct`].
pub fn may_present(actor: &ActorFacts, subject: &SubjectFacts) -> Result<(), Reason> {
    if !is_presenter(actor, subject) {
        return Err(Reason::Presenter);
    }
    if !may_act(actor, subject) {
        return Err(Reason::MayAct);
    }
    Ok(())
}

/// Whether the agent is the token's own client, or one it was meant for: a token that was
/// overheard elsewhere is worth nothing here.
fn is_presenter(actor: &ActorFacts, subject: &SubjectFacts) -> bool {
    let aliases: &[String] = match subject.kind {
        // In our own tokens everybody has one name.
        SubjectKind::Own => &[],
        SubjectKind::AccessToken | SubjectKind::IdToken => &actor.aliases,
    };
    let names_actor = |name: &String| *name == actor.client_id || aliases.contains(name);
    let for_actor = subject.audience.iter().any(names_actor);
    let presented_as = subject.presented_as.as_ref();
    match subject.kind {
        SubjectKind::Own | SubjectKind::AccessToken => {
            for_actor || presented_as.is_some_and(names_actor)
        }
        // OpenID Connect Core §3.1.3.7: a client takes an ID token only when it is in `aud` and,
        // where there is an `azp`, also that.
        SubjectKind::IdToken => for_actor && presented_as.is_none_or(names_actor),
    }
}

/// RFC 8693 §4.4: `may_act` says who may; it can refuse, and by itself it permits nothing.
fn may_act(actor: &ActorFacts, subject: &SubjectFacts) -> bool {
    subject.may_act.as_ref().is_none_or(|named| {
        named.id == actor.party.id
            && named.issuer.as_ref().is_none_or(|issuer| *issuer == actor.party.issuer)
    })
}

fn live_grant(facts: &Facts) -> Result<&GrantFacts, Reason> {
    let grant = facts.grant.as_ref().ok_or(Reason::NoGrant)?;
    if grant.expires_at.is_some_and(|end| end <= facts.now) {
        return Err(Reason::GrantExpired);
    }
    if !grant.targets.contains(&facts.target.id) {
        return Err(Reason::TargetNotGranted);
    }
    Ok(grant)
}

/// An intersection, never a union. What was asked for is granted whole or not at all.
fn grantable_scope(facts: &Facts, grant: &GrantFacts) -> Result<Scope, Reason> {
    let checks = [
        (facts.subject.scope.as_ref(), Reason::ScopeBeyondSubject),
        (Some(&grant.scope), Reason::ScopeBeyondGrant),
        (Some(&facts.actor.ceiling), Reason::ScopeBeyondAgent),
        (Some(&facts.target.scope), Reason::ScopeBeyondTarget),
    ];
    let mut scope = facts.requested.as_ref().unwrap_or(&grant.scope).clone();
    for (limit, reason) in checks {
        let Some(limit) = limit else { continue };
        if facts.requested.is_some() && !scope.is_within(limit) {
            return Err(reason);
        }
        scope = scope.narrow(limit);
    }
    if scope.is_empty() {
        return Err(Reason::NothingLeft);
    }
    Ok(scope)
}

fn new_chain(facts: &Facts, rules: &Rules) -> Result<ActorChain, Reason> {
    let chain = &facts.subject.chain;
    chain.extended_by(facts.actor.party.clone(), rules.chain_limit()).map_err(|error| match error {
        ChainError::Repeated => Reason::ActorRepeated,
        ChainError::TooLong => Reason::ChainTooLong,
    })
}

/// Nothing outlives what it was derived from.
fn expiry(facts: &Facts, grant: &GrantFacts, rules: &Rules) -> Result<Timestamp, Reason> {
    let ends = [Some(facts.subject.expires_at), facts.actor.expires_at, grant.expires_at];
    let expires_at =
        ends.into_iter().flatten().fold(facts.now.plus(rules.lifetime()), Timestamp::min);
    if expires_at < facts.now.plus(MIN_LIFETIME) {
        return Err(Reason::TooLittleTime);
    }
    Ok(expires_at)
}
