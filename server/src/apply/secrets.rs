//! Secrets that are made here, and shown once: of agents, resource servers and operators.

use std::collections::BTreeMap;

use delegation::{
    declared::{Change, Declared, SecretOwner},
    refusal::Fault,
};
use keys::DataKey;

use super::{
    ApplyError,
    check::Desired,
    diff::{
        Diff,
        clients::{standing, what},
    },
};

/// What is asked for by name. Nobody is asked for twice.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Whose secret is replaced by a new one.
    pub replaced: &'a [String],
    /// Who gets a second one beside it.
    pub added: &'a [String],
    /// Who keeps the newest only.
    pub dropped: &'a [String],
}

/// Somebody of the file who proves who they are by a secret.
#[derive(Debug)]
pub(super) struct Owner {
    owner: SecretOwner,
    /// Under which their secret is asked for and shown; unique.
    name: String,
    /// As a person reads it.
    what: String,
    /// How many they have; one that is somebody else's by now is none.
    has: usize,
}

/// Who proves who they are by a secret, and who no longer does and loses those they had.
#[derive(Debug)]
pub(super) struct Owners {
    with: Vec<Owner>,
    without: Vec<Owner>,
}

pub(super) fn owners(desired: &Desired, current: Option<&Declared>) -> Owners {
    let agents = desired.agents.iter().map(|agent| {
        let owner = Owner {
            owner: SecretOwner::Agent(agent.id.clone()),
            name: agent.id.clone(),
            what: what(agent),
            has: standing(current, agent).map_or(0, |known| known.secrets.len()),
        };
        (agent.authentication.has_secret(), owner)
    });
    let servers = desired.resources.iter().filter_map(|resource| {
        let known = current.and_then(|c| c.resources.iter().find(|it| it.id == resource.id));
        // One that did not authenticate for a while does not find its old secret good again.
        let known = known.filter(|known| known.client_id.is_some());
        let owner = Owner {
            owner: SecretOwner::Resource(resource.id.clone()),
            name: resource.client_id.clone()?,
            what: format!("resource {}", resource.id),
            has: known.map_or(0, |known| known.secrets.len()),
        };
        Some((resource.authentication.has_secret(), owner))
    });
    let operators = desired.operators.iter().map(|operator| {
        let known = current.and_then(|c| c.operators.iter().find(|it| it.id == operator.id));
        let owner = Owner {
            owner: SecretOwner::Operator(operator.id.clone()),
            name: operator.id.clone(),
            what: format!("operator {}", operator.id),
            has: known.map_or(0, |known| known.secrets.len()),
        };
        (true, owner)
    });
    let (with, without): (Vec<_>, Vec<_>) =
        agents.chain(servers).chain(operators).partition(|(has_secret, _)| *has_secret);
    let owners = |them: Vec<(bool, Owner)>| them.into_iter().map(|(_, owner)| owner).collect();
    Owners { with: owners(with), without: owners(without) }
}

/// Those who have none get a secret, and what was asked for is done.
pub(super) fn make(
    diff: &mut Diff,
    owners: Owners,
    key: &DataKey,
    asked: Asked<'_>,
) -> Result<BTreeMap<String, String>, ApplyError> {
    sensible(&owners, asked)?;
    for Owner { owner, what, has, .. } in owners.without {
        if 0 < has {
            diff.lines.push(format!("~ {what}: its secrets end"));
            diff.changes.push(Change::DropSecrets { owner, keep_newest: false });
        }
    }
    let mut secrets = BTreeMap::new();
    for Owner { owner, name, what, has } in owners.with {
        if asked.dropped.contains(&name) && 1 < has {
            diff.lines.push(format!("~ {what}: its old secret ends"));
            diff.changes.push(Change::DropSecrets { owner, keep_newest: true });
            continue;
        }
        let added = asked.added.contains(&name);
        match (has, added || asked.replaced.contains(&name)) {
            (0, _) => {}
            (_, false) => continue,
            (1, true) if added => diff.lines.push(format!("~ {what}: a second secret")),
            (_, true) if added => {
                diff.lines.push(format!("~ {what}: a second secret, the older of two ends"));
            }
            (_, true) => diff.lines.push(format!("~ {what}: new secret")),
        }
        let made = match &owner {
            SecretOwner::Agent(_) | SecretOwner::Resource(_) => key.new_client_secret(),
            SecretOwner::Operator(_) => key.new_operator_token(),
        };
        let (secret, hash) =
            made.map_err(|fault| Fault::Keys(format!("a secret cannot be made: {fault}")))?;
        let hash = *hash.as_bytes();
        diff.changes.push(if added && 0 < has {
            Change::AddSecret { owner, hash }
        } else {
            Change::ReplaceSecret { owner, hash }
        });
        secrets.insert(name, secret);
    }
    Ok(secrets)
}

/// Everybody who is asked for has secrets, and it is clear what is wanted of them.
fn sensible(owners: &Owners, asked: Asked<'_>) -> Result<(), ApplyError> {
    let Asked { replaced, added, dropped } = asked;
    for name in replaced.iter().chain(added).chain(dropped) {
        if owners.without.iter().any(|owner| owner.name == *name) {
            return Err(ApplyError::WithoutSecret(name.clone()));
        }
        if !owners.with.iter().any(|owner| owner.name == *name) {
            return Err(ApplyError::NoSuchOwner(name.clone()));
        }
        let times = [replaced, added, dropped].iter().filter(|them| them.contains(name)).count();
        if 1 < times {
            return Err(ApplyError::Contradiction(name.clone()));
        }
    }
    Ok(())
}
