//! What an operator has stopped issues nothing, on any replica, until it is restored.

use serde_json::{Value, json};

use crate::{
    database::Kind,
    http::Request,
    overseen::{ended, is_active, replicas, restored, scene},
    scene::Scene,
};

on_both_databases!(
    a_stopped_organization_issues_nothing,
    a_stopped_connection_issues_nothing,
    a_stopped_agent_is_nobody,
    an_agent_that_was_cut_off_is_told_so_also_later,
);

/// Ends and stops `what`; returns a token and the hop that hung on it, both dead by now.
#[track_caller]
fn stopped(scene: &Scene, what: &Value) -> (String, Request) {
    let next_hop = scene.next_hop(&scene.handed());
    let token = scene.send(&next_hop).token();
    assert_eq!(ended(scene, what), 2);
    assert!(!is_active(scene, &token));
    (token, next_hop)
}

fn a_stopped_organization_issues_nothing(kind: Kind) {
    let scene = scene(kind);
    let org = json!({ "org": true });
    let (token, next_hop) = stopped(&scene, &org);
    for request in [&scene.happy(), &next_hop] {
        scene.send(request).refused(400, "invalid_request", "revoked");
    }
    // Only clients learn of it.
    let stranger = scene.happy().basic("orchestrator", "wrong");
    scene.send(&stranger).refused(401, "invalid_client", "");
    restored(&scene, &org);
    scene.send(&scene.happy()).token();
    // What has ended stays so.
    scene.send(&next_hop).refused(400, "invalid_request", "revoked");
    assert!(!is_active(&scene, &token));
}

fn a_stopped_connection_issues_nothing(kind: Kind) {
    let scene = scene(kind);
    let connection = json!({ "connection": "corp", "reason": "their keys were stolen" });
    let (_, next_hop) = stopped(&scene, &connection);
    let asked = scene.provider.questions();
    for request in [&scene.happy(), &next_hop] {
        scene.send(request).refused(400, "invalid_request", "revoked");
    }
    // A provider nobody believes is not asked either.
    assert_eq!(scene.provider.questions(), asked);
    restored(&scene, &json!({ "connection": "corp" }));
    scene.send(&scene.happy()).token();
    scene.send(&next_hop).refused(400, "invalid_request", "revoked");
}

fn a_stopped_agent_is_nobody(kind: Kind) {
    let scene = scene(kind);
    let agent = json!({ "agent": "orchestrator" });
    let (_, next_hop) = stopped(&scene, &agent);
    scene.send(&scene.happy()).refused(401, "invalid_client", "");
    // Nor is it handed anything, and what it handed on is dead.
    scene.send(&next_hop).refused(400, "invalid_request", "revoked");
    restored(&scene, &agent);
    scene.send(&scene.happy()).token();
}

/// The agent that presents a dead subject learns `revoked`, not `expired`: it is no matter of time.
fn an_agent_that_was_cut_off_is_told_so_also_later(kind: Kind) {
    let scene = Scene::declared(kind, |_, org| {
        let org = crate::overseen::overseen(&org);
        crate::scene::changed(&org, "id = \"acme\"", "id = \"acme\"\ntoken_lifetime = 10")
    });
    let (dead, expired) = (scene.handed(), scene.handed());
    let body = json!({ "token": dead });
    assert_eq!(ended(&scene, &body), 1);
    let is_over = |token: &str| {
        let exp = crate::overseen::part(token, 1)["exp"].as_i64().unwrap();
        crate::process::eventually("it expires", || (exp < server::clock::now().0).then_some(()));
    };
    is_over(&expired);
    scene.send(&scene.next_hop(&expired)).refused(400, "invalid_request", "expired");
    scene.send(&scene.next_hop(&dead)).refused(400, "invalid_request", "revoked");
    // Who found it learns no more than its age.
    let reader = crate::scene::exchange(&dead).basic("reader", scene.secret("reader"));
    scene.send(&reader).refused(400, "invalid_request", "expired");
}

#[test]
fn what_one_replica_stopped_is_stopped_on_another() {
    let (other, scene) = replicas();
    other.send(&scene.happy()).token();
    for what in [json!({ "connection": "corp" }), json!({ "org": true })] {
        ended(&scene, &what);
        other.send(&scene.happy()).refused(400, "invalid_request", "revoked");
        restored(&scene, &what);
        other.send(&scene.happy()).token();
    }
    ended(&scene, &json!({ "agent": "orchestrator" }));
    other.send(&scene.happy()).refused(401, "invalid_client", "");
    restored(&scene, &json!({ "agent": "orchestrator" }));
    other.send(&scene.happy()).token();
}
