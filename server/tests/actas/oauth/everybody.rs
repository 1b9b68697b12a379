//! A grant of everybody of a connection: each user's own is made of it, once.

use std::{collections::BTreeSet, thread};

use serde_json::Value;

use crate::{
    database::Kind,
    http::Request,
    scene::{Scene, changed, told, without},
};

on_both_databases![
    whose_grant_is_over_is_out_and_others_go_on,
    without_it_everybody_is_out,
    a_change_of_it_reaches_those_made_of_it,
    it_is_made_once_however_many_come_first,
    who_is_out_of_it_may_be_granted_it_by_name,
];

/// Nobody has a grant of their own, and the orchestrator one of everybody.
fn scene(kind: Kind) -> Scene {
    Scene::declared(kind, |_, org| {
        changed(&without(&org, "user = \"alice\""), "user = \"bob\"", "user = \"*\"")
    })
}

fn of(scene: &Scene, user: &str) -> Request {
    scene.first_hop(&scene.provider.access_token(user))
}

/// The grant on which the last token rests.
fn last_grant(scene: &Scene) -> String {
    let event = scene.records().pop().unwrap();
    assert_eq!(event["outcome"], "issued");
    event["grant"].as_str().unwrap().to_owned()
}

#[track_caller]
fn is_out(scene: &Scene, user: &str) {
    scene.send(&of(scene, user)).refused(400, "invalid_request", "no_grant");
}

fn whose_grant_is_over_is_out_and_others_go_on(kind: Kind) {
    let scene = scene(kind);
    scene.send(&of(&scene, "alice")).token();
    let alices = last_grant(&scene);
    scene.send(&of(&scene, "alice")).token();
    assert_eq!(last_grant(&scene), alices, "it is made once");
    scene.send(&of(&scene, "bob")).token();
    assert_ne!(last_grant(&scene), alices, "and each has their own");
    let revoke = ["revoke", "grant", "acme", &alices, "--json"];
    let done: Value = serde_json::from_str(&scene.site.run(&revoke).succeeded()).unwrap();
    assert_eq!(done["ended"], 2);
    for _ in 0..2 {
        is_out(&scene, "alice");
        scene.send(&of(&scene, "bob")).token();
    }
    // Nor does it come back because the file still says everybody.
    assert_eq!(scene.site.apply(&scene.org).changes, [""; 0]);
    is_out(&scene, "alice");
    scene.send(&of(&scene, "bob")).token();
}

fn without_it_everybody_is_out(kind: Kind) {
    let scene = scene(kind);
    scene.send(&of(&scene, "bob")).token();
    let changes = scene.site.apply(&without(&scene.org, "user = \"*\"")).changes;
    assert_eq!(changes, ["- grant of everybody of corp to orchestrator"]);
    // Whoever used it, and whoever did not.
    is_out(&scene, "bob");
    is_out(&scene, "alice");
    scene.site.apply(&scene.org);
    scene.send(&of(&scene, "alice")).token();
}

fn a_change_of_it_reaches_those_made_of_it(kind: Kind) {
    let scene = scene(kind);
    scene.send(&of(&scene, "bob")).token();
    let wider = without(&scene.org, "user = \"*\"")
        + "\n[[grants]]\nconnection = \"corp\"\nuser = \"*\"\nagent = \"orchestrator\"\n\
           scope = \"documents:read documents:write\"\ntargets = [\"https://documents.example\"]\n";
    scene.site.apply(&wider);
    for user in ["bob", "alice"] {
        let claims = scene.send(&of(&scene, user).with("scope", "documents:write")).claims();
        assert_eq!(claims["scope"], "documents:write", "{user}");
    }
    scene.site.apply(&scene.org);
    for user in ["bob", "alice"] {
        let request = of(&scene, user);
        let refused = scene.send(&request.clone().with("scope", "documents:write"));
        assert_eq!(refused.refusal().1, "invalid_scope", "{user}");
        scene.send(&request).token();
    }
}

fn it_is_made_once_however_many_come_first(kind: Kind) {
    let scene = scene(kind);
    let request = of(&scene, "alice");
    thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| scene.send(&request).token());
        }
    });
    let grants = told(&scene.records(), &["outcome", "grant"]);
    assert_eq!((grants.len(), grants.iter().collect::<BTreeSet<_>>().len()), (8, 1), "{grants:?}");
}

fn who_is_out_of_it_may_be_granted_it_by_name(kind: Kind) {
    let scene = scene(kind);
    scene.send(&of(&scene, "alice")).token();
    scene.site.run(&["revoke", "grant", "acme", &last_grant(&scene)]).succeeded();
    is_out(&scene, "alice");
    let by_name = scene.org.clone()
        + "\n[[grants]]\nconnection = \"corp\"\nuser = \"alice\"\nagent = \"orchestrator\"\n\
           scope = \"documents:read\"\ntargets = [\"https://documents.example\"]\n";
    assert_eq!(scene.site.apply(&by_name).changes, ["+ grant of alice to orchestrator"]);
    scene.send(&of(&scene, "alice")).token();
    scene.site.apply(&scene.org);
    is_out(&scene, "alice");
    scene.send(&of(&scene, "bob")).token();
}
