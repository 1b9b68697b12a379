//! `actas apply`: makes an organization what its file says, and tells what changed.
//!
//! Idempotent: the file is compared with what stands, and only the difference is made, in one
//! transaction. Nothing is changed when anything in the file is wrong.

mod authentication;
pub mod check;
mod clients;
pub mod connection;
pub mod diff;
pub mod export;
mod grants;
mod key_set;
mod names;
mod operator;
mod options;
mod secrets;
pub mod spec;
mod spiffe;
mod token_rules;
pub mod trusts;

use std::{collections::BTreeMap, path::Path};

use delegation::{
    declared::{Declared, Registry},
    refusal::Fault,
};
use keys::DataKey;
use policy::Timestamp;
use serde::Serialize;

pub use self::secrets::Asked;
use self::{check::Desired, diff::Diff};

/// What one run of `apply` did.
#[derive(Debug, Serialize)]
pub struct Report {
    pub org: String,
    pub revision: i64,
    pub changes: Vec<String>,
    /// Secrets that were made, by the names of whom they are for, shown this once and never
    /// stored.
    pub secrets: BTreeMap<String, String>,
}

#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("{0}")]
    File(String),
    #[error(
        "`{0}` is not an agent of this file, nor the `client_id` of one of its resources, nor one of \
         its operators or service accounts"
    )]
    NoSuchOwner(String),
    #[error("`{0}` does not authenticate by a secret: its `auth_methods` say how")]
    WithoutSecret(String),
    #[error(
        "`{0}` is asked for twice: a new secret replaces all others, an added one stands beside the \
         old, which is dropped in a later run"
    )]
    Contradiction(String),
    #[error("somebody else changed the organization at the same time; run it again")]
    Raced,
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// How to apply.
#[derive(Clone, Copy, Debug)]
pub struct How<'a> {
    pub dry_run: bool,
    pub secrets: Asked<'a>,
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
    let owners = secrets::owners(&desired, current.as_ref());
    let mut diff =
        diff::between(current.as_ref(), &grants, desired, master).map_err(ApplyError::File)?;
    let secrets = secrets::make(&mut diff, owners, master, how.secrets)?;
    let Diff { changes, lines } = diff;
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
