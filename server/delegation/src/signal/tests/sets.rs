//! What makes a security event be taken, and what makes it be refused: the order of the checks, and a
//! twin for each that is accepted.

use std::sync::atomic::Ordering;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keys::TokenFault;
use policy::Timestamp;
use serde_json::{Value, json};

use super::fixture::{
    AUTHORIZATION, NOW, SESSION_REVOKED, TRANSMITTER, US, World, alice, claims, set_of, stranger,
    transmitter, with,
};
use crate::{
    event::Outcome,
    ports::{Described, Signalled},
    signal::{Affected, Effect, NotTaken, SignalRefusal, Whom},
};

fn signed_out_at(at: i64) -> Affected {
    let whom = Whom::User { names: alice(), session: None, device: None };
    Affected { whom, effect: Effect::SignedOut, at: Timestamp(at) }
}

#[test]
fn a_session_that_was_revoked_ends() {
    let world = World::new();
    let taken = world.push(&set_of(&claims())).unwrap();
    assert_eq!(taken.kinds, ["session_revoked"]);
    assert_eq!(taken.signalled, Signalled::Applied { ended: 0 });
    assert_eq!((taken.outcome(), taken.alert), ("applied", None));

    let signal = world.last();
    assert_eq!((signal.connection.as_str(), signal.issuer.as_str()), ("corp", TRANSMITTER));
    assert_eq!((signal.id.as_str(), signal.source), ("e-1", "push"));
    assert_eq!(signal.effects, [signed_out_at(NOW - 10)]);
    assert_eq!(signal.event.outcome, Outcome::Signalled);
    assert_eq!(signal.event.reason, Some("session_revoked"));
    assert_eq!(signal.event.connection.as_deref(), Some("corp"));
    assert_eq!(signal.event.subject.as_deref(), Some("corp:alice"));
    assert_eq!(signal.event.detail.as_deref(), Some("session_revoked of id:alice sub:alice"));
    assert_eq!(signal.event.client_address.as_deref(), Some("192.0.2.1"));
}

#[test]
fn what_is_not_the_transmitters_event_is_refused() {
    let typed = |typ: &str| keys::sign(transmitter(), typ, &claims()).unwrap();
    let by_a_stranger = keys::sign(stranger(), "secevent+jwt", &claims()).unwrap();
    let other_orgs =
        json!({ "iss": "https://tr.other.example", "aud": US, "iat": NOW, "jti": "1" });
    let other_orgs = keys::sign(stranger(), "secevent+jwt", &other_orgs).unwrap();
    let good = set_of(&claims());
    let (input, _) = good.rsplit_once('.').unwrap();
    let header = URL_SAFE_NO_PAD.encode(json!({"typ":"secevent+jwt","alg":"none"}).to_string());
    let none = format!("{header}.{}.", URL_SAFE_NO_PAD.encode(claims().to_string()));
    let changed = |name: &str, value: Value| set_of(&with(name, value));
    for (what, set, err) in [
        ("unsigned", format!("{input}."), "invalid_key"),
        ("alg none", none, "invalid_key"),
        ("a stranger's signature", by_a_stranger, "invalid_key"),
        ("another org's transmitter", other_orgs, "invalid_issuer"),
        ("another issuer", changed("iss", json!("https://idp.example/")), "invalid_issuer"),
        ("no issuer", changed("iss", Value::Null), "invalid_issuer"),
        ("another audience", changed("aud", json!("https://other.example")), "invalid_audience"),
        ("no audience", changed("aud", Value::Null), "invalid_audience"),
        ("an access token", typed("at+jwt"), "invalid_request"),
        ("a logout token", typed("logout+jwt"), "invalid_request"),
        ("an untyped JWT", typed("JWT"), "invalid_request"),
        ("from the future", changed("iat", json!(NOW + 301)), "invalid_request"),
        ("with exp", changed("exp", json!(NOW + 60)), "invalid_request"),
        ("with sub", changed("sub", json!("alice")), "invalid_request"),
        ("without jti", changed("jti", Value::Null), "invalid_request"),
        ("without events", changed("events", Value::Null), "invalid_request"),
        ("no event", changed("events", json!({})), "invalid_request"),
        ("events as a list", changed("events", json!([])), "invalid_request"),
        ("an event of text", changed("events", json!({ SESSION_REVOKED: "" })), "invalid_request"),
        ("without sub_id", changed("sub_id", Value::Null), "invalid_request"),
        ("sub_id of text", changed("sub_id", json!("alice")), "invalid_request"),
        ("sub_id without format", changed("sub_id", json!({ "id": "a" })), "invalid_request"),
        ("no JWT", "rubbish".to_owned(), "invalid_request"),
        ("nothing", String::new(), "invalid_request"),
    ] {
        let world = World::new();
        let refusal = world.refusal(&set);
        assert_eq!(refusal.err(), err, "{what}: {refusal}");
        assert_ne!(refusal.description(), "", "{what}");
        assert!(world.heard.signals.lock().unwrap().is_empty(), "{what} left a row");
        world.push(&good).unwrap_or_else(|e| panic!("the twin of {what}: {e}"));
    }
}

#[test]
fn an_old_event_still_takes_effect() {
    let world = World::new();
    let mut old = with("iat", json!(NOW - 90 * 86_400));
    old["events"] = json!({ SESSION_REVOKED: {} });
    world.push(&set_of(&old)).unwrap();
    assert_eq!(world.effects(), [signed_out_at(NOW - 90 * 86_400)]);
}

#[test]
fn an_event_happened_when_it_says_but_never_later_than_now() {
    for (member, toe, at) in [
        (json!({ "event_timestamp": NOW - 7 }), Value::Null, NOW - 7),
        (json!({ "event_timestamp": NOW + 100 }), Value::Null, NOW),
        (json!({ "event_timestamp": (NOW - 7) * 1000 }), Value::Null, NOW - 7),
        (json!({ "event_timestamp": 1_799_999_993.5 }), Value::Null, NOW - 7),
        (json!({ "event_timestamp": "1" }), Value::Null, NOW - 5),
        (json!({ "event_timestamp": 0 }), Value::Null, NOW - 5),
        (json!({}), json!(NOW - 8), NOW - 8),
        (json!({}), json!(NOW + 8), NOW),
        (json!({}), Value::Null, NOW - 5),
    ] {
        let world = World::new();
        let mut claims = with("toe", toe);
        claims["events"] = json!({ SESSION_REVOKED: member });
        world.push(&set_of(&claims)).unwrap();
        assert_eq!(world.effects(), [signed_out_at(at)], "{claims}");
    }
}

#[test]
fn an_event_that_is_repeated_is_acknowledged_and_does_nothing() {
    let world = World::new();
    let set = set_of(&claims());
    world.push(&set).unwrap();
    let again = world.push(&set).unwrap();
    assert_eq!((again.signalled, again.outcome()), (Signalled::Duplicate, "duplicate"));
    assert_eq!(world.effects().len(), 1);
    world.push(&set_of(&with("jti", json!("e-2")))).unwrap();
    assert_eq!(world.effects().len(), 2);
}

#[test]
fn an_audience_may_be_declared_or_given_by_the_transmitter() {
    let given = set_of(&with("aud", json!(["x", "given"])));
    let world = World::new();
    assert_eq!(world.refusal(&given), SignalRefusal::Audience);
    let audience = vec!["given".to_owned()];
    *world.heard.described.lock().unwrap() = Some(Described { audience, ..Described::default() });
    world.push(&given).unwrap();
    world.push(&set_of(&with("jti", json!("e-2")))).unwrap();

    let nowhere = World::with(|connection| {
        for stream in connection.signals.streams.values_mut() {
            stream.audience.clear();
        }
    });
    assert_eq!(nowhere.refusal(&set_of(&claims())), SignalRefusal::Audience);
}

#[test]
fn who_pushes_proves_it_as_agreed() {
    let set = set_of(&claims());
    let world = World::new();
    for wrong in [None, Some("Bearer other"), Some("push-secret"), Some("bearer push-secret")] {
        let refused = world.push_as(wrong, &set);
        assert!(matches!(refused, Err(NotTaken::Refused(SignalRefusal::Stranger))), "{wrong:?}");
    }
    world.push_as(Some(AUTHORIZATION), &set).unwrap();
    let open = World::with(|connection| {
        for stream in connection.signals.streams.values_mut() {
            stream.authorization = None;
        }
    });
    open.push_as(None, &set).unwrap();
}

#[test]
fn a_stream_that_is_polled_is_not_pushed() {
    let polled = World::with(|connection| {
        for stream in connection.signals.streams.values_mut() {
            stream.pushed = false;
        }
    });
    assert_eq!(polled.refusal(&set_of(&claims())), SignalRefusal::NoReceiver);
    let none = World::with(|connection| connection.signals.streams.clear());
    assert_eq!(none.refusal(&set_of(&claims())), SignalRefusal::NoReceiver);
}

#[test]
fn what_we_cannot_tell_is_to_be_sent_again() {
    let world = World::new();
    world.heard.is_ill.store(true, Ordering::Relaxed);
    let refused = world.push(&set_of(&claims())).unwrap_err();
    assert!(matches!(refused, NotTaken::Broken(_)));
    assert_eq!(refused.outcome(), "unavailable");
    world.heard.is_ill.store(false, Ordering::Relaxed);
    world.push(&set_of(&claims())).unwrap();
}

#[test]
fn several_events_all_take_effect_at_once() {
    let world = World::new();
    let disabled = "https://schemas.openid.net/secevent/risc/event-type/account-disabled";
    let both = json!({ SESSION_REVOKED: {}, disabled: {}, "urn:example:other": {} });
    let taken = world.push(&set_of(&with("events", both))).unwrap();
    assert_eq!(taken.kinds, ["session_revoked", "account_disabled", "unknown_event"]);
    let effects: Vec<_> = world.last().effects.iter().map(|one| one.effect).collect();
    assert_eq!(effects, [Effect::SignedOut, Effect::Disabled, Effect::SignedOut]);
    assert_eq!(world.heard.signals.lock().unwrap().len(), 1, "one transaction");
}

#[test]
fn every_token_fault_has_a_code_and_storage_is_not_one() {
    let code = |fault| SignalRefusal::Token(fault).err();
    assert_eq!(code(TokenFault::Signature), "invalid_key");
    assert_eq!(code(TokenFault::UnknownKey), "invalid_key");
    assert_eq!(code(TokenFault::UnexpectedExpiry), "invalid_request");
    assert_eq!(SignalRefusal::State.err(), "invalid_state");
    assert_eq!(SignalRefusal::Stranger.err(), "authentication_failed");
    assert_eq!(SignalRefusal::NoReceiver.err(), "access_denied");
}
