//! A decision point beside the identity provider: both have to agree, and each has to answer.

use serde_json::{Value, json};

use super::counted;
use crate::{
    database::Kind,
    directory::Directory,
    scene::{DOCUMENTS, Scene, connected},
    signals::said,
};

const DECISION: &str = "/v1/data/actas/exchange";

fn scene(kind: Kind) -> (Scene, Directory) {
    let directory = Directory::start();
    let checks = format!(
        "\n[[connections.checks]]\nkind = \"introspection\"\n\n[[connections.checks]]\nkind = \"opa\"\n\
         url = \"{}\"\npath = \"actas/exchange\"\n",
        directory.url
    );
    (Scene::declared(kind, |_, org| connected(&org, &checks)), directory)
}

fn its_no_is_a_policy(kind: Kind) {
    let (scene, directory) = scene(kind);
    let exchange = scene.happy();
    directory.says(DECISION, 200, &json!({ "result": true }));
    scene.send(&exchange).token();
    for no in [json!({ "result": false }), json!({ "result": { "allow": false } }), json!({})] {
        directory.says(DECISION, 200, &no);
        let expected = json!({ "error": "invalid_request", "reason": "policy" });
        assert_eq!(said(&scene.send(&exchange)), expected, "{no}");
    }
    assert_eq!(counted(&scene, "opa", "no"), 3);
    directory.says(DECISION, 200, &json!({ "result": true }));
    scene.send(&exchange).token();
}

fn it_may_narrow_the_scope(kind: Kind) {
    let (scene, directory) = scene(kind);
    let result = json!({ "result": { "allow": true, "scopes": ["documents:read"] } });
    directory.says(DECISION, 200, &result);
    let exchange = scene.happy();
    assert_eq!(scene.send(&exchange).claims()["scope"], "documents:read");
    let write = exchange.with("scope", "documents:write");
    scene.send(&write).refused(400, "invalid_scope", "scope");
}

/// Its yes does not stand for the provider's, nor its silence for a yes.
fn it_does_not_know_the_user(kind: Kind) {
    let (scene, directory) = scene(kind);
    directory.says(DECISION, 200, &json!({ "result": true }));
    let (alice, bob) = (scene.happy(), scene.first_hop(&scene.provider.access_token("bob")));
    scene.provider.disable("alice");
    scene.send(&alice).refused(400, "invalid_request", "revoked");
    scene.send(&bob).token();
}

fn without_its_answer_there_is_no_token(kind: Kind) {
    let (scene, directory) = scene(kind);
    let exchange = scene.happy();
    directory.says(DECISION, 200, &json!({ "result": true }));
    scene.send(&exchange).token();
    directory.is_down(DECISION);
    is_unavailable(&scene, &exchange);
    directory.says(DECISION, 500, &json!({ "code": "internal_error" }));
    is_unavailable(&scene, &exchange);
    directory.says(DECISION, 200, &json!({ "result": "true" }));
    is_unavailable(&scene, &exchange);
    assert_eq!(counted(&scene, "opa", "unknown"), 3);
    directory.says(DECISION, 200, &json!({ "result": true }));
    scene.send(&exchange).token();
}

#[track_caller]
fn is_unavailable(scene: &Scene, exchange: &crate::http::Request) {
    let reply = scene.send(exchange);
    reply.refused(503, "temporarily_unavailable", "unavailable");
    assert!(reply.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
}

/// It judges who acts for whom, where: and gets no token to see.
fn it_is_told_what_is_asked_for(kind: Kind) {
    let (scene, directory) = scene(kind);
    directory.says(DECISION, 200, &json!({ "result": true }));
    scene.send(&scene.happy().with("scope", "documents:read")).token();
    let [asked] = directory.asked().try_into().unwrap();
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    let text = body["input"].to_string();
    for told in ["alice", "agent:orchestrator", DOCUMENTS, "documents:read"] {
        assert!(text.contains(told), "`{told}` is not in {text}");
    }
    assert!(!text.contains("eyJ"), "a token is told: {text}");
}

on_both_databases![
    its_no_is_a_policy,
    it_may_narrow_the_scope,
    it_does_not_know_the_user,
    without_its_answer_there_is_no_token,
    it_is_told_what_is_asked_for,
];
