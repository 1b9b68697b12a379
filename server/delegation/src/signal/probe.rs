//! As [`crate::probe`], for signals.

use std::time::Duration;

use keys::{Algorithm, EventKind, ExpectEvent, PublicKeys};
use policy::Timestamp;
use serde_json::Value;

use super::{
    Affected, Effect, SignalRefusal, Whom,
    happened::{Happened, What},
    scim::{self, Change, User},
    subjects::{Home, Subject, read},
};
use crate::names::Names;

/// Whom a subject of this issuer means; none when nobody of ours, or nobody who can be told.
///
/// # Errors
///
/// It lacks what its format requires.
pub fn subject(subject: &Value, issuer: &str) -> Result<Option<Whom>, SignalRefusal> {
    Ok(match read(subject, Home { issuers: [issuer, issuer] })? {
        Subject::Ours { whom, sub: _ } => Some(whom),
        Subject::Unclear | Subject::Nobody => None,
    })
}

/// What a signed security event of this issuer would do, as of `now`.
///
/// # Errors
///
/// Why it is refused; a signature that does not hold is one reason.
pub fn effects(
    set: &str,
    keys: &PublicKeys,
    issuer: &str,
    now: Timestamp,
) -> Result<Vec<Affected>, SignalRefusal> {
    let expect = ExpectEvent {
        kind: EventKind::SecurityEvent,
        issuer,
        audience: &[],
        algorithms: &Algorithm::ALL,
        leeway: Duration::ZERO,
    };
    let set = keys::verify_event(set, keys, &expect, now.0).map_err(SignalRefusal::Token)?;
    let happened = Happened::read(&set, Home { issuers: [issuer, issuer] }, now)?;
    let effects = happened.events.into_iter().flat_map(|event| match event.what {
        What::Effects(effects) => effects,
        What::Critical | What::Unknown | What::Verification { .. } | What::StreamStatus { .. } => {
            Vec::new()
        }
    });
    Ok(effects.collect())
}

/// What a SCIM client's change says of whom, every name it goes by, and what comes of it.
///
/// # Errors
///
/// It is not a user, or not a patch.
pub fn provisioning(change: Change<'_>) -> Result<(User, Names, Vec<Effect>), SignalRefusal> {
    scim::said(change)
}
