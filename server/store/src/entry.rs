//! One thing to write, and its values in the order of the SQL.

use std::{sync::Arc, time::Instant};

use delegation::{event::Event, ports::Delegation, refusal::Fault};
use uuid::Uuid;

use crate::{
    database::{Transaction, Value},
    json,
};

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
    /// Whether it must not be written any more.
    pub fn is_late(&self, now: Instant) -> bool {
        self.opening.as_ref().is_some_and(|opening| opening.until <= now)
    }

    /// The columns of `events`, then those of `delegations`, then revision and epoch: the order of
    /// the `$n` in postgres/record.sql, sqlite/open.sql and note.sql.
    pub fn values(&self) -> Vec<Value<'_>> {
        let mut values = Vec::with_capacity(24);
        values.extend(event_values(&self.org, &self.event));
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
            Value::from(delegation.and_then(|d| d.status).map(|status| status.list)),
            Value::from(delegation.and_then(|d| d.status).map(|status| status.index)),
            Value::from(self.opening.as_ref().map(|opening| opening.revision)),
            Value::from(self.opening.as_ref().map(|opening| opening.epoch)),
        ]);
        values
    }
}

fn event_values<'a>(org: &'a str, event: &Event) -> [Value<'a>; 3] {
    [org.into(), event.id.to_string().into(), event.record(org).into()]
}

/// Writes an event in a transaction that does what it tells of.
pub(crate) async fn note(
    transaction: &mut Transaction,
    org: &str,
    event: &Event,
) -> Result<(), Fault> {
    const NOTE: &str = include_str!("note.sql");
    transaction.execute(NOTE, &event_values(org, event)).await.map(drop)
}
