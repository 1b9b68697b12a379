//! Events nobody should believe: the documented answer (RFC 8935 §2.4), and no effect.

use serde_json::{Value, json};
use server::clock;

use super::{Listening, PUSH, SESSION_REVOKED, push};
use crate::{database::Kind, http::Request, transmitter::Transmitter};

/// A SET about alice that would end her chain, with members replaced, is refused with this code.
#[track_caller]
fn refused(kind: Kind, cases: &[(&str, Value, &str)]) {
    let listening = Listening::on(kind);
    let chain = listening.chain();
    for (member, replaced, err) in cases {
        let mut emission = listening.emission(SESSION_REVOKED, &json!({}), "alice");
        match replaced.as_object() {
            Some(members) => {
                for (name, value) in members {
                    emission[*member][name] = value.clone();
                }
            }
            None => emission[*member] = replaced.clone(),
        }
        is_refused(&listening, &listening.push(&emission), 400, err);
    }
    chain.goes_on(&listening.scene);
    listening.signal(SESSION_REVOKED, &json!({}), "alice");
    chain.stops(&listening.scene, &super::signed_out());
}

#[track_caller]
fn is_refused(listening: &Listening, push: &Request, status: u16, err: &str) {
    let reply = listening.scene.send(push);
    assert_eq!((reply.status, &reply.json()["err"]), (status, &json!(err)), "{}", reply.text());
    assert!(reply.json()["description"].is_string(), "{}", reply.text());
    assert_eq!(reply.header("content-language"), Some("en"));
    assert_eq!(reply.header("www-authenticate").is_some(), status == 401);
}

fn one_that_is_not_signed_by_its_transmitter(kind: Kind) {
    refused(
        kind,
        &[
            ("header", json!({ "alg": "none" }), "invalid_key"),
            ("header", json!({ "alg": "HS256" }), "invalid_key"),
            ("header", json!({ "kid": "another" }), "invalid_key"),
        ],
    );
}

fn one_of_another_kind_or_time(kind: Kind) {
    let now = clock::now().0;
    refused(
        kind,
        &[
            ("header", json!({ "typ": "JWT" }), "invalid_request"),
            ("claims", json!({ "exp": now + 600 }), "invalid_request"),
            ("claims", json!({ "sub": "alice" }), "invalid_request"),
            ("claims", json!({ "iat": now + 3600 }), "invalid_request"),
            ("claims", json!({ "jti": null }), "invalid_request"),
        ],
    );
}

fn one_for_somebody_else(kind: Kind) {
    refused(
        kind,
        &[
            ("claims", json!({ "aud": "https://other.example/ssf" }), "invalid_audience"),
            ("claims", json!({ "aud": null }), "invalid_audience"),
            ("claims", json!({ "iss": "https://other.example" }), "invalid_issuer"),
        ],
    );
}

fn one_that_does_not_say_whom_it_is_about(kind: Kind) {
    refused(
        kind,
        &[
            ("subject", json!(null), "invalid_request"),
            ("subject", json!({ "sub": null }), "invalid_request"),
            ("events", json!({ SESSION_REVOKED: [] }), "invalid_request"),
        ],
    );
}

/// Its signature is as good as any; but it is nobody's here.
fn one_of_another_organizations_transmitter(kind: Kind) {
    let (listening, other) = (Listening::on(kind), Transmitter::start());
    let chain = listening.chain();
    let mut emission = listening.emission(SESSION_REVOKED, &json!({}), "alice");
    is_refused(&listening, &push(&other.set(&emission)), 400, "invalid_issuer");
    emission["claims"]["iss"] = json!(listening.transmitter.issuer);
    is_refused(&listening, &push(&other.set(&emission)), 400, "invalid_key");
    chain.goes_on(&listening.scene);
}

fn a_sender_who_does_not_prove_who_it_is(kind: Kind) {
    let listening = Listening::on(kind);
    let chain = listening.chain();
    let set = listening.transmitter.set(&listening.emission(SESSION_REVOKED, &json!({}), "alice"));
    let bare = Request::of("POST", PUSH).body("application/secevent+jwt", &set);
    for stranger in [
        bare.clone(),
        bare.clone().header("authorization", "another header"),
        bare.clone().bearer("the agreed header"),
    ] {
        is_refused(&listening, &stranger, 401, "authentication_failed");
    }
    chain.goes_on(&listening.scene);
    assert_eq!(listening.scene.send(&push(&set)).status, 202, "it is not spent");
    chain.stops(&listening.scene, &super::signed_out());
}

fn one_in_another_shape(kind: Kind) {
    let listening = Listening::on(kind);
    let set = listening.transmitter.set(&listening.emission(SESSION_REVOKED, &json!({}), "alice"));
    let media = "application/secevent+jwt";
    for request in [
        push(&set).header("content-type", "application/jwt"),
        push(&set).header("content-encoding", "gzip"),
        push("").body(media, ""),
        push("").body(media, "eyJ"),
        push("").body(media, &"x".repeat(65 * 1024)),
    ] {
        is_refused(&listening, &request, 400, "invalid_request");
    }
    for path in [
        "/o/acme/signals/corp/streams/other",
        "/o/acme/signals/other/streams/ssf",
        "/o/other/signals/corp/streams/ssf",
    ] {
        assert_eq!(listening.scene.send(&push(&set).at(path)).status, 404, "{path}");
    }
}

/// Whoever sends rubbish fills no table.
#[test]
fn what_is_refused_is_counted_and_not_stored() {
    let listening = Listening::on(Kind::Postgres);
    let database = listening.scene.site.postgres.as_ref().unwrap();
    let stranger = push("eyJ").header("authorization", "another header");
    is_refused(&listening, &stranger, 401, "authentication_failed");
    is_refused(&listening, &push("eyJ"), 400, "invalid_request");
    assert_eq!(database.ask("SELECT count(*) FROM signals"), "0");
    assert!(database.records().is_empty());
    let metrics = listening.scene.server.get("/metrics");
    let counted = "actas_signals_total{connection=\"corp\",org=\"acme\",outcome=\"refused\",\
                   source=\"push\"} 2";
    assert!(metrics.text().contains(counted), "{}", metrics.text());
}

on_both_databases![
    one_that_is_not_signed_by_its_transmitter,
    one_of_another_kind_or_time,
    one_for_somebody_else,
    one_that_does_not_say_whom_it_is_about,
    one_of_another_organizations_transmitter,
    a_sender_who_does_not_prove_who_it_is,
    one_in_another_shape,
];
