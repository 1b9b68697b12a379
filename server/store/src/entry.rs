//! One thing to write, and its values in the order of the SQL.

use std::{borrow::Cow, sync::Arc, time::Instant};

use delegation::{event::Event, ports::Delegation};
use uuid::Uuid;

use crate::{database::Value, json};

/// One thing to write: an event, with the delegation it is about if it opens one.
#[derive(Debug)]
pub(crate) struct Entry {
    pub org: Arc<str>,
    pub event: Event,
    pub opening: Option<Decided>,
}

/// A delegation, and what it was decided under: the revision of the org, and the epoch.
#[derive(Debug)]
pub(crate) struct Decided {
    pub revision: i64,
    pub epoch: i64,
    pub delegation: Delegation,
    /// When the identity provider's yes has become too old to be recorded.
    pub until: Instant,
}

impl Entry {
    /// The columns of `events`, then those of `delegations`, then revision and epoch: the order of
    /// the `$n` in postgres/record.sql, sqlite/open.sql and note.sql.
    pub fn values(&self) -> Vec<Value<'_>> {
        let mut values = event_values(&self.org, &self.event);
        let delegation = self.opening.as_ref().map(|opening| &opening.delegation);
        let text = |read: fn(&Delegation) -> &String| Value::from(delegation.map(|d| &**read(d)));
        let id = |read: fn(&Delegation) -> Option<Uuid>| {
            Value::from(delegation.and_then(read).map(|id| id.to_string()))
        };
        values.extend([
            id(|d| Some(d.id)),
            id(|d| d.parent),
            id(|d| Some(d.root)),
            text(|d| &d.grant),
            text(|d| &d.connection),
            text(|d| &d.user),
            text(|d| &d.agent),
            text(|d| &d.target),
            Value::from(delegation.map(|d| d.scope.to_string())),
            Value::from(delegation.map(|d| i64::try_from(d.depth).unwrap_or(i64::MAX))),
            Value::from(delegation.map(|d| d.token_hash.as_slice())),
            Value::from(delegation.map(|d| d.issued_at.0)),
            Value::from(delegation.map(|d| d.expires_at.0)),
            Value::from(delegation.and_then(|d| d.sealed_subject.as_deref())),
            Value::from(delegation.and_then(|d| d.session.as_deref())),
            Value::from(delegation.and_then(|d| d.signed_in_at).map(|at| at.0)),
            Value::from(delegation.and_then(|d| d.names.as_ref()).map(json::names)),
            Value::from(self.opening.as_ref().map(|opening| opening.revision)),
            Value::from(self.opening.as_ref().map(|opening| opening.epoch)),
        ]);
        values
    }
}

pub(crate) fn event_values<'a>(org: &'a str, event: &'a Event) -> Vec<Value<'a>> {
    let id = |id: Option<Uuid>| Value::from(id.map(|id| id.to_string()));
    vec![
        Value::from(org),
        id(Some(event.id)),
        Value::from(event.at.0),
        said(Some(&event.request_id)),
        said(event.client_address.as_ref()),
        Value::from(event.outcome.code()),
        Value::from(event.error),
        Value::from(event.reason),
        said(event.detail.as_ref()),
        said(event.client.as_ref()),
        said(event.subject.as_ref()),
        said(event.chain.as_ref()),
        said(event.target.as_ref()),
        said(event.scope_requested.as_ref()),
        said(event.scope_granted.as_ref()),
        id(event.delegation),
        id(event.parent),
        said(event.grant.as_ref()),
        said(event.policies.as_ref()),
        said(event.policy_hash.as_ref()),
        Value::from((!event.checks.is_empty()).then(|| json::write(&event.checks))),
    ]
}

/// Events repeat what strangers said. `PostgreSQL` stores no NUL in text: with one, a stranger could
/// keep a refusal out of the audit trail.
fn said(text: Option<&String>) -> Value<'_> {
    Value::Text(text.map(|text| {
        if text.contains('\0') {
            Cow::Owned(text.replace('\0', "\u{fffd}"))
        } else {
            Cow::Borrowed(text.as_str())
        }
    }))
}
