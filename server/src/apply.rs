//! `actas apply`: makes an organization what its file says, and tells what changed.
//!
//! Idempotent: the file is compared with what stands, and only the difference is made, in one
//! transaction. Nothing is changed when anything in the file is wrong.

pub mod check;
pub mod connection;
pub mod diff;
pub mod spec;

use std::{collections::BTreeMap, path::Path};

use delegation::{
    declared::{Change, Declared, Registry, SecretOwner},
    refusal::Fault,
};
use keys::DataKey;
use policy::Timestamp;
use serde::Serialize;

use self::{check::Desired, diff::Diff};

/// What one run of `apply` did.
#[derive(Debug, Serialize)]
pub struct Report {
    pub org: String,
    pub revision: i64,
    pub changes: Vec<String>,
    /// The secrets of new agents, shown this once and never stored.
    pub secrets: BTreeMap<String, String>,
}

#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("{0}")]
    File(String),
    #[error("`{0}` is not an agent of this file")]
    NoSuchAgent(String),
    #[error("somebody else changed the organization at the same time; run it again")]
    Raced,
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// How to apply.
#[derive(Clone, Copy, Debug)]
pub struct How<'a> {
    pub dry_run: bool,
    /// Agents whose secret is replaced by a new one.
    pub new_secrets: &'a [String],
    pub now: Timestamp,
}

/// Reads `file`, compares, and makes the difference.
///
/// # Errors
///
/// Everything wrong with the file at once, a race with somebody else, or a broken database.
pub async fn apply(
    registry: &dyn Registry,
    master: &DataKey,
    file: &Path,
    how: How<'_>,
) -> Result<Report, ApplyError> {
    let desired = check::read(file).map_err(ApplyError::File)?;
    apply_desired(registry, master, desired, how).await
}

/// The same for a file that has been read.
///
/// # Errors
///
/// As [`apply`].
pub async fn apply_desired(
    registry: &dyn Registry,
    master: &DataKey,
    desired: Desired,
    how: How<'_>,
) -> Result<Report, ApplyError> {
    let org = desired.id.clone();
    let current = registry.find(&org).await?;
    let grants = if current.is_some() { registry.grants(&org).await? } else { Vec::new() };
    let revision = current.as_ref().map_or(0, |declared: &Declared| declared.revision);
    let Diff { mut changes, mut lines } =
        diff::between(current.as_ref(), &grants, desired, master).map_err(ApplyError::File)?;
    let secrets =
        make_secrets(&mut changes, &mut lines, current.as_ref(), master, how.new_secrets)?;
    let mut report = Report { org, revision, changes: lines, secrets };
    if changes.is_empty() {
        return Ok(report);
    }
    if how.dry_run {
        report.secrets.clear();
        return Ok(report);
    }
    let made = registry.apply(&report.org, revision, &changes, how.now).await?;
    report.revision = made.ok_or(ApplyError::Raced)?;
    Ok(report)
}

/// New agents get a secret; so do those it was asked for.
fn make_secrets(
    changes: &mut Vec<Change>,
    lines: &mut Vec<String>,
    current: Option<&Declared>,
    master: &DataKey,
    asked: &[String],
) -> Result<BTreeMap<String, String>, ApplyError> {
    let known = |id: &str| current.is_some_and(|c| c.agents.iter().any(|agent| agent.id == id));
    let mut new: Vec<String> = changes
        .iter()
        .filter_map(|change| {
            let Change::PutAgent(agent) = change else { return None };
            (!known(&agent.id)).then(|| agent.id.clone())
        })
        .collect();
    for id in asked {
        let dropped = changes.contains(&Change::DropAgent(id.clone()));
        if !new.contains(id) && (!known(id) || dropped) {
            return Err(ApplyError::NoSuchAgent(id.clone()));
        }
        if !new.contains(id) {
            lines.push(format!("~ agent {id}: new secret"));
            new.push(id.clone());
        }
    }
    let mut secrets = BTreeMap::new();
    for agent in new {
        let (secret, hash) = master
            .new_client_secret()
            .map_err(|fault| Fault::Keys(format!("a client secret cannot be made: {fault}")))?;
        let owner = SecretOwner::Agent(agent.clone());
        changes.push(Change::ReplaceSecret { owner, hash: *hash.as_bytes() });
        secrets.insert(agent, secret);
    }
    Ok(secrets)
}
