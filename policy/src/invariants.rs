//! What holds for every organization, whatever its policies say. First come, first reported.

use crate::{
    Access, Account, ActorChain, ActorFacts, ChainError, Confirmation, Denial, Facts, GrantFacts,
    MIN_LIFETIME, Product, Reason, Risk, Rules, Scope, Session, Standing, StepUp, SubjectFacts,
    SubjectKind, TargetKind, Timestamp,
};

/// Names beginning so are clients' in our tokens; a user must not pass for one.
const RESERVED: [&str; 2] = ["agent:", "service:"];

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
    if !may_be_called_so(facts) {
        return Err(Reason::ReservedSubject);
    }
    may_present(&facts.actor, &facts.subject)?;
    let held = (facts.possession.as_ref(), facts.must_bind);
    possession(&facts.actor, &facts.subject, held)?;
    product(facts)?;
    standing(facts)?;
    let grant = live_grant(facts)?;
    let scope = grantable_scope(facts, grant)?;
    let chain = new_chain(facts, rules)?;
    let expires_at = expiry(facts, grant, rules)?;
    Ok(Bounds { grant, scope, chain, expires_at })
}

/// What the home identity provider and its signals leave of the user: first whether there is
/// still somebody to speak of, then what others said of this use, then what is known around it.
fn standing(facts: &Facts) -> Result<(), Reason> {
    let standing = &facts.standing;
    if standing.account == Account::Suspended {
        return Err(Reason::AccountSuspended);
    }
    if standing.session == Session::Ended || !standing.vouches() {
        return Err(Reason::SubjectGone);
    }
    if is_before(facts.subject.signed_in_at, standing.sessions_valid_from) {
        return Err(Reason::SignedOut);
    }
    if let Access::Denied(denial) = standing.access {
        return Err(match denial {
            Denial::ConditionalAccess => Reason::ConditionalAccess,
            Denial::Consent => Reason::Consent,
            Denial::DecisionPoint => Reason::DecisionPoint,
        });
    }
    let demanded = demanded(standing);
    if standing.device.compliant == Some(false) || demanded.is_some_and(|step_up| step_up.device) {
        return Err(Reason::Device);
    }
    if standing.risk == Some(Risk::High) {
        return Err(Reason::Risk);
    }
    if demanded.is_some() || wants_a_new_sign_in(facts) {
        return Err(Reason::StepUp);
    }
    Ok(())
}

/// What somebody else's yes depends on.
const fn demanded(standing: &Standing) -> Option<&StepUp> {
    match &standing.access {
        Access::Demands(step_up) => Some(step_up),
        Access::Unknown | Access::Allowed | Access::Denied(_) => None,
    }
}

/// Whether more has been asked of the user since the sign-in.
fn wants_a_new_sign_in(facts: &Facts) -> bool {
    is_before(facts.subject.signed_in_at, facts.standing.step_up_before)
}

/// A sign-in of which nobody says when it was came before any moment.
fn is_before(signed_in_at: Option<Timestamp>, moment: Option<Timestamp>) -> bool {
    moment.is_some_and(|moment| signed_in_at.is_none_or(|at| at < moment))
}

/// What the user could do about `reason` (RFC 9470 §3).
pub(crate) fn step_up(facts: &Facts, reason: Reason) -> Option<StepUp> {
    // Signed in anew, the user is as good as ever.
    let anew = StepUp { max_age: Some(0), ..StepUp::default() };
    match reason {
        Reason::SignedOut => Some(anew),
        Reason::Device => {
            let demanded = demanded(&facts.standing).cloned().unwrap_or_default();
            Some(StepUp { device: true, ..demanded })
        }
        Reason::StepUp => match demanded(&facts.standing) {
            Some(demanded) if !wants_a_new_sign_in(facts) => Some(demanded.clone()),
            Some(demanded) => Some(demanded.clone().and(anew)),
            None => Some(anew),
        },
        Reason::OtherOrg
        | Reason::ReservedSubject
        | Reason::Presenter
        | Reason::MayAct
        | Reason::Possession
        | Reason::Product
        | Reason::AccountSuspended
        | Reason::SubjectGone
        | Reason::ConditionalAccess
        | Reason::Consent
        | Reason::DecisionPoint
        | Reason::Risk
        | Reason::NoGrant
        | Reason::GrantExpired
        | Reason::TargetNotGranted
        | Reason::ScopeBeyondSubject
        | Reason::ScopeBeyondGrant
        | Reason::ScopeBeyondAgent
        | Reason::ScopeBeyondTarget
        | Reason::NothingLeft
        | Reason::ChainTooLong
        | Reason::ActorRepeated
        | Reason::TooLittleTime
        | Reason::Policy
        | Reason::ScopeByPolicy => None,
    }
}

/// A client's name is its own: no user has it, and no client has another's, nor a user's.
fn may_be_called_so(facts: &Facts) -> bool {
    let Facts { subject, actor, .. } = facts;
    let is_clients = |name: &str| RESERVED.iter().any(|prefix| name.starts_with(prefix));
    match subject.kind {
        SubjectKind::Own
        | SubjectKind::AccessToken
        | SubjectKind::IdToken
        | SubjectKind::Assertion => !is_clients(&subject.sub) && !is_clients(&subject.user.id),
        // What it gets names no actor, so it would pass for whomever it names.
        SubjectKind::Itself => subject.sub == actor.party.id,
    }
}

/// A token that is bound to a key is presented by who has the key, and what comes of it is bound to
/// the presenter's: it never becomes a bearer token (keycloak#50963). As [`may_present`], known before
/// anybody is asked about its user. `must_bind`: the agent gets no others.
///
/// # Errors
///
/// [`Reason::Possession`].
pub fn possession(
    actor: &ActorFacts,
    subject: &SubjectFacts,
    (held, must_bind): (Option<&Confirmation>, bool),
) -> Result<(), Reason> {
    let is_held = match (&subject.bound_to, held) {
        (None, None) => !must_bind,
        (None, Some(_)) => true,
        (Some(_), None) => false,
        // Whom it was handed to has another key than whom it was issued to; it proves its own.
        (Some(bound), Some(held)) => bound == held || was_handed_on(actor, subject),
    };
    if is_held { Ok(()) } else { Err(Reason::Possession) }
}

/// Whether the token is meant for this agent and was issued to another.
fn was_handed_on(actor: &ActorFacts, subject: &SubjectFacts) -> bool {
    let is_actor = |name: &String| is_name_of(actor, subject.kind, name);
    subject.audience.iter().any(is_actor)
        && subject.presented_as.as_ref().is_some_and(|client| !is_actor(client))
}

/// Which tokens there are for which targets.
fn product(facts: &Facts) -> Result<(), Reason> {
    let Facts { subject, target, .. } = facts;
    let is_itself = subject.kind == SubjectKind::Itself;
    let is_for = match facts.product {
        Product::AccessToken => match target.kind {
            TargetKind::Resource => true,
            // Nothing is delegated by a token that only says who the client is.
            TargetKind::Agent => !is_itself,
            TargetKind::Ourselves => is_itself,
            TargetKind::AuthorizationServer | TargetKind::TrustDomain => false,
        },
        Product::IdJag | Product::JwtGrant => match target.kind {
            TargetKind::AuthorizationServer => !is_itself,
            TargetKind::Resource
            | TargetKind::Agent
            | TargetKind::TrustDomain
            | TargetKind::Ourselves => false,
        },
        Product::TransactionToken => match target.kind {
            TargetKind::TrustDomain => !is_itself,
            TargetKind::Resource
            | TargetKind::Agent
            | TargetKind::AuthorizationServer
            | TargetKind::Ourselves => false,
        },
    };
    // Who acts for itself has no chain, and so none that could be left out.
    let is_on = !is_itself || subject.chain == ActorChain::none();
    if is_for && is_on { Ok(()) } else { Err(Reason::Product) }
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
    let names_actor = |name: &String| is_name_of(actor, subject.kind, name);
    let for_actor = subject.audience.iter().any(names_actor);
    let presented_as = subject.presented_as.as_ref();
    match subject.kind {
        SubjectKind::Own | SubjectKind::AccessToken => {
            for_actor || presented_as.is_some_and(names_actor)
        }
        // OpenID Connect Core §3.1.3.7: a client takes an ID token only when it is in `aud` and,
        // where there is an `azp`, also that.
        SubjectKind::IdToken => for_actor && presented_as.is_none_or(names_actor),
        // Its audience is us; whom it is for, it says, or what is declared of its issuer.
        SubjectKind::Assertion | SubjectKind::Itself => presented_as.is_some_and(names_actor),
    }
}

/// Whether a token of this kind means the agent by `name`.
fn is_name_of(actor: &ActorFacts, kind: SubjectKind, name: &String) -> bool {
    let aliases: &[String] = match kind {
        // In our own tokens everybody has one name.
        SubjectKind::Own | SubjectKind::Itself => &[],
        SubjectKind::AccessToken | SubjectKind::IdToken | SubjectKind::Assertion => &actor.aliases,
    };
    *name == actor.client_id || aliases.contains(name)
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
    // To say who a client is, nothing needs to be allowed.
    if scope.is_empty() && !facts.may_be_empty() {
        return Err(Reason::NothingLeft);
    }
    Ok(scope)
}

fn new_chain(facts: &Facts, rules: &Rules) -> Result<ActorChain, Reason> {
    let chain = &facts.subject.chain;
    if facts.subject.kind == SubjectKind::Itself {
        return Ok(ActorChain::none());
    }
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
