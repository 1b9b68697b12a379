//! Security event tokens (RFC 8417) of a stream of Shared Signals (SSF 1.0), pushed or polled.
//!
//! | step | refused as |
//! |---|---|
//! | the sender proves itself, where that was agreed on (push) | `authentication_failed` |
//! | a signed `secevent+jwt` of the stream's transmitter, neither `exp` nor `sub`, not from the future | `invalid_request`, `invalid_key`, `invalid_issuer` |
//! | `aud` is declared, or is what the transmitter gave the stream | `invalid_audience` |
//! | every event: whom it is about, and what it means | `invalid_request` |
//! | a verification of the stream carries the state that was asked for | `invalid_state` |
//! | stored, once, and in effect | |
//!
//! An old event still takes effect; one of unknown kind is acknowledged and has none.

use std::time::Duration;

use keys::{Algorithm, EventKind, ExpectEvent};
use policy::Timestamp;

use super::{
    Arrival, NotTaken, SignalRefusal, StreamReceiver, Taken,
    arrival::{apply, is_secret},
    happened::{Happened, Set, What},
    subjects::Home,
};
use crate::{
    org::{Connection, Org},
    ports::{Described, Signalled, StreamId, StreamStatus},
};

/// How far the clock of a transmitter may be ahead.
const LEEWAY: Duration = Duration::from_mins(5);

/// Takes a SET that was pushed with this `Authorization` header (RFC 8935 §2).
///
/// # Errors
///
/// [`NotTaken`]; the transmitter learns its [`err`](SignalRefusal::err).
pub async fn pushed(
    org: &Org,
    connection: &Connection,
    stream: &StreamId,
    (authorization, set): (Option<&str>, &str),
    arrival: &Arrival,
) -> Result<Taken, NotTaken> {
    let receiver = connection.signals.streams.get(&stream.stream);
    let receiver = receiver.filter(|receiver| receiver.pushed).ok_or(SignalRefusal::NoReceiver)?;
    let agreed = receiver.authorization.as_ref();
    if agreed.is_some_and(|agreed| !is_secret(&org.master, agreed, authorization)) {
        return Err(SignalRefusal::Stranger.into());
    }
    receive(org, connection, stream, set, arrival).await
}

/// Takes a SET of a stream, however it came: when this returns, it may be acknowledged.
///
/// # Errors
///
/// [`NotTaken::Refused`]: it must not be sent again. [`NotTaken::Broken`]: it should be.
pub async fn receive(
    org: &Org,
    connection: &Connection,
    stream: &StreamId,
    set: &str,
    arrival: &Arrival,
) -> Result<Taken, NotTaken> {
    let receiver =
        connection.signals.streams.get(&stream.stream).ok_or(SignalRefusal::NoReceiver)?;
    let set = verify(receiver, set, arrival.now).await?;
    let described = org.streams.find(stream).await?.described.unwrap_or_default();
    is_addressed(receiver, &described, &set)?;
    let home = Home { issuers: [&connection.issuer, &receiver.issuer] };
    let mut happened = Happened::read(&set, home, arrival.now)?;
    if happened.overlooks() {
        happened.discard(&receiver.transmitter.critical_members().await?);
    }
    let enabled = manage(org, (stream, &described), &happened).await?;
    let (kinds, is_of_use, alert) = (happened.kinds(), happened.is_of_use(), happened.alert());
    let signalled = match happened.told() {
        Some(told) => apply(org, connection, told, arrival).await?,
        None => Signalled::Applied { ended: 0 },
    };
    // After it was stored: one that is replayed must not make us rely on the stream again.
    if enabled && signalled != Signalled::Duplicate {
        org.streams.set_status(stream, StreamStatus::Enabled).await?;
    }
    Ok(Taken { kinds, signalled, is_of_use, alert })
}

async fn verify(receiver: &StreamReceiver, set: &str, now: Timestamp) -> Result<Set, NotTaken> {
    let peek = keys::peek(set)?;
    if peek.issuer != receiver.issuer {
        // Before any key is looked for.
        return Err(keys::TokenFault::Issuer.into());
    }
    let keys = receiver.transmitter.keys(peek.kid.as_deref()).await?;
    let expect = ExpectEvent {
        kind: EventKind::SecurityEvent,
        issuer: &receiver.issuer,
        audience: &[],
        algorithms: &Algorithm::ALL,
        leeway: LEEWAY,
    };
    Ok(keys::verify_event(set, &keys, &expect, now.0)?)
}

fn is_addressed(
    receiver: &StreamReceiver,
    described: &Described,
    set: &Set,
) -> Result<(), SignalRefusal> {
    let ours = |one: &String| receiver.audience.contains(one) || described.audience.contains(one);
    let found = set.registered().audience.iter().any(ours);
    if found { Ok(()) } else { Err(SignalRefusal::Audience) }
}

/// What it says of the stream itself. Returns whether the stream may be relied on again, once the rest
/// is stored.
async fn manage(
    org: &Org,
    (stream, described): (&StreamId, &Described),
    happened: &Happened,
) -> Result<bool, NotTaken> {
    let mut enabled = false;
    for event in &happened.events {
        match &event.what {
            What::Verification { stream: named, state } => {
                is_about(named.as_deref(), described)?;
                // As of when it was said: one that is replayed is no news.
                if !org.streams.verified(stream, state.as_deref(), happened.said_at).await? {
                    return Err(SignalRefusal::State.into());
                }
            }
            What::StreamStatus { stream: named, status } => {
                is_about(named.as_deref(), described)?;
                match status {
                    StreamStatus::Enabled => enabled = true,
                    // Before it is stored: not to rely on the stream must not be missed.
                    StreamStatus::Paused | StreamStatus::Disabled => {
                        enabled = false;
                        org.streams.set_status(stream, *status).await?;
                    }
                }
            }
            What::Effects(_) | What::Critical | What::Unknown => {}
        }
    }
    Ok(enabled)
}

/// An event about a stream names it by the transmitter's id, where that is known.
fn is_about(named: Option<&str>, described: &Described) -> Result<(), SignalRefusal> {
    match named {
        Some(named) if !described.id.is_empty() && named != described.id => {
            Err(SignalRefusal::OtherStream)
        }
        Some(_) | None => Ok(()),
    }
}
