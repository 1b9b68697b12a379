//! Global token revocation.

use policy::Timestamp;
use serde_json::{Value, json};

use super::fixture::{
    ISSUER, NOW, TRANSMITTER, World, alice, arrival, changed, provider, stranger, transmitter, wait,
};
use crate::signal::{
    Effect, NotTaken, SignalRefusal, Source, Taken, Whom,
    revocation::{endpoint, revoke},
};

const TYP: &str = "global-token-revocation+jwt";
const ENDPOINT: &str = "https://as.example/signals/corp/revocation";

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "0oa1", "aud": ENDPOINT, "jti": "g-1",
        "iat": NOW - 2, "nbf": NOW - 300, "exp": NOW + 300,
    })
}

fn with(name: &str, value: Value) -> Value {
    changed(claims(), name, value)
}

fn of_alice() -> Value {
    json!({ "sub_id": { "format": "iss_sub", "iss": ISSUER, "sub": "alice" } })
}

fn ask(world: &World, authorization: Option<&str>, body: &str) -> Result<Taken, SignalRefusal> {
    let asked = (authorization, body.as_bytes());
    let arrival = arrival(Source::Revocation);
    wait(revoke(&world.org, world.connection(), asked, &arrival)).map_err(|not_taken| {
        match not_taken {
            NotTaken::Refused(refusal) => refusal,
            NotTaken::Broken(fault) => panic!("{fault}"),
        }
    })
}

fn ask_with(world: &World, typ: &str, claims: &Value) -> Result<Taken, SignalRefusal> {
    let token = keys::sign(provider(), typ, claims).unwrap();
    ask(world, Some(&format!("Bearer {token}")), &of_alice().to_string())
}

#[test]
fn everything_of_the_user_ends() {
    let world = World::new();
    assert_eq!(endpoint(&world.org, world.connection()), ENDPOINT);
    ask_with(&world, TYP, &claims()).unwrap();
    let [affected] = world.effects().try_into().unwrap();
    assert_eq!(affected.whom, Whom::User { names: alice(), session: None, device: None });
    assert_eq!((affected.effect, affected.at), (Effect::SignedOut, Timestamp(NOW)));
    assert_eq!(world.last().event.reason, Some("global_token_revocation"));
    assert_eq!(world.last().event.subject.as_deref(), Some("corp:alice"));
    // One JWT may bear several requests.
    ask_with(&world, TYP, &claims()).unwrap();
    assert_eq!(world.effects().len(), 2);
}

#[test]
fn strangers_revoke_nothing() {
    let world = World::new();
    let refused = |result: Result<Taken, SignalRefusal>, what: &str| {
        assert_eq!(result.unwrap_err(), SignalRefusal::Stranger, "{what}");
    };
    let body = of_alice().to_string();
    for authorization in [None, Some("Bearer x"), Some("Basic x"), Some("Bearer ")] {
        refused(ask(&world, authorization, &body), "no JWT");
    }
    for (what, claims) in [
        ("another issuer", with("iss", json!(TRANSMITTER))),
        ("another audience", with("aud", json!("actas"))),
        ("without exp", with("exp", Value::Null)),
        ("expired", with("exp", json!(NOW - 10))),
        ("from the future", with("iat", json!(NOW + 11))),
        ("without jti", with("jti", Value::Null)),
    ] {
        refused(ask_with(&world, TYP, &claims), what);
    }
    for typ in ["at+jwt", "logout+jwt", "secevent+jwt"] {
        refused(ask_with(&world, typ, &claims()), typ);
    }
    let forged = keys::sign(stranger(), TYP, &claims()).unwrap();
    refused(ask(&world, Some(&format!("Bearer {forged}")), &body), "a stranger's signature");
    assert!(world.effects().is_empty());
}

/// RFC 8725 §3.12: ID tokens and access tokens are untyped, too.
#[test]
fn a_token_of_a_user_lets_nobody_in() {
    let open = |connection: &mut crate::org::Connection| {
        let revocation = connection.signals.revocation.as_mut().unwrap();
        revocation.audience = vec!["actas".to_owned(), ENDPOINT.to_owned()];
    };
    let world = World::with(open);
    ask_with(&world, "JWT", &claims()).unwrap();
    ask_with(&world, TYP, &with("aud", json!("actas"))).unwrap();
    let id_token = with("aud", json!("actas"));
    assert_eq!(ask_with(&world, "JWT", &id_token).unwrap_err(), SignalRefusal::Stranger);
    for mark in ["nonce", "scope", "scp", "client_id", "cid", "azp", "sid", "auth_time", "events"] {
        let refused = ask_with(&world, "JWT", &with(mark, json!("x"))).unwrap_err();
        assert_eq!(refused, SignalRefusal::Stranger, "{mark}");
    }
}

#[test]
fn an_agreed_secret_serves_in_place_of_a_jwt() {
    let mut world = World::new();
    let hash = world.org.master.hash_secret("s3cret");
    let connection = world.org.connections.first_mut().unwrap();
    connection.signals.revocation.as_mut().unwrap().authorization = Some(hash);
    let body = of_alice().to_string();
    ask(&world, Some("Bearer s3cret"), &body).unwrap();
    for wrong in [None, Some("Bearer other"), Some("s3cret")] {
        assert_eq!(ask(&world, wrong, &body).unwrap_err(), SignalRefusal::Stranger, "{wrong:?}");
    }
    assert_eq!(ask_with(&world, TYP, &claims()).unwrap_err(), SignalRefusal::Stranger);
}

#[test]
fn an_issuer_of_its_own_is_known_by_its_stream() {
    let world = World::with(|connection| {
        let revocation = connection.signals.revocation.as_mut().unwrap();
        revocation.issuer = Some(TRANSMITTER.to_owned());
    });
    let token = |signer| keys::sign(signer, TYP, &with("iss", json!(TRANSMITTER))).unwrap();
    let ask = |token: &str| ask(&world, Some(&format!("Bearer {token}")), &of_alice().to_string());
    ask(&token(transmitter())).unwrap();
    assert_eq!(ask(&token(provider())).unwrap_err(), SignalRefusal::Stranger);
}

#[test]
fn who_is_meant_must_be_one_of_ours() {
    let world = World::new();
    let token = keys::sign(provider(), TYP, &claims()).unwrap();
    let ask = |body: &str| ask(&world, Some(&format!("Bearer {token}")), body);
    let subject = |subject: Value| json!({ "sub_id": subject }).to_string();
    let foreign = json!({ "format": "iss_sub", "iss": "https://x.org", "sub": "a" });
    for (body, refusal) in [
        ("", SignalRefusal::Shape),
        ("[]", SignalRefusal::Shape),
        (r#"[{"format":"email","email":"alice@example.com"},null]"#, SignalRefusal::Shape),
        ("{}", SignalRefusal::NoSubject),
        (&subject(json!({ "format": "email" })), SignalRefusal::Subject),
        (&subject(json!({ "format": "uid", "id": "a" })), SignalRefusal::SubjectFormat),
        (&subject(foreign), SignalRefusal::NotOurs),
    ] {
        assert_eq!(ask(body).unwrap_err(), refusal, "{body}");
    }
    assert!(world.effects().is_empty());
    ask(&subject(json!({ "format": "email", "email": "a@x.org" }))).unwrap();
    ask(&json!({ "subject": { "format": "opaque", "id": "00u1" } }).to_string()).unwrap();
    assert_eq!(world.effects().len(), 2);
}

#[test]
fn nothing_is_revoked_where_nobody_may() {
    let world = World::with(|connection| connection.signals.revocation = None);
    assert_eq!(ask_with(&world, TYP, &claims()).unwrap_err(), SignalRefusal::NoReceiver);
}
