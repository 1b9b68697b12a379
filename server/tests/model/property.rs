//! What must hold of everything that is issued, whatever else the model foretells.

use crate::{
    cast::{agent, target},
    heard::{Issued, Property, Violation},
    model::Model,
    provider::Asked,
    step::{Ask, Subject},
};

/// `before`: what was so, and acknowledged, when the request was sent. `asked`: what its replica asked the
/// provider since; `shown`: the provider's token that the chain began with.
pub fn hold(
    before: &Model,
    ask: &Ask,
    issued: &Issued,
    (asked, shown): (&[Asked], &str),
) -> Result<(), Violation> {
    if let Some(what) = ended(before, ask) {
        return Err(Property::NoIssueAfterAnEnd.broken(what));
    }
    org(before, ask, issued)?;
    let (token, _) = before.origin(ask);
    let it = &before.tokens[&token];
    if it.of.once && it.used && matches!(ask.subject, Subject::User(_)) {
        return Err(Property::SingleUse.broken(format!("token {token} was used before")));
    }
    narrows(before, ask, issued)?;
    let of_this = |asked: &&Asked| {
        let purpose = (&*asked.actor, &*asked.target);
        asked.token == shown
            && purpose == (&*format!("agent:{}", agent(ask.agent)), &*target(ask.target))
    };
    match asked.iter().rfind(of_this) {
        Some(asked) if asked.yes => Ok(()),
        Some(_) => Err(Property::AskedForThisRequest.broken("the provider said no")),
        None => Err(Property::AskedForThisRequest.broken("nobody asked the provider")),
    }
}

/// What had ended of all that the token would rest on.
fn ended(before: &Model, ask: &Ask) -> Option<&'static str> {
    let (token, parent) = before.origin(ask);
    let it = &before.tokens[&token];
    let org = &before.orgs[ask.org];
    if org.stopped {
        return Some("the organization");
    }
    if org.agents_stopped[ask.agent] {
        return Some("the agent");
    }
    if org.connections_stopped[it.connection] {
        return Some("the connection");
    }
    match parent.map(|parent| &before.links[&parent]) {
        Some(link) if link.ended => return Some("the delegation, or one above it"),
        Some(link) if before.is_over(link) => return Some("the grant"),
        None if org.standing(it.connection, it.user, ask.agent).is_none() => {
            return Some("the grant");
        }
        Some(_) | None => {}
    }
    let said = before.said_of(token);
    if said.account.is_some() {
        return Some("the user's account");
    }
    said.signed_out_before.is_some_and(|moment| it.signed_in_at < moment).then_some("the session")
}

fn org(before: &Model, ask: &Ask, issued: &Issued) -> Result<(), Violation> {
    let own = crate::cast::issuer_of_number(ask.org);
    let of = match ask.subject {
        Subject::User(token) => before.tokens[&token].org,
        Subject::Link(link) => before.links[&link].org,
    };
    if of != ask.org || issued.org.iter().any(|org| *org != own) {
        let text = format!("{:?} of a token of org {of} at {own}", issued.org);
        return Err(Property::OrgIsKept.broken(text));
    }
    Ok(())
}

/// Scope, expiry and chain, against what it was derived from.
fn narrows(before: &Model, ask: &Ask, issued: &Issued) -> Result<(), Violation> {
    let (token, parent) = before.origin(ask);
    let it = &before.tokens[&token];
    let org = &before.orgs[ask.org];
    let above = parent.map(|parent| &before.links[&parent]);
    let grant = match above {
        Some(above) => above.grant,
        None => org.standing(it.connection, it.user, ask.agent).unwrap(),
    };
    let grant = &org.grants[grant].of;
    let held = above.map_or(it.of.words.unwrap_or(u8::MAX), |above| above.words);
    if issued.words & !held != 0 || (above.is_none() && issued.words & !grant.words != 0) {
        return Err(Property::ScopeNarrows.broken(format!("{issued:?} of {held:#06b}, {grant:?}")));
    }
    let ends = above.map_or(it.expires_at, |above| above.expires_at);
    let ends = grant.expires_at.map_or(ends, |at| at.min(ends));
    if ends < issued.expires_at {
        return Err(Property::ExpiryNarrows.broken(format!("{issued:?} outlives {ends}")));
    }
    let prior: Vec<String> =
        above.map_or_else(Vec::new, |above| above.chain.iter().map(|it| agent(*it)).collect());
    let me = agent(ask.agent);
    let grown: Vec<String> = std::iter::once(&me).chain(&prior).cloned().collect();
    let is_same = prior.first() == Some(&me) && issued.chain == prior;
    if !is_same && issued.chain != grown {
        return Err(Property::ChainIsKept.broken(format!("{:?} after {prior:?}", issued.chain)));
    }
    Ok(())
}
