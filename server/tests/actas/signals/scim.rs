//! SCIM over HTTP: what Okta and Entra push when an account is switched off.

use serde_json::{Value, json};

use super::{Chain, RECONNECT, signed_out, suspended, with_reader};
use crate::{
    database::Kind,
    http::{Reply, Request},
    scene::{Scene, connected},
};

const SCIM: &str = "/o/acme/signals/corp/scim/v2";
const BEARER: &str = "the-scim-bearer";

fn scene(kind: Kind) -> Scene {
    let scim = format!(
        "reconnect_uri = \"{RECONNECT}\"\n\n[connections.scim]\nbearer = {{ value = \"{BEARER}\" }}\n"
    );
    Scene::declared(kind, |_, org| connected(&with_reader(&org), &scim))
}

fn ask(scene: &Scene, method: &'static str, path: &str, body: &Value) -> Reply {
    let request = Request::of(method, &format!("{SCIM}{path}"));
    let request = request.body("application/scim+json", &body.to_string());
    scene.send(&request.bearer(BEARER))
}

/// The path of a user who is created.
#[track_caller]
fn created(scene: &Scene, user: &Value) -> String {
    let reply = ask(scene, "POST", "/Users", user);
    assert_eq!(reply.status, 201, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("application/scim+json"));
    let id = reply.json()["id"].as_str().unwrap().to_owned();
    assert!(reply.header("location").unwrap().ends_with(&format!("{SCIM}/Users/{id}")));
    format!("/Users/{id}")
}

/// As Entra writes it: a capital letter, and a text for a boolean.
fn entra(active: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "Replace", "path": "active", "value": active }],
    })
}

fn a_deactivated_user_is_refused_until_activated(kind: Kind) {
    let scene = scene(kind);
    let chain = Chain::of(&scene);
    let bob = scene.first_hop(&scene.provider.signed_in("bob", -120));
    let user = created(&scene, &json!({ "userName": "alice", "active": true }));
    chain.goes_on(&scene);
    let reply = ask(&scene, "PATCH", &user, &entra("False"));
    assert_eq!((reply.status, &reply.json()["active"]), (200, &json!(false)), "{}", reply.text());
    chain.stops(&scene, &suspended());
    scene.send(&bob).token();
    assert_eq!(ask(&scene, "PATCH", &user, &entra("True")).status, 200);
    assert_eq!(super::said(&scene.send(&chain.first)), signed_out());
    Chain::from(&scene, &scene.provider.signed_in("alice", 2)).goes_on(&scene);
}

/// As Okta writes it.
fn a_user_is_deactivated_by_being_replaced(kind: Kind) {
    let scene = scene(kind);
    let chain = Chain::of(&scene);
    let user = created(&scene, &json!({ "userName": "alice" }));
    let replaced = json!({ "userName": "alice", "active": false });
    assert_eq!(ask(&scene, "PUT", &user, &replaced).status, 200);
    chain.stops(&scene, &suspended());
}

fn a_user_is_known_by_the_providers_own_id(kind: Kind) {
    let scene = scene(kind);
    let token = scene.provider.access_token_with("alice", &json!({ "oid": "0-1-2" }));
    let chain = Chain::from(&scene, &token);
    let user = created(&scene, &json!({ "userName": "a.lice", "externalId": "0-1-2" }));
    chain.goes_on(&scene);
    assert_eq!(ask(&scene, "DELETE", &user, &Value::Null).status, 204);
    chain.stops(&scene, &suspended());
}

fn what_is_no_deactivation_ends_nothing(kind: Kind) {
    let scene = scene(kind);
    let chain = Chain::of(&scene);
    let user = created(&scene, &json!({ "userName": "alice" }));
    for malformed in [
        json!([]),
        json!({}),
        entra("perhaps"),
        json!({ "Operations": [{ "op": "destroy", "path": "active", "value": "False" }] }),
    ] {
        let reply = ask(&scene, "PATCH", &user, &malformed);
        assert_eq!((reply.status, &reply.json()["scimType"]), (400, &json!("invalidSyntax")));
        assert_eq!(reply.json()["status"], "400");
    }
    let renamed = json!({ "Operations": [{ "op": "replace", "path": "title", "value": "Dr." }] });
    assert_eq!(ask(&scene, "PATCH", &user, &renamed).status, 200);
    chain.goes_on(&scene);
}

fn a_stranger_deactivates_nobody(kind: Kind) {
    let scene = scene(kind);
    let chain = Chain::of(&scene);
    let user = created(&scene, &json!({ "userName": "alice" }));
    let path = format!("{SCIM}{user}");
    let patch =
        Request::of("PATCH", &path).body("application/scim+json", &entra("False").to_string());
    for stranger in [patch.clone(), patch.bearer("another-bearer")] {
        let reply = scene.send(&stranger);
        assert_eq!((reply.status, &reply.json()["status"]), (401, &json!("401")));
    }
    assert_eq!(scene.send(&Request::get(&path)).status, 401);
    chain.goes_on(&scene);
}

/// Nobody is found, so that everybody is created; there are no groups.
fn a_search_finds_nobody(kind: Kind) {
    let scene = scene(kind);
    let reply = ask(&scene, "GET", "/Users?filter=userName+eq+%22alice%22", &Value::Null);
    assert_eq!((reply.status, &reply.json()["totalResults"]), (200, &json!(0)));
    assert_eq!(ask(&scene, "GET", "/ServiceProviderConfig", &Value::Null).status, 200);
    let user = created(&scene, &json!({ "userName": "alice", "password": "hunter2" }));
    let reply = ask(&scene, "GET", &user, &Value::Null);
    assert_eq!((reply.status, &reply.json()["userName"]), (200, &json!("alice")));
    assert_eq!(ask(&scene, "GET", "/Groups", &Value::Null).status, 404);
    assert!(!scene.stored().contains("hunter2"), "a password is stored");
}

on_both_databases![
    a_deactivated_user_is_refused_until_activated,
    a_user_is_deactivated_by_being_replaced,
    a_user_is_known_by_the_providers_own_id,
    what_is_no_deactivation_ends_nothing,
    a_stranger_deactivates_nobody,
    a_search_finds_nobody,
];
