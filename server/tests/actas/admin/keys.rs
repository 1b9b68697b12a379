//! Signing keys over HTTP.

use serde_json::{Value, json};

use crate::{
    database::Kind,
    overseen::{get, is_active, is_error, part, post, replicas, scene},
    scene::Scene,
};

on_both_databases!(a_successor_is_published_before_it_signs, stolen_keys_are_of_no_use_at_once);

/// Every key's `kid` and state.
#[track_caller]
fn keys(told: &Value) -> Vec<(String, String)> {
    let text = |key: &Value, name: &str| key[name].as_str().unwrap().to_owned();
    let keys = told["keys"].as_array().unwrap().iter();
    keys.map(|key| (text(key, "kid"), text(key, "state"))).collect()
}

fn published(scene: &Scene) -> Vec<String> {
    let jwks = scene.server.get("/o/acme/oauth/jwks").json();
    let kids = jwks["keys"].as_array().unwrap().iter();
    kids.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn a_successor_is_published_before_it_signs(kind: Kind) {
    let scene = scene(kind);
    let before = keys(&scene.send(&get(&scene, "ops", "keys")).json());
    let [(first, state)] = before.as_slice() else { panic!("{before:?}") };
    assert_eq!(state, "active");
    let reason = json!({ "reason": "as every year" });
    let reply = scene.send(&post(&scene, "ops", "keys/rotations", &reason));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let told = reply.json();
    assert!(told["action"].is_string(), "{told}");
    let mut states: Vec<_> = keys(&told).into_iter().map(|(_, state)| state).collect();
    states.sort_unstable();
    assert_eq!(states, ["active", "next"]);
    assert_eq!(published(&scene).len(), 2);
    let token = scene.send(&scene.happy()).token();
    assert_eq!(part(&token, 0)["kid"], first.as_str());
    let records = scene.records();
    let event = records.iter().find(|event| event["outcome"] == "rotated").unwrap();
    assert_eq!(event["operator"], "ops");
    assert!(event["detail"].as_str().unwrap().ends_with("(as every year)"), "{event}");
}

fn stolen_keys_are_of_no_use_at_once(kind: Kind) {
    let scene = scene(kind);
    let old = scene.send(&scene.happy()).token();
    let handed = scene.handed();
    let stolen = json!({ "now": true, "compromised": true });
    let reply = scene.send(&post(&scene, "ops", "keys/rotations", &stolen));
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert!(!published(&scene).contains(&part(&old, 0)["kid"].as_str().unwrap().to_owned()));
    assert!(!is_active(&scene, &old));
    scene.send(&scene.next_hop(&handed)).refused(400, "invalid_request", "subject_token");
    let new = scene.send(&scene.happy()).token();
    assert!(published(&scene).contains(&part(&new, 0)["kid"].as_str().unwrap().to_owned()));
    assert!(is_active(&scene, &new));
}

/// Another replica has an old snapshot, and knows it.
#[test]
fn what_a_stolen_key_signed_is_not_active_on_another_replica() {
    let (other, scene) = replicas();
    let old = scene.send(&scene.happy()).token();
    let stolen = json!({ "compromised": true });
    assert_eq!(scene.send(&post(&scene, "ops", "keys/rotations", &stolen)).status, 200);
    let introspected = |token: &str| crate::overseen::introspected(&other, &scene, token);
    assert_eq!(introspected(&old)["active"], false);
    let new = scene.send(&scene.happy()).token();
    assert_eq!(introspected(&new)["active"], true);
}

#[test]
fn a_wish_that_is_none_rotates_nothing() {
    let scene = scene(Kind::Sqlite);
    for unclear in [json!({ "now": "yes" }), json!({ "compromise": true }), json!([1])] {
        let reply = scene.send(&post(&scene, "ops", "keys/rotations", &unclear));
        is_error(&reply, 400, "invalid_request");
    }
    assert_eq!(published(&scene).len(), 1);
}
