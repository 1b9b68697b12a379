//! Whom each format of a subject means.

use serde_json::{Value, json};

use super::fixture::{ISSUER, SESSION_REVOKED, TRANSMITTER, World, alice, set_of, with};
use crate::{
    names::Names,
    signal::{
        Effect, SignalRefusal, Whom,
        subjects::{Home, Subject, overlooked, read},
    },
};

const HOME: Home<'_> = Home { issuers: [ISSUER, TRANSMITTER] };

fn named(names: &[&str]) -> Names {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn user(names: &[&str]) -> Whom {
    Whom::User { names: named(names), session: None, device: None }
}

fn meant(subject: &Value) -> Option<Whom> {
    match read(subject, HOME).unwrap() {
        Subject::Ours { whom, .. } => Some(whom),
        Subject::Unclear | Subject::Nobody => None,
    }
}

#[test]
fn every_simple_format_names_a_user() {
    let iss_sub = |issuer: &str| json!({ "format": "iss_sub", "iss": issuer, "sub": "alice" });
    for (subject, names) in [
        (iss_sub(ISSUER), &["sub:alice", "id:alice"][..]),
        (iss_sub(TRANSMITTER), &["sub:alice", "id:alice"]),
        (iss_sub("https://idp.example/"), &["sub:alice", "id:alice"]),
        (json!({ "format": "opaque", "id": "00u1" }), &["sub:00u1", "id:00u1"]),
        (json!({ "format": "email", "email": "A@x.org" }), &["email:a@x.org", "sub:A@x.org"]),
        (json!({ "format": "account", "uri": "acct:a@x.org" }), &["email:a@x.org", "sub:a@x.org"]),
        (json!({ "format": "phone_number", "phone_number": "+31201" }), &["phone:+31201"]),
        (json!({ "format": "phone_number", "phone": "+31201" }), &["phone:+31201"]),
        (json!({ "format": "did", "url": "did:web:a" }), &["sub:did:web:a", "id:did:web:a"]),
        (json!({ "format": "uri", "uri": "urn:a:b" }), &["sub:urn:a:b", "id:urn:a:b"]),
        (json!({ "format": "scim", "uri": "/Users/7" }), &["sub:7", "id:7"]),
        (
            json!({ "format": "scim", "uri": "https://x.org/scim/Users/7/", "externalId": "e" }),
            &["sub:7", "id:7", "sub:e", "id:e"],
        ),
        (json!({ "format": "scim", "externalId": "e" }), &["sub:e", "id:e"]),
        (
            json!({ "format": "aliases", "identifiers": [
                { "format": "email", "email": "a@x.org" }, iss_sub(ISSUER), iss_sub("https://x") ] }),
            &["email:a@x.org", "sub:a@x.org", "sub:alice", "id:alice"],
        ),
    ] {
        assert_eq!(meant(&subject), Some(user(names)), "{subject}");
    }
}

#[test]
fn google_spells_it_differently() {
    for (subject, names) in [
        (
            json!({ "subject_type": "iss-sub", "iss": TRANSMITTER, "sub": "alice" }),
            &["sub:alice", "id:alice"][..],
        ),
        (json!({ "subject_type": "email", "email": "a@x.org" }), &["email:a@x.org", "sub:a@x.org"]),
        (
            json!({ "subject_type": "id_token_claims", "iss": ISSUER, "sub": "7", "email": "a@x.org" }),
            &["sub:7", "id:7", "email:a@x.org", "sub:a@x.org"],
        ),
    ] {
        assert_eq!(meant(&subject), Some(user(names)), "{subject}");
    }
    let foreign = json!({ "subject_type": "id_token_claims", "iss": "https://x.org", "sub": "7" });
    assert_eq!(read(&foreign, HOME), Ok(Subject::Nobody));
}

#[test]
fn a_subject_stands_at_the_top_or_in_the_event() {
    let inner = json!({ "subject_type": "iss-sub", "iss": TRANSMITTER, "sub": "alice" });
    let world = World::new();
    let mut old = with("sub_id", Value::Null);
    old["events"] = json!({ SESSION_REVOKED: { "subject": inner } });
    world.push(&set_of(&old)).unwrap();
    assert_eq!(world.effects().first().unwrap().whom, user(&["sub:alice", "id:alice"]));

    let world = World::new();
    let mut both = with("sub_id", json!({ "format": "opaque", "id": "bob" }));
    both["events"] = old["events"].clone();
    world.push(&set_of(&both)).unwrap();
    assert_eq!(world.effects().first().unwrap().whom, user(&["sub:bob", "id:bob"]));
}

#[test]
fn tokens_are_named_by_their_id() {
    let token = |issuer: &str| json!({ "format": "jwt_id", "iss": issuer, "jti": "t-1" });
    assert_eq!(meant(&token(ISSUER)), Some(Whom::Token("t-1".to_owned())));
    assert_eq!(read(&token("https://other.example"), HOME), Ok(Subject::Nobody));
}

#[test]
fn users_of_others_are_not_ours() {
    let foreign = json!({ "format": "iss_sub", "iss": "https://other.example", "sub": "alice" });
    assert_eq!(read(&foreign, HOME), Ok(Subject::Nobody));
    let complex = json!({ "format": "complex", "user": foreign, "session": { "format": "opaque", "id": "s" } });
    assert_eq!(read(&complex, HOME), Ok(Subject::Nobody));
    let aliases = json!({ "format": "aliases", "identifiers": [foreign] });
    assert_eq!(read(&aliases, HOME), Ok(Subject::Nobody));

    let world = World::new();
    let taken = world.push(&set_of(&with("sub_id", foreign))).unwrap();
    assert_eq!((taken.outcome(), world.effects().len()), ("ignored", 0));
}

#[test]
fn complex_subjects_narrow_the_user() {
    let opaque = |id: &str| json!({ "format": "opaque", "id": id });
    let alice = json!({ "format": "iss_sub", "iss": ISSUER, "sub": "alice" });
    let text = |id: &str| Some(id.to_owned());
    let of_user = |session, device| Some(Whom::User { names: self::alice(), session, device });
    for (subject, whom) in [
        (json!({ "user": alice }), of_user(None, None)),
        (json!({ "user": alice, "session": opaque("s") }), of_user(text("s"), None)),
        (json!({ "user": alice, "device": opaque("d") }), of_user(None, text("d"))),
        (
            json!({ "user": alice, "session": opaque("s"), "device": opaque("d"), "tenant": opaque("t") }),
            of_user(text("s"), text("d")),
        ),
        // What cannot be read widens.
        (json!({ "user": alice, "session": { "format": "x", "y": 1 } }), of_user(None, None)),
        (json!({ "user": alice, "session": opaque("\0") }), of_user(None, None)),
        (json!({ "session": opaque("s") }), Some(Whom::Session("s".to_owned()))),
        (
            json!({ "session": { "format": "jwt_id", "iss": ISSUER, "jti": "j" } }),
            Some(Whom::Session("j".to_owned())),
        ),
        (
            json!({ "device": { "format": "iss_sub", "iss": ISSUER, "sub": "d" } }),
            Some(Whom::Device("d".to_owned())),
        ),
        (json!({ "tenant": opaque("t") }), Some(Whom::Everyone)),
        (json!({ "group": opaque("g") }), None),
        (json!({ "tenant": opaque("t"), "org_unit": opaque("o") }), None),
        (json!({ "user": { "format": "saml_assertion_id" } }), None),
    ] {
        let mut formatted = subject.clone();
        formatted["format"] = json!("complex");
        assert_eq!(meant(&formatted), whom, "{formatted}");
        assert_eq!(meant(&subject), whom, "as drafts wrote it: {subject}");
    }
}

#[test]
fn what_names_nobody_in_particular_is_unclear() {
    let long = "a".repeat(Names::LONGEST + 1);
    for subject in [
        json!({ "format": "saml_assertion_id", "issuer": "x", "assertion_id": "y" }),
        json!({ "format": "ip-addresses", "ip-addresses": ["192.0.2.1"] }),
        json!({ "format": "urn:example:new", "x": 1 }),
        json!({ "format": "opaque", "id": long }),
        json!({ "format": "complex" }),
        json!({ "format": "complex", "org_unit": { "format": "opaque", "id": "o" } }),
    ] {
        assert_eq!(read(&subject, HOME), Ok(Subject::Unclear), "{subject}");
    }
}

#[test]
fn what_lacks_what_its_format_requires_is_refused() {
    for subject in [
        json!("alice"),
        json!([]),
        json!({}),
        json!({ "format": 1 }),
        json!({ "format": "email" }),
        json!({ "format": "email", "email": "" }),
        json!({ "format": "iss_sub", "sub": "alice" }),
        json!({ "format": "iss_sub", "iss": ISSUER }),
        json!({ "format": "opaque", "id": 7 }),
        json!({ "format": "phone_number" }),
        json!({ "format": "scim" }),
        json!({ "format": "jwt_id", "iss": ISSUER }),
        json!({ "format": "aliases", "identifiers": [] }),
        json!({ "format": "aliases", "identifiers": [{ "format": "aliases", "identifiers": [] }] }),
        json!({ "format": "complex", "user": "alice" }),
        json!({ "subject_type": "id_token_claims", "iss": ISSUER }),
    ] {
        assert_eq!(read(&subject, HOME), Err(SignalRefusal::Subject), "{subject}");
    }
}

#[test]
fn a_critical_member_that_is_not_understood_discards_the_event() {
    let opaque = |id: &str| json!({ "format": "opaque", "id": id });
    let subject = json!({ "format": "complex", "user": opaque("alice"), "tenant": opaque("t") });
    assert_eq!(overlooked(&subject), ["tenant"]);
    let set = set_of(&with("sub_id", subject));

    let world = World::new();
    *world.heard.critical.lock().unwrap() = vec!["tenant".to_owned()];
    let taken = world.push(&set).unwrap();
    assert_eq!((taken.outcome(), taken.alert), ("ignored", Some("critical_member")));
    assert_eq!(world.last().effects, []);
    assert!(world.last().event.detail.unwrap().contains("discarded"));

    let world = World::new();
    *world.heard.critical.lock().unwrap() = ["user", "session", "group"].map(str::to_owned).into();
    world.push(&set).unwrap();
    assert_eq!(world.effects().first().unwrap().effect, Effect::SignedOut);
}
