//! A signal lands while an exchange is under way: no token comes after its acknowledgement.

use std::{sync::Barrier, thread};

use serde_json::json;
use server::clock;

use super::{Chain, Listening, SESSION_REVOKED, ended, said, signed_out};
use crate::{
    database::Kind,
    http::{Reply, Request},
};

/// What the exchange gets when the event is acknowledged while its provider is being asked.
fn meanwhile(listening: &Listening, exchange: &Request, sub: &str) -> Reply {
    let (scene, provider) = (&listening.scene, &listening.scene.provider);
    provider.hold_introspection();
    thread::scope(|threads| {
        let waiting = threads.spawn(|| scene.send(exchange));
        provider.is_being_asked();
        listening.signal(SESSION_REVOKED, &json!({}), sub);
        provider.release_introspection();
        waiting.join().unwrap()
    })
}

fn patient(kind: Kind) -> Listening {
    let listening = Listening::on(kind);
    // The keys of the transmitter are known, and its metadata.
    listening.signal(SESSION_REVOKED, &json!({}), "bob");
    listening
}

fn a_first_hop_that_waits_for_a_yes_is_refused(kind: Kind) {
    let listening = patient(kind);
    let chain = listening.chain();
    let reply = meanwhile(&listening, &chain.first, "alice");
    assert_eq!(said(&reply), signed_out());
    chain.stops(&listening.scene, &signed_out());
}

fn a_third_hop_that_waits_for_a_yes_is_refused(kind: Kind) {
    let listening = patient(kind);
    let chain = listening.chain();
    assert_eq!(said(&meanwhile(&listening, &chain.third, "alice")), ended());
    chain.stops(&listening.scene, &signed_out());
}

fn a_signal_about_another_user_refuses_nothing(kind: Kind) {
    let listening = patient(kind);
    let chain = listening.chain();
    meanwhile(&listening, &chain.first, "bob").token();
    chain.goes_on(&listening.scene);
}

/// Whoever wins, whatever was issued is dead once the event is acknowledged.
fn in_two_hundred_races_nothing_outlives_a_signal(kind: Kind) {
    const ROUNDS: i64 = 200;
    let listening = patient(kind);
    let scene = &listening.scene;
    // Each round happens two seconds after the one before it, all of them in the past.
    let began_at = clock::now().0 - 2 * ROUNDS - 60;
    for round in 0..ROUNDS {
        let signed_in_at = began_at + 2 * round;
        let token =
            scene.provider.access_token_with("alice", &json!({ "auth_time": signed_in_at }));
        let first = scene.first_hop(&token);
        let handing = first.clone().with("audience", "researcher").without("resource");
        let mut emission = listening.emission(SESSION_REVOKED, &json!({}), "alice");
        emission["events"][SESSION_REVOKED]["event_timestamp"] = json!(signed_in_at + 1);
        let push = listening.push(&emission);
        let together = Barrier::new(2);
        let (pushed, handed) = thread::scope(|threads| {
            let exchanging = threads.spawn(|| {
                together.wait();
                scene.send(&handing)
            });
            together.wait();
            // At another moment of the exchange each time.
            for _ in 0..(round % 20) {
                scene.server.get("/healthz");
            }
            (scene.send(&push), exchanging.join().unwrap())
        });
        assert_eq!(pushed.status, 202);
        assert_eq!(said(&scene.send(&first)), signed_out(), "round {round}");
        if handed.status == 200 {
            let next = scene.send(&scene.next_hop(&handed.token()));
            assert_eq!(said(&next), ended(), "round {round}");
        } else {
            assert_eq!(said(&handed), signed_out(), "round {round}");
        }
    }
    Chain::from(scene, &scene.provider.access_token("alice")).goes_on(scene);
}

on_both_databases![
    a_first_hop_that_waits_for_a_yes_is_refused,
    a_third_hop_that_waits_for_a_yes_is_refused,
    a_signal_about_another_user_refuses_nothing,
    in_two_hundred_races_nothing_outlives_a_signal,
];
