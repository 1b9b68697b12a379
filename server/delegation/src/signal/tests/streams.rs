//! What a stream says of itself (SSF 1.0 §8.1.4, §8.1.5).

use std::sync::atomic::Ordering;

use policy::Timestamp;
use serde_json::{Value, json};

use super::fixture::{NOW, World, set_of, with};
use crate::{
    ports::{Described, Signalled, StreamStatus},
    signal::SignalRefusal,
};

const SSF: &str = "https://schemas.openid.net/secevent/ssf/event-type/";

/// An event about the stream the transmitter calls `s-1`.
fn about(stream: &str, name: &str, body: &Value) -> String {
    let mut claims = with("sub_id", json!({ "format": "opaque", "id": stream }));
    claims["events"] = json!({ format!("{SSF}{name}"): body });
    set_of(&claims)
}

fn described(world: &World) {
    let id = "s-1".to_owned();
    *world.heard.described.lock().unwrap() = Some(Described { id, ..Described::default() });
}

#[test]
fn a_verification_with_the_state_that_was_asked_for_shows_that_it_lives() {
    let world = World::new();
    described(&world);
    *world.heard.challenge.lock().unwrap() = Some("x-1".to_owned());
    let taken = world.push(&about("s-1", "verification", &json!({ "state": "x-1" }))).unwrap();
    assert_eq!((taken.kinds.as_slice(), taken.outcome()), (&["verification"][..], "applied"));
    // As of when it was said, so that one that is replayed shows nothing new.
    assert_eq!(*world.heard.verified_at.lock().unwrap(), [Timestamp(NOW - 5)]);
    assert!(world.heard.signals.lock().unwrap().is_empty(), "too many to keep");
}

#[test]
fn a_verification_with_another_state_is_refused() {
    let world = World::new();
    *world.heard.challenge.lock().unwrap() = Some("x-2".to_owned());
    let refusal = world.refusal(&about("s-1", "verification", &json!({ "state": "x-1" })));
    assert_eq!((refusal, refusal.err()), (SignalRefusal::State, "invalid_state"));
    assert!(world.heard.verified_at.lock().unwrap().is_empty());
}

#[test]
fn a_verification_nobody_asked_for_has_no_state_and_counts() {
    let world = World::new();
    world.push(&about("s-1", "verification", &json!({}))).unwrap();
    let mut google = with("sub_id", Value::Null);
    google["events"] =
        json!({ "https://schemas.openid.net/secevent/risc/event-type/verification": {} });
    world.push(&set_of(&google)).unwrap();
    assert_eq!(world.heard.verified_at.lock().unwrap().len(), 2);
}

#[test]
fn a_stream_speaks_for_itself_alone() {
    let world = World::new();
    described(&world);
    for name in ["verification", "stream-updated"] {
        let body = json!({ "status": "enabled" });
        assert_eq!(world.refusal(&about("s-2", name, &body)), SignalRefusal::OtherStream, "{name}");
        world.push(&about("s-1", name, &body)).unwrap();
    }
}

#[test]
fn a_stream_that_pauses_is_not_relied_on_even_when_that_cannot_be_stored() {
    let world = World::new();
    let paused = about("s-1", "stream-updated", &json!({ "status": "paused", "reason": "moving" }));
    let taken = world.push(&paused).unwrap();
    assert_eq!(taken.alert, Some("stream_paused"));
    assert_eq!(*world.heard.statuses.lock().unwrap(), [StreamStatus::Paused]);
    let signal = world.last();
    assert_eq!((signal.event.reason, signal.effects.len()), (Some("stream_updated"), 0));
    assert_eq!(signal.event.detail.as_deref(), Some("stream_updated: paused (moving)"));

    let odd = about("s-1", "stream-updated", &json!({ "status": "resting" }));
    assert_eq!(World::new().push(&odd).unwrap().alert, Some("stream_disabled"));
}

#[test]
fn a_stream_that_is_enabled_is_relied_on_once() {
    let world = World::new();
    let enabled = about("s-1", "stream-updated", &json!({ "status": "enabled" }));
    world.push(&enabled).unwrap();
    assert_eq!(*world.heard.statuses.lock().unwrap(), [StreamStatus::Enabled]);
    let again = world.push(&enabled).unwrap();
    assert_eq!(again.signalled, Signalled::Duplicate);
    assert_eq!(world.heard.statuses.lock().unwrap().len(), 1, "a replay changes nothing");

    let ill = World::new();
    ill.heard.is_ill.store(true, Ordering::Relaxed);
    assert!(ill.push(&enabled).is_err());
    assert!(ill.heard.statuses.lock().unwrap().is_empty());
}
