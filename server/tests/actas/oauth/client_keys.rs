//! Keys that a client publishes at an address of its own (`jwks_uri`).

use keys::SigningKey;

use super::asserting::{
    KEYS, Publisher, asserted, happy, is_nobody, is_unknown, jwks, new_key, orchestrator, own,
};
use crate::{database::Kind, http::Request, process::eventually, scene::Scene};

fn settings(uri: &str) -> String {
    format!("auth_methods = [\"private_key_jwt\"]\njwks_uri = \"{uri}\"")
}

fn scene(uri: &str) -> Scene {
    Scene::declared(Kind::Sqlite, |_, org| orchestrator(&org, &settings(uri), ""))
}

fn sent(scene: &Scene, key: &SigningKey) -> Request {
    asserted(happy(scene), &own("orchestrator", key))
}

#[test]
fn a_new_key_is_found_when_it_is_used() {
    let (client, next) = (Publisher::start(), new_key());
    let scene = scene(&client.keys());
    assert_eq!(client.fetched(), 0, "nothing is asked before somebody comes");
    let first = sent(&scene, &client.key);
    scene.send(&first).token();
    assert_eq!(scene.records().pop().unwrap()["authenticated_by"], "private_key_jwt");
    is_nobody(&scene, &first, "the same assertion");
    scene.send(&sent(&scene, &client.key)).token();
    assert_eq!(client.fetched(), 1);
    client.publishes(&jwks(&[&client.key, &next]));
    scene.send(&sent(&scene, &next)).token();
    scene.send(&sent(&scene, &client.key)).token();
    assert_eq!(client.fetched(), 2);
}

#[test]
fn a_storm_of_unknown_keys_costs_one_look() {
    let client = Publisher::start();
    let scene = scene(&client.keys());
    scene.send(&sent(&scene, &client.key)).token();
    for _ in 0..5 {
        is_nobody(&scene, &sent(&scene, &new_key()), "a key that is not published");
    }
    assert_eq!(client.fetched(), 2);
    scene.send(&sent(&scene, &client.key)).token();
    assert_eq!(client.fetched(), 2);
}

#[test]
fn while_a_client_publishes_nothing_nobody_knows_who_it_is() {
    let client = Publisher::start();
    let scene = scene(&client.keys());
    client.site.is_down(KEYS);
    is_unknown(&scene, &sent(&scene, &client.key), "an address where nobody answers");
    // Nobody else is worse off: this one is believed, and has no right to the token.
    let other = scene.next_hop(&scene.provider.access_token("alice"));
    scene.send(&other).refused(400, "invalid_request", "presenter");
    client.publishes(&jwks(&[&client.key]));
    let claims = eventually("it is asked again", || {
        let reply = scene.send(&sent(&scene, &client.key));
        (reply.status == 200).then(|| reply.claims())
    });
    assert_eq!(claims["act"]["sub"], "agent:orchestrator");
    // What was fetched outlives an outage.
    client.site.is_down(KEYS);
    scene.send(&sent(&scene, &client.key)).token();
}

#[test]
fn keys_are_where_they_were_declared_and_not_where_that_leads() {
    let (client, elsewhere) = (Publisher::start(), Publisher::start());
    let mut scene = scene(&client.keys());
    client.site.redirects(KEYS, &elsewhere.keys());
    is_unknown(&scene, &sent(&scene, &elsewhere.key), "an address that leads elsewhere");
    assert_eq!((client.fetched(), elsewhere.fetched()), (1, 0));
    // The very next request follows what was declared.
    scene.change(&client.keys(), &elsewhere.keys());
    scene.send(&sent(&scene, &elsewhere.key)).token();
}
