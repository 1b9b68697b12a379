//! The transmitter, driven through [`Transmitter::handle`] alone, as its server would.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use keys::{Algorithm, EventKind, ExpectEvent, PublicKeys, SigningKey, TokenFault, verify_event};

use super::*;

const ISSUER: &str = "http://127.0.0.1:9999/t1";
const NOW: i64 = 1_800_000_000;
const REVOKED: &str = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
const ENDPOINT: &str = "https://receiver.example/push";

fn transmitter() -> Transmitter {
    let settings = TransmitterSettings {
        issuer: ISSUER.to_owned(),
        bearer: "secret".to_owned(),
        allows_several: false,
        min_verification_interval: Some(60),
        inactivity_timeout: Some(3600),
    };
    let signer = Arc::new(SigningKey::generate(Algorithm::Es256).unwrap());
    let count = AtomicUsize::new(0);
    let fresh = Box::new(move || format!("fresh-{}", count.fetch_add(1, Ordering::SeqCst)));
    Transmitter::new(settings, signer, fresh)
}

fn ask(transmitter: &Transmitter, method: &str, at: &str, body: &Value) -> Reply {
    let (path, query) = at.split_once('?').unwrap_or((at, ""));
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let authorization = Some("Bearer secret");
    let request = Request { method, path, query, authorization, body: body.as_bytes() };
    match transmitter.handle(&request, NOW) {
        Answer::Reply(reply) => reply,
        other @ (Answer::Slow(_) | Answer::Down) => panic!("not a plain reply: {other:?}"),
    }
}

fn json_of(reply: &Reply) -> Value {
    serde_json::from_str(&reply.body).unwrap()
}

fn made(transmitter: &Transmitter, delivery: &Value) -> Value {
    let body = json!({ "events_requested": [REVOKED], "delivery": delivery });
    let reply = ask(transmitter, "POST", "/t1/stream", &body);
    assert_eq!(reply.status, 201, "{}", reply.body);
    json_of(&reply)
}

fn pushed(transmitter: &Transmitter) -> Value {
    let delivery = json!({
        "method": "urn:ietf:rfc:8935",
        "endpoint_url": ENDPOINT,
        "authorization_header": "Bearer agreed",
    });
    made(transmitter, &delivery)
}

fn polled(transmitter: &Transmitter) -> Value {
    made(transmitter, &json!({ "method": "urn:ietf:rfc:8936" }))
}

fn poll(transmitter: &Transmitter, stream: &Value, body: &Value) -> Value {
    let id = stream["stream_id"].as_str().unwrap();
    let reply = ask(transmitter, "POST", &format!("/t1/poll/{id}"), body);
    assert_eq!(reply.status, 200, "{}", reply.body);
    json_of(&reply)
}

fn emission() -> Emission {
    Emission::of(REVOKED, json!({}), json!({ "format": "email", "email": "alice@example.com" }))
}

/// As a receiver would.
fn verified(
    transmitter: &Transmitter,
    stream: &Value,
    set: &str,
) -> Result<keys::VerifiedEvent<Value>, TokenFault> {
    let jwks = ask(transmitter, "GET", "/t1/jwks", &Value::Null);
    let keys = PublicKeys::parse(jwks.body.as_bytes()).unwrap();
    let expect = ExpectEvent {
        kind: EventKind::SecurityEvent,
        issuer: ISSUER,
        audience: &[stream["aud"][0].as_str().unwrap()],
        algorithms: &[Algorithm::Es256],
        leeway: Duration::ZERO,
    };
    verify_event(set, &keys, &expect, NOW)
}

#[test]
fn publishes_itself_beside_its_issuer() {
    let transmitter = transmitter();
    let at = "/.well-known/ssf-configuration/t1";
    let metadata = json_of(&ask(&transmitter, "GET", at, &Value::Null));
    assert_eq!(metadata["issuer"], ISSUER);
    let legacy = "/.well-known/risc-configuration/t1";
    assert_eq!(ask(&transmitter, "GET", legacy, &Value::Null).status, 404);
    transmitter.misbehave(Faults { metadata: MetadataFault::Legacy, ..Faults::default() });
    assert_eq!(ask(&transmitter, "GET", at, &Value::Null).status, 404);
    assert_eq!(json_of(&ask(&transmitter, "GET", legacy, &Value::Null))["issuer"], ISSUER);
}

#[test]
fn pushes_what_was_asked_for() {
    let transmitter = transmitter();
    let stream = pushed(&transmitter);
    let ids = transmitter.emit(&emission(), NOW).unwrap();
    let other = Emission::of("https://events.example/other", json!({}), json!({}));
    assert!(transmitter.emit(&other, NOW).unwrap().is_empty());
    let pushes = transmitter.pushes();
    let [push] = pushes.as_slice() else { panic!("{pushes:?}") };
    assert_eq!(
        (push.url.as_str(), push.authorization.as_deref()),
        (ENDPOINT, Some("Bearer agreed"))
    );
    let event = verified(&transmitter, &stream, &push.body).unwrap();
    assert_eq!(event.registered().id, ids[0]);
    assert_eq!(event.claims()["sub_id"]["email"], "alice@example.com");
    assert!(transmitter.pushes().is_empty());
    transmitter.push_again(push);
    assert_eq!(transmitter.pushes(), pushes);
}

#[test]
fn is_polled_until_all_is_acknowledged() {
    let transmitter = transmitter();
    let stream = polled(&transmitter);
    for _ in 0..3 {
        transmitter.emit(&emission(), NOW).unwrap();
    }
    assert!(transmitter.pushes().is_empty());
    let first = poll(&transmitter, &stream, &json!({ "maxEvents": 2 }));
    assert_eq!(first["moreAvailable"], true);
    let sets = first["sets"].as_object().unwrap();
    assert_eq!(sets.len(), 2);
    for set in sets.values() {
        assert!(verified(&transmitter, &stream, set.as_str().unwrap()).is_ok());
    }
    let jtis: Vec<&String> = sets.keys().collect();
    let told = json!({ "ack": [jtis[0]], "setErrs": { jtis[1]: { "err": "invalid_key" } } });
    let rest = poll(&transmitter, &stream, &told);
    assert_eq!(
        (rest["sets"].as_object().unwrap().len(), &rest["moreAvailable"]),
        (1, &json!(false))
    );
    let seen = transmitter.seen();
    assert_eq!(seen.acknowledged, [jtis[0].clone()]);
    assert_eq!(seen.refused, [(jtis[1].clone(), "invalid_key".to_owned())]);
    let last = json!({ "ack": rest["sets"].as_object().unwrap().keys().collect::<Vec<_>>() });
    assert_eq!(poll(&transmitter, &stream, &last)["sets"], json!({}));
}

#[test]
fn verifies_a_stream_but_not_too_often() {
    let transmitter = transmitter();
    let stream = polled(&transmitter);
    let body = json!({ "stream_id": stream["stream_id"], "state": "fresh" });
    assert_eq!(ask(&transmitter, "POST", "/t1/verification", &body).status, 204);
    assert_eq!(ask(&transmitter, "POST", "/t1/verification", &body).status, 429);
    let polled = poll(&transmitter, &stream, &json!({}));
    let set = polled["sets"].as_object().unwrap().values().next().unwrap();
    let event = verified(&transmitter, &stream, set.as_str().unwrap()).unwrap();
    let events = &event.claims()["events"];
    let verification = "https://schemas.openid.net/secevent/ssf/event-type/verification";
    assert_eq!(events[verification]["state"], "fresh");
    assert_eq!(event.claims()["sub_id"]["id"], stream["stream_id"]);
}

#[test]
fn a_stream_is_made_read_changed_and_deleted() {
    let transmitter = transmitter();
    let stream = pushed(&transmitter);
    let id = stream["stream_id"].as_str().unwrap();
    let at = format!("/t1/stream?stream_id={id}");
    assert_eq!(json_of(&ask(&transmitter, "GET", &at, &Value::Null)), stream);
    let all = ask(&transmitter, "GET", "/t1/stream", &Value::Null);
    assert_eq!(json_of(&all), json!([stream]));
    let again = json!({ "events_requested": [] });
    assert_eq!(ask(&transmitter, "POST", "/t1/stream", &again).status, 409);
    let change = json!({ "stream_id": id, "events_requested": [] });
    let changed = json_of(&ask(&transmitter, "PATCH", "/t1/stream", &change));
    assert_eq!(changed["events_requested"], json!([]));
    assert_eq!(changed["delivery"], stream["delivery"]);
    assert_eq!(ask(&transmitter, "DELETE", &at, &Value::Null).status, 204);
    for method in ["GET", "DELETE"] {
        assert_eq!(ask(&transmitter, method, &at, &Value::Null).status, 404);
    }
}

#[test]
fn a_paused_stream_says_so_and_falls_silent() {
    let transmitter = transmitter();
    let stream = pushed(&transmitter);
    let id = stream["stream_id"].as_str().unwrap();
    assert!(transmitter.set_status(id, "paused", NOW).unwrap());
    transmitter.emit(&emission(), NOW).unwrap();
    let pushes = transmitter.pushes();
    let [last] = pushes.as_slice() else { panic!("{pushes:?}") };
    let event = verified(&transmitter, &stream, &last.body).unwrap();
    let updated = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated";
    assert_eq!(event.claims()["events"][updated]["status"], "paused");
    let at = format!("/t1/status?stream_id={id}");
    assert_eq!(json_of(&ask(&transmitter, "GET", &at, &Value::Null))["status"], "paused");
    let enable = json!({ "stream_id": id, "status": "enabled" });
    assert_eq!(ask(&transmitter, "POST", "/t1/status", &enable).status, 200);
    assert_eq!(transmitter.pushes().len(), 1, "what had waited");
    assert!(!transmitter.set_status("unknown", "paused", NOW).unwrap());
}

#[test]
fn transmits_what_nobody_should_believe() {
    let transmitter = transmitter();
    let stream = pushed(&transmitter);
    for (order, expected) in [
        (json!({ "claims": { "iss": "https://elsewhere.example" } }), TokenFault::Issuer),
        (json!({ "claims": { "exp": NOW + 60 } }), TokenFault::UnexpectedExpiry),
        (json!({ "claims": { "jti": null } }), TokenFault::TokenId),
        (json!({ "claims": { "aud": "somebody" } }), TokenFault::Audience),
        (json!({ "header": { "typ": "JWT" } }), TokenFault::Typ),
        (json!({ "header": { "kid": "other" } }), TokenFault::UnknownKey),
    ] {
        let mut emission = json!({ "events": { REVOKED: {} } });
        emission.as_object_mut().unwrap().extend(order.as_object().unwrap().clone());
        assert_eq!(ask(&transmitter, "POST", "/t1/control/events", &emission).status, 200);
        let push = transmitter.pushes().remove(0);
        assert_eq!(verified(&transmitter, &stream, &push.body).unwrap_err(), expected, "{order}");
    }
    let unsigned = json!({ "events": { REVOKED: {} }, "header": { "alg": "none" } });
    ask(&transmitter, "POST", "/t1/control/events", &unsigned);
    let push = transmitter.pushes().remove(0);
    assert!(push.body.ends_with('.') && verified(&transmitter, &stream, &push.body).is_err());
}

#[test]
fn strangers_are_refused() {
    let transmitter = transmitter();
    for authorization in [None, Some("Bearer other"), Some("secret")] {
        for (method, path) in
            [("GET", "/t1/stream"), ("POST", "/t1/verification"), ("POST", "/t1/poll/s")]
        {
            let request = Request { method, path, query: "", authorization, body: b"{}" };
            let Answer::Reply(reply) = transmitter.handle(&request, NOW) else {
                panic!("{path} is not answered")
            };
            assert_eq!(reply.status, 401, "{path}");
        }
    }
}

#[test]
fn misbehaves_to_order() {
    let transmitter = transmitter();
    let order = json!({ "management": "forbidden", "polling": "error500" });
    assert_eq!(ask(&transmitter, "POST", "/t1/control/faults", &order).status, 200);
    assert_eq!(ask(&transmitter, "GET", "/t1/stream", &Value::Null).status, 403);
    assert_eq!(ask(&transmitter, "POST", "/t1/poll/s", &json!({})).status, 500);
    assert_eq!(ask(&transmitter, "POST", "/t1/control/faults", &json!({ "x": 1 })).status, 400);
    let seen = json_of(&ask(&transmitter, "GET", "/t1/control/seen", &Value::Null));
    assert_eq!((&seen["polls"], &seen["calls"]), (&json!(1), &json!(["GET /stream"])));
    assert_eq!(ask(&transmitter, "GET", "/t1/control/nothing", &Value::Null).status, 404);
}

#[test]
fn shows_no_secrets_to_debug() {
    let text = format!("{:?}", transmitter());
    assert!(!text.contains("secret"), "{text}");
}
