//! Streams that are made, verified, polled and looked after by the server itself.

use serde_json::{Value, json};
use testkit::transmitter::{Faults, ManagementFault};

use super::{Chain, RECONNECT, SESSION_REVOKED, a_minute_ago, said, with_reader};
use crate::{
    database::Kind,
    process::eventually,
    scene::{Scene, connected},
    transmitter::{BEARER, Transmitter},
};

/// The happy organization with a stream it has to make itself.
fn managed(kind: Kind, settings: &str, of_stream: &str) -> (Scene, Transmitter) {
    let transmitter = Transmitter::start();
    let settings = format!(
        "reconnect_uri = \"{RECONNECT}\"\n{settings}\n\n[[connections.streams]]\nid = \"ssf\"\n\
         issuer = \"{}\"\naccess = {{ bearer = {{ value = \"{BEARER}\" }} }}\n{of_stream}\n",
        transmitter.issuer
    );
    let scene = Scene::declared(kind, |_, org| connected(&with_reader(&org), &settings));
    transmitter.push_to(scene.server.address);
    (scene, transmitter)
}

fn session_revoked(scene: &Scene) -> Value {
    json!({
        "events": { SESSION_REVOKED: { "event_timestamp": a_minute_ago() } },
        "subject": { "format": "iss_sub", "iss": scene.provider.issuer, "sub": "alice" },
    })
}

/// The seconds since the stream was heard of, as metrics say; -1 when it is not to be relied on.
fn age(scene: &Scene) -> Option<i64> {
    let text = scene.server.get("/metrics").text().to_owned();
    let sample =
        "actas_signal_stream_age_seconds{connection=\"corp\",org=\"acme\",stream=\"ssf\"} ";
    text.lines().find_map(|line| line.strip_prefix(sample)?.parse().ok())
}

#[track_caller]
fn lives(scene: &Scene) {
    eventually("the stream lives", || age(scene).filter(|age| 0 <= *age));
}

fn one_that_is_polled_ends_a_chain(kind: Kind) {
    let (scene, transmitter) = managed(kind, "", "delivery = \"poll\"");
    lives(&scene);
    let [made] = transmitter.streams().try_into().unwrap();
    assert_eq!(made["delivery"]["method"], "urn:ietf:rfc:8936");
    let calls = transmitter.seen().calls;
    for call in ["POST /stream", "POST /verification"] {
        assert!(calls.iter().any(|made| made == call), "{calls:?}");
    }
    let chain = Chain::of(&scene);
    let [id] = transmitter.emit(&session_revoked(&scene)).try_into().unwrap();
    let refused = eventually("the event is polled and ends the chain", || {
        let reply = scene.send(&chain.first);
        (reply.status != 200).then_some(reply)
    });
    assert_eq!(said(&refused), super::signed_out());
    chain.has_ended(&scene);
    eventually("it is acknowledged", || {
        transmitter.seen().acknowledged.contains(&id).then_some(())
    });
    assert_eq!(transmitter.seen().refused, []);
    let metrics = scene.server.get("/metrics").text().to_owned();
    let polled = "actas_signals_total{connection=\"corp\",org=\"acme\",outcome=\"applied\",\
                  source=\"poll\"} ";
    assert!(metrics.contains(polled), "{metrics}");
}

fn one_that_is_pushed_ends_a_chain(kind: Kind) {
    let (scene, transmitter) =
        managed(kind, "", "authorization = { value = \"Bearer of the pusher\" }");
    lives(&scene);
    let [made] = transmitter.streams().try_into().unwrap();
    let endpoint = format!("{}{}", crate::scene::PUBLIC_URL, super::PUSH);
    assert_eq!(made["delivery"]["endpoint_url"], endpoint);
    let chain = Chain::of(&scene);
    transmitter.emit(&session_revoked(&scene));
    chain.stops(&scene, &super::signed_out());
}

/// While it is not to be relied on, every exchange asks.
fn one_that_is_paused_tightens_bounded_to_strict(kind: Kind) {
    let (scene, transmitter) = managed(kind, "freshness = \"bounded\"\nmax_age = 30", "");
    let exchange = scene.happy();
    let asks = || {
        let before = scene.provider.questions();
        scene.send(&exchange).token();
        scene.provider.questions() - before
    };
    lives(&scene);
    asks();
    assert_eq!([asks(), asks()], [0, 0], "it is listened to");
    // Or it would be asked to go on at once, and would.
    let management = ManagementFault::Forbidden;
    transmitter.misbehave(Faults { management, ..Faults::default() });
    transmitter.set_status("paused");
    assert_eq!([asks(), asks()], [1, 1], "it is not listened to");
    scene.server.logs("it says so", |line| line["message"] == "a stream of signals is ill");
    eventually("metrics say so", || (age(&scene) == Some(-1)).then_some(()));
    transmitter.misbehave(Faults::default());
    transmitter.set_status("enabled");
    asks();
    assert_eq!([asks(), asks()], [0, 0], "it is listened to again");
}

/// What nobody should believe is turned down and keeps nothing else from being taken.
fn one_that_is_polled_refuses_what_it_must(kind: Kind) {
    let (scene, transmitter) = managed(kind, "", "delivery = \"poll\"");
    lives(&scene);
    let chain = Chain::of(&scene);
    let mut emission = session_revoked(&scene);
    emission["claims"] = json!({ "exp": a_minute_ago() + 600 });
    let [refused] = transmitter.emit(&emission).try_into().unwrap();
    emission["claims"] = json!({ "aud": "https://other.example" });
    let [misdirected] = transmitter.emit(&emission).try_into().unwrap();
    let mut emission = session_revoked(&scene);
    emission["subject"]["sub"] = json!("bob");
    let [taken] = transmitter.emit(&emission).try_into().unwrap();
    let seen = eventually("all are answered", || {
        let seen = transmitter.seen();
        (seen.refused.len() == 2 && seen.acknowledged.contains(&taken)).then_some(seen)
    });
    let expected = [(refused, "invalid_request"), (misdirected, "invalid_audience")];
    for (id, err) in expected {
        assert!(seen.refused.contains(&(id, err.to_owned())), "{seen:?}");
    }
    chain.goes_on(&scene);
}

on_both_databases![
    one_that_is_polled_ends_a_chain,
    one_that_is_polled_refuses_what_it_must,
    one_that_is_pushed_ends_a_chain,
    one_that_is_paused_tightens_bounded_to_strict,
];

/// Whichever of them looks after it, there is one stream, and both know what it says.
#[test]
fn one_stream_is_made_for_all_replicas() {
    let (scene, transmitter) = managed(Kind::Postgres, "", "delivery = \"poll\"");
    let other = scene.site.serve();
    lives(&scene);
    let chain = Chain::of(&scene);
    transmitter.emit(&session_revoked(&scene));
    eventually("the other one knows", || (other.send(&chain.first).status == 400).then_some(()));
    chain.stops(&scene, &super::signed_out());
    let calls = transmitter.seen().calls;
    assert_eq!(calls.iter().filter(|call| *call == "POST /stream").count(), 1, "{calls:?}");
}
