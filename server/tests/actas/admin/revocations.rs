//! Ending anything, and letting go on what was stopped.

use serde_json::{Value, json};

use crate::{
    database::Kind,
    http::Request,
    overseen::{ended, is_active, is_error, post, replicas, restored, scene},
    scene::{Scene, exchange, told},
    signals::Chain,
};

on_both_databases!(
    everything_ends_with_what_came_of_it,
    a_user_ends_and_may_sign_in_again,
    a_disabled_user_is_out_until_restored,
    what_is_not_there_is_an_error,
);

/// The id of a delegation.
fn id(token: &str) -> String {
    crate::overseen::part(token, 1)["jti"].as_str().unwrap().to_owned()
}

/// Alice's first token for the documents, of a session of hers.
#[track_caller]
fn of_session(scene: &Scene, sid: &str) -> (Request, String) {
    let token = scene.provider.access_token_with("alice", &json!({ "sid": sid }));
    let first = scene.first_hop(&token);
    let issued = scene.send(&first).token();
    (first, issued)
}

/// The grant of this delegation.
fn grant(scene: &Scene, delegation: &str) -> String {
    let records = scene.records();
    let event = records.iter().find(|record| record["delegation"] == delegation).unwrap();
    event["grant"].as_str().unwrap().to_owned()
}

fn everything_ends_with_what_came_of_it(kind: Kind) {
    let scene = scene(kind);
    let bobs = scene.send(&scene.first_hop(&scene.provider.access_token("bob"))).token();
    for what in ["token", "delegation", "user"] {
        let handed = scene.handed();
        let token = scene.send(&scene.next_hop(&handed)).token();
        let body = match what {
            "token" => json!({ "token": handed }),
            "delegation" => json!({ "delegation": id(&handed) }),
            _ => json!({ "user": { "connection": "corp", "id": "alice" } }),
        };
        assert!(2 <= ended(&scene, &body), "{what}");
        assert!(!is_active(&scene, &token), "{what}");
        scene.send(&scene.next_hop(&handed)).refused(400, "invalid_request", "revoked");
        // What hangs beside it goes on.
        assert!(is_active(&scene, &bobs), "{what}");
    }
    let records = scene.records();
    let revoked = records.iter().filter(|record| record["outcome"] == "revoked");
    let revoked: Vec<Value> = revoked.cloned().collect();
    assert_eq!(
        told(&revoked, &["operator", "reason", "subject", "connection"]),
        ["ops|delegation|alice|corp", "ops|delegation|alice|corp", "ops|user|alice|corp"]
    );
}

#[test]
fn a_grant_ends_for_good() {
    let scene = scene(Kind::Sqlite);
    let token = scene.send(&scene.happy()).token();
    let body = json!({ "grant": grant(&scene, &id(&token)), "reason": "she changed her mind" });
    assert_eq!(ended(&scene, &body), 1);
    assert!(!is_active(&scene, &token));
    scene.send(&scene.happy()).refused(400, "invalid_request", "no_grant");
}

#[test]
fn a_session_ends_and_no_other() {
    let scene = scene(Kind::Sqlite);
    let (desk, at_desk) = of_session(&scene, "desk");
    let (phone, by_phone) = of_session(&scene, "phone");
    let body = json!({ "session": { "connection": "corp", "id": "desk" } });
    assert_eq!(ended(&scene, &body), 1);
    assert!(!is_active(&scene, &at_desk) && is_active(&scene, &by_phone));
    let reply = scene.send(&desk);
    assert_eq!(reply.json()["reason"], "revoked");
    scene.send(&phone).token();
}

fn a_user_ends_and_may_sign_in_again(kind: Kind) {
    let scene = scene(kind);
    let chain = Chain::of(&scene);
    let body = json!({ "user": { "connection": "corp", "id": "alice" }, "reason": "lost laptop" });
    assert_eq!(ended(&scene, &body), 3);
    assert_eq!(scene.send(&chain.first).json()["reason"], "revoked");
    assert_eq!(scene.send(&chain.third).json()["reason"], "revoked");
    scene.send(&scene.first_hop(&scene.provider.signed_in("alice", 60))).token();
    let records = scene.records();
    let event = records.iter().find(|record| record["outcome"] == "revoked").unwrap();
    assert_eq!(event["ended"], 3);
    assert_eq!(event["detail"], "user `alice` signed out: lost laptop");
}

fn a_disabled_user_is_out_until_restored(kind: Kind) {
    let scene = scene(kind);
    let user = json!({ "connection": "corp", "id": "alice" });
    let mut disabled = user.clone();
    disabled["disable"] = json!(true);
    let token = scene.send(&scene.happy()).token();
    assert_eq!(ended(&scene, &json!({ "user": disabled })), 1);
    let again = scene.first_hop(&scene.provider.signed_in("alice", 60));
    assert_eq!(scene.send(&again).json()["reason"], "suspended");
    restored(&scene, &json!({ "user": user }));
    scene.send(&again).token();
    assert!(!is_active(&scene, &token));
}

/// "0 ended" for a slip of the pen would look like success.
fn what_is_not_there_is_an_error(kind: Kind) {
    let scene = scene(kind);
    let token = scene.send(&scene.happy()).token();
    let other = "01a2028d-631c-7464-a386-ae260f885211";
    for unknown in [
        json!({ "token": "opaque" }),
        json!({ "token": scene.provider.access_token("alice") }),
        json!({ "token": format!("{token}x") }),
        json!({ "delegation": other }),
        json!({ "session": { "connection": "elsewhere", "id": "s" } }),
        json!({ "user": { "connection": "elsewhere", "id": "alice" } }),
        json!({ "agent": "nobody" }),
        json!({ "grant": other }),
        json!({ "connection": "elsewhere" }),
    ] {
        let reply = scene.send(&post(&scene, "ops", "revocations", &unknown));
        is_error(&reply, 404, "not_found");
    }
    for stopped in [
        json!({ "agent": "orchestrator" }),
        json!({ "org": true }),
        json!({ "connection": "corp" }),
    ] {
        let reply = scene.send(&post(&scene, "ops", "restorations", &stopped));
        is_error(&reply, 409, "not_stopped");
    }
    assert!(is_active(&scene, &token));
}

#[test]
fn a_request_that_is_not_clear_does_nothing() {
    let scene = scene(Kind::Sqlite);
    let token = scene.send(&scene.happy()).token();
    for path in ["revocations", "restorations"] {
        for unclear in [
            json!({}),
            json!({ "org": false }),
            json!({ "org": true, "agent": "orchestrator" }),
            json!({ "organization": true }),
            json!([]),
            json!({ "user": { "connection": "corp", "id": "" } }),
        ] {
            let reply = scene.send(&post(&scene, "ops", path, &unclear));
            is_error(&reply, 400, "invalid_request");
        }
        let happy = post(&scene, "ops", path, &json!({ "org": true }));
        let form = happy.body("application/x-www-form-urlencoded", "org=true");
        is_error(&scene.send(&form), 400, "invalid_request");
    }
    assert!(is_active(&scene, &token));
}

/// Twice is as good as once.
#[test]
fn what_has_ended_can_be_ended_again() {
    let scene = scene(Kind::Sqlite);
    let token = scene.send(&scene.happy()).token();
    assert_eq!(ended(&scene, &json!({ "token": token })), 1);
    assert_eq!(ended(&scene, &json!({ "token": token })), 0);
    for what in [json!({ "agent": "orchestrator" }), json!({ "org": true })] {
        assert_eq!((ended(&scene, &what), ended(&scene, &what)), (0, 0));
        restored(&scene, &what);
        let reply = scene.send(&post(&scene, "ops", "restorations", &what));
        is_error(&reply, 409, "not_stopped");
    }
    scene.send(&scene.happy()).token();
}

#[test]
fn what_an_operator_ended_is_refused_by_another_replica() {
    let (other, scene) = replicas();
    let handed = scene.handed();
    let reader = scene.secret("researcher").to_owned();
    let next = exchange(&handed).basic("researcher", &reader);
    other.send(&next).token();
    assert_eq!(ended(&scene, &json!({ "delegation": id(&handed) })), 2);
    other.send(&next).refused(400, "invalid_request", "revoked");
}
