//! Secrets that are made here, and shown once: of agents, resource servers and operators.

use std::collections::BTreeMap;

use delegation::{
    declared::{Change, Declared, SecretOwner},
    refusal::Fault,
};
use keys::DataKey;

use super::{ApplyError, check::Desired, diff::Diff};

/// Somebody of the file who proves who they are by a secret.
#[derive(Debug)]
pub(super) struct Owner {
    owner: SecretOwner,
    /// Under which their secret is asked for and shown; unique.
    name: String,
    /// They have none yet.
    new: bool,
}

pub(super) fn owners(desired: &Desired, current: Option<&Declared>) -> Vec<Owner> {
    let agents = desired.agents.iter().map(|agent| Owner {
        owner: SecretOwner::Agent(agent.id.clone()),
        name: agent.id.clone(),
        new: !current.is_some_and(|c| c.agents.iter().any(|known| known.id == agent.id)),
    });
    let servers = desired.resources.iter().filter_map(|resource| {
        let known = current.and_then(|c| c.resources.iter().find(|it| it.id == resource.id));
        Some(Owner {
            owner: SecretOwner::Resource(resource.id.clone()),
            name: resource.client_id.clone()?,
            // One that did not authenticate for a while does not find its old secret good again.
            new: known.is_none_or(|known| known.client_id.is_none()),
        })
    });
    let operators = desired.operators.iter().map(|operator| Owner {
        owner: SecretOwner::Operator(operator.id.clone()),
        name: operator.id.clone(),
        new: !current.is_some_and(|c| c.operators.iter().any(|known| known.id == operator.id)),
    });
    agents.chain(servers).chain(operators).collect()
}

/// Those who have none get a secret; so do those it was `asked` for.
pub(super) fn make(
    diff: &mut Diff,
    owners: Vec<Owner>,
    key: &DataKey,
    asked: &[String],
) -> Result<BTreeMap<String, String>, ApplyError> {
    if let Some(nobody) = asked.iter().find(|name| !owners.iter().any(|it| it.name == **name)) {
        return Err(ApplyError::NoSuchOwner(nobody.clone()));
    }
    let mut secrets = BTreeMap::new();
    for Owner { owner, name, new } in owners {
        if !new && !asked.contains(&name) {
            continue;
        }
        if !new {
            diff.lines.push(format!("~ {}: new secret", who(&owner)));
        }
        let made = match &owner {
            SecretOwner::Agent(_) | SecretOwner::Resource(_) => key.new_client_secret(),
            SecretOwner::Operator(_) => key.new_operator_token(),
        };
        let (secret, hash) =
            made.map_err(|fault| Fault::Keys(format!("a secret cannot be made: {fault}")))?;
        diff.changes.push(Change::ReplaceSecret { owner, hash: *hash.as_bytes() });
        secrets.insert(name, secret);
    }
    Ok(secrets)
}

fn who(owner: &SecretOwner) -> String {
    match owner {
        SecretOwner::Agent(id) => format!("agent {id}"),
        SecretOwner::Resource(id) => format!("resource {id}"),
        SecretOwner::Operator(id) => format!("operator {id}"),
    }
}
