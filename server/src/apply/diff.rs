//! What has to change for an organization to become what its file says.

pub(super) mod clients;

use delegation::declared::{Change, Connection, Declared, DeclaredGrant, Operator};
use keys::DataKey;
use secrecy::ExposeSecret;
use serde::Serialize;
use zeroize::Zeroizing;

use super::{check::Desired, connection::DesiredConnection, export, grants, trusts};

/// The changes, and a line for each that a person reads: `+` new, `~` changed, `-` gone.
#[derive(Debug, Default)]
pub struct Diff {
    pub changes: Vec<Change>,
    pub lines: Vec<String>,
}

impl Diff {
    pub(super) fn put(&mut self, known: bool, what: &str, change: Change) {
        self.lines.push(format!("{} {what}", if known { '~' } else { '+' }));
        self.changes.push(change);
    }

    /// Several changes that are one to a person; none when there are none.
    fn put_all(&mut self, known: bool, what: &str, changes: Vec<Change>) {
        if !changes.is_empty() {
            self.lines.push(format!("{} {what}", if known { '~' } else { '+' }));
            self.changes.extend(changes);
        }
    }

    pub(super) fn drop(&mut self, what: &str, change: Change) {
        self.lines.push(format!("- {what}"));
        self.changes.push(change);
    }
}

/// Compares what stands with what is desired.
///
/// # Errors
///
/// When a stored secret cannot be opened: the master key is not the one it was sealed with. When the
/// difference cannot be made in one run.
pub fn between(
    current: Option<&Declared>,
    standing: &[DeclaredGrant],
    desired: Desired,
    master: &DataKey,
) -> Result<Diff, String> {
    let mut diff = Diff::default();
    let nothing = Declared {
        id: desired.id.clone(),
        revision: 0,
        settings: desired.settings.clone(),
        connections: Vec::new(),
        agents: Vec::new(),
        resources: Vec::new(),
        policies: Vec::new(),
        operators: Vec::new(),
        exports: Vec::new(),
        trusts: Vec::new(),
        templates: Vec::new(),
        stopped: Vec::new(),
    };
    let current_or_new = current.unwrap_or(&nothing);
    if current.is_none() || current_or_new.settings != desired.settings {
        let what = format!("organization {}", desired.id);
        diff.put(current.is_some(), &what, Change::PutSettings(desired.settings.clone()));
    }
    connections(&mut diff, current_or_new, &desired, master)?;
    trusts::compare(&mut diff, current_or_new, &desired, master)?;
    clients::agents(&mut diff, current_or_new, &desired, standing)?;
    clients::resources(&mut diff, current_or_new, &desired);
    policies(&mut diff, current_or_new, &desired);
    operators(&mut diff, current_or_new, &desired);
    export::compare(&mut diff, current_or_new, &desired, master)?;
    // Dropping a connection, or an agent, ends its grants, so those of the file begin anew.
    let ended = |grant: &DeclaredGrant| {
        diff.changes.contains(&Change::DropConnection(grant.connection.clone()))
            || diff.changes.contains(&Change::DropAgent(grant.agent.clone()))
    };
    let of_users = standing.iter().filter(|grant| !grants::is_own(grant)).cloned();
    let (gone, standing): (Vec<_>, Vec<_>) = of_users.partition(|grant| ended(grant));
    for grant in gone {
        diff.lines.push(format!("- {}", grants::what(&grant)));
    }
    grants::compare(&mut diff, &standing, desired.grants);
    Ok(diff)
}

fn connections(
    diff: &mut Diff,
    current: &Declared,
    desired: &Desired,
    master: &DataKey,
) -> Result<(), String> {
    for wanted in &desired.connections {
        let standing = current.connections.iter().find(|c| c.id == wanted.id);
        let same = match standing {
            Some(standing) => is_same(standing, wanted, &desired.id, master)?,
            None => false,
        };
        if standing.is_some_and(|standing| names_other_users(standing, wanted)) {
            let what = format!("connection {} (its users are others now)", wanted.id);
            diff.drop(&what, Change::DropConnection(wanted.id.clone()));
        }
        if !same {
            let sealed = sealed(wanted, &desired.id, master)?;
            diff.put(
                standing.is_some(),
                &format!("connection {}", wanted.id),
                Change::PutConnection(sealed),
            );
        }
    }
    for gone in &current.connections {
        if !desired.connections.iter().any(|c| c.id == gone.id) {
            diff.drop(&format!("connection {}", gone.id), Change::DropConnection(gone.id.clone()));
        }
    }
    Ok(())
}

/// Under another issuer, the same `sub` is another person: nothing that was granted or delegated
/// under the old one may go on.
fn names_other_users(standing: &Connection, wanted: &DesiredConnection) -> bool {
    (&standing.issuer, &standing.subject_prefix) != (&wanted.issuer, &wanted.subject_prefix)
}

/// Which part of a connection is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealed {
    ClientSecret,
    Checks,
    Signals,
}

/// Binds what is sealed to its connection and its column, so that neither can be swapped.
#[must_use]
pub fn sealing_context(org: &str, connection: &str, what: Sealed) -> String {
    let what = match what {
        Sealed::ClientSecret => "connection",
        Sealed::Checks => "checks",
        Sealed::Signals => "signals",
    };
    format!("{what}:{org}:{connection}")
}

fn sealed(wanted: &DesiredConnection, org: &str, master: &DataKey) -> Result<Connection, String> {
    let seal = |what, plain: &[u8]| {
        let sealed = master.seal(&sealing_context(org, &wanted.id, what), plain);
        sealed.map_err(|fault| format!("the secrets of connection `{}`: {fault}", wanted.id))
    };
    let plain = Plain::of(wanted)?;
    Ok(Connection {
        id: wanted.id.clone(),
        issuer: wanted.issuer.clone(),
        client_id: wanted.client_id.clone(),
        client_secret: seal(Sealed::ClientSecret, &plain.client_secret)?,
        audiences: wanted.audiences.clone(),
        algorithms: wanted.algorithms.clone(),
        kinds: wanted.kinds.clone(),
        subject_prefix: wanted.subject_prefix.clone(),
        untyped_access_tokens: wanted.untyped_access_tokens,
        max_age: wanted.max_age,
        reconnect_uri: wanted.reconnect_uri.clone(),
        acr_values: wanted.acr_values.clone(),
        checks: seal(Sealed::Checks, &plain.checks)?,
        signals: seal(Sealed::Signals, &plain.signals)?,
        streams: stream_ids(wanted),
        tokens: wanted.tokens.clone(),
    })
}

fn stream_ids(wanted: &DesiredConnection) -> Vec<String> {
    let mut ids: Vec<_> = wanted.signals.streams.iter().map(|stream| stream.id.clone()).collect();
    ids.sort_unstable();
    ids
}

/// What is sealed, before it is.
struct Plain {
    client_secret: Zeroizing<Vec<u8>>,
    checks: Zeroizing<Vec<u8>>,
    signals: Zeroizing<Vec<u8>>,
}

impl Plain {
    fn of(wanted: &DesiredConnection) -> Result<Self, String> {
        let told = |e: serde_json::Error| format!("connection `{}`: {e}", wanted.id);
        Ok(Self {
            client_secret: wanted.client_secret.expose_secret().as_bytes().to_vec().into(),
            checks: serde_json::to_vec(&wanted.checks).map_err(told)?.into(),
            signals: serde_json::to_vec(&wanted.signals).map_err(told)?.into(),
        })
    }
}

/// Sealing the same text twice gives different bytes, so the opened ones are compared.
fn is_same(
    standing: &Connection,
    wanted: &DesiredConnection,
    org: &str,
    master: &DataKey,
) -> Result<bool, String> {
    let plain = Plain::of(wanted)?;
    let parts = [
        (Sealed::ClientSecret, &standing.client_secret, &plain.client_secret),
        (Sealed::Checks, &standing.checks, &plain.checks),
        (Sealed::Signals, &standing.signals, &plain.signals),
    ];
    for (what, stored, wanted) in parts {
        // A row from before there was such a part.
        if stored.is_empty() {
            return Ok(false);
        }
        let context = sealing_context(org, &standing.id, what);
        let opened = master.open(&context, stored).map_err(|fault| {
            format!("the stored secrets of connection `{}`: {fault}", standing.id)
        })?;
        if opened.as_slice() != wanted.as_slice() {
            return Ok(false);
        }
    }
    let with_its_secrets = Connection {
        client_secret: standing.client_secret.clone(),
        checks: standing.checks.clone(),
        signals: standing.signals.clone(),
        ..sealed(wanted, org, master)?
    };
    Ok(*standing == with_its_secrets)
}

/// Settings sealed anew, unless the stored ones are the same: then none.
///
/// # Errors
///
/// What is stored cannot be opened by this key, or the settings cannot be sealed.
pub(super) fn resealed(
    master: &DataKey,
    context: &str,
    settings: &impl Serialize,
    stored: Option<&[u8]>,
) -> Result<Option<Vec<u8>>, String> {
    let plain = serde_json::to_vec(settings).map(Zeroizing::new).map_err(|e| e.to_string())?;
    let opened = stored.map(|stored| master.open(context, stored)).transpose();
    // Sealing the same text twice gives different bytes, so the opened ones are compared.
    if opened.map_err(|e| e.to_string())?.is_some_and(|opened| *opened == *plain) {
        return Ok(None);
    }
    master.seal(context, &plain).map(Some).map_err(|e| e.to_string())
}

fn policies(diff: &mut Diff, current: &Declared, desired: &Desired) {
    for wanted in &desired.policies {
        let standing = current.policies.iter().find(|file| file.name == wanted.name);
        if standing != Some(wanted) {
            let what = format!("policy {}", wanted.name);
            diff.put(standing.is_some(), &what, Change::PutPolicy(wanted.clone()));
        }
    }
    for gone in &current.policies {
        if !desired.policies.iter().any(|file| file.name == gone.name) {
            diff.drop(&format!("policy {}", gone.name), Change::DropPolicy(gone.name.clone()));
        }
    }
}

fn operators(diff: &mut Diff, current: &Declared, desired: &Desired) {
    for wanted in &desired.operators {
        let standing = current.operators.iter().find(|operator| operator.id == wanted.id);
        let same = standing.is_some_and(|standing| {
            *standing == Operator { secrets: standing.secrets.clone(), ..wanted.clone() }
        });
        if !same {
            let what = format!("operator {}", wanted.id);
            diff.put(standing.is_some(), &what, Change::PutOperator(wanted.clone()));
        }
    }
    for gone in &current.operators {
        if !desired.operators.iter().any(|operator| operator.id == gone.id) {
            diff.drop(&format!("operator {}", gone.id), Change::DropOperator(gone.id.clone()));
        }
    }
}
