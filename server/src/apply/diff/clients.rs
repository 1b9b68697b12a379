//! Agents, service accounts and resources.

use delegation::declared::{Agent, Change, Declared, DeclaredGrant, Resource};

use super::Diff;
use crate::apply::{check::Desired, grants};

/// Accounts with what the organization grants them: whoever changes one has changed the account.
///
/// # Errors
///
/// A purpose that goes from one account to another, both of which stay.
pub(super) fn agents(
    diff: &mut Diff,
    current: &Declared,
    desired: &Desired,
    standing_grants: &[DeclaredGrant],
) -> Result<(), String> {
    purposes(current, desired)?;
    // First, so that what they were for is free for others.
    for gone in &current.agents {
        if !desired.agents.iter().any(|agent| is_same_one(agent, gone)) {
            diff.drop(&what(gone), Change::DropAgent(gone.id.clone()));
        }
    }
    for wanted in &desired.agents {
        let standing = standing(Some(current), wanted);
        let same = standing.is_some_and(|standing| {
            *standing == Agent { secrets: standing.secrets.clone(), ..wanted.clone() }
        });
        let own = desired.own_grants.iter().filter(|grant| grant.agent == wanted.id);
        let granted = own.filter_map(|grant| {
            // A new account begins anew, even under the id of another.
            let grants = if standing.is_some() { standing_grants } else { &[] };
            Some(grants::change(grants, grant.clone())?.1)
        });
        let ended = standing_grants.iter().filter(|grant| {
            let wanted_so = desired.own_grants.iter().any(|own| own.agent == grant.agent);
            standing.is_some() && grants::is_own(grant) && grant.agent == wanted.id && !wanted_so
        });
        let ended = ended.map(|grant| Change::DropGrant(grant.id.clone()));
        let put = (!same).then(|| Change::PutAgent(wanted.clone()));
        let changes: Vec<_> = put.into_iter().chain(granted).chain(ended).collect();
        diff.put_all(standing.is_some(), &what(wanted), changes);
    }
    Ok(())
}

/// The account that stands. One that acted for users and one that acts for itself are two, whatever
/// their id: nothing of the one is the other's.
pub(in crate::apply) fn standing<'a>(
    current: Option<&'a Declared>,
    wanted: &Agent,
) -> Option<&'a Agent> {
    current?.agents.iter().find(|agent| is_same_one(agent, wanted))
}

fn is_same_one(a: &Agent, b: &Agent) -> bool {
    a.id == b.id && a.purpose.is_some() == b.purpose.is_some()
}

/// There is one account for each purpose at any moment, also between two changes.
fn purposes(current: &Declared, desired: &Desired) -> Result<(), String> {
    for wanted in &desired.agents {
        let taken =
            current.agents.iter().find(|it| it.purpose.is_some() && it.purpose == wanted.purpose);
        let Some(taken) = taken.filter(|it| it.id != wanted.id) else { continue };
        if desired.agents.iter().any(|agent| is_same_one(agent, taken)) {
            let (purpose, id) = (wanted.purpose.as_deref().unwrap_or_default(), &taken.id);
            let then = "change that one first, and this one in a second run";
            let who = format!("service account `{}`", wanted.id);
            return Err(format!("{who}: `{purpose}` is what `{id}` is for until now: {then}"));
        }
    }
    Ok(())
}

pub(in crate::apply) fn what(agent: &Agent) -> String {
    match agent.purpose {
        None => format!("agent {}", agent.id),
        Some(_) => format!("service account {}", agent.id),
    }
}

pub(super) fn resources(diff: &mut Diff, current: &Declared, desired: &Desired) {
    for wanted in &desired.resources {
        let standing = current.resources.iter().find(|resource| resource.id == wanted.id);
        let same = standing.is_some_and(|standing| {
            *standing == Resource { secrets: standing.secrets.clone(), ..wanted.clone() }
        });
        if !same {
            diff.put(standing.is_some(), &place(wanted), Change::PutResource(wanted.clone()));
        }
    }
    for gone in &current.resources {
        if !desired.resources.iter().any(|resource| resource.id == gone.id) {
            diff.drop(&place(gone), Change::DropResource(gone.id.clone()));
        }
    }
}

fn place(resource: &Resource) -> String {
    match resource.abroad {
        None => format!("resource {}", resource.id),
        Some(_) => format!("authorization server {}", resource.id),
    }
}
