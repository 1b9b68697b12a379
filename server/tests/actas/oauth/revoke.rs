//! Revocation by a client (RFC 7009): of its own tokens, with all that came of them.

use crate::{
    database::Kind,
    http::Request,
    overseen::{REVOKE, is_active, is_error, replicas, revocation, scene},
    process::Server,
    scene::told,
};

on_both_databases!(
    a_token_ends_with_what_came_of_it,
    a_client_ends_no_others_tokens,
    a_token_that_died_is_no_error,
);

fn a_token_ends_with_what_came_of_it(kind: Kind) {
    let scene = scene(kind);
    let (handed, other) = (scene.handed(), scene.handed());
    let token = scene.send(&scene.next_hop(&handed)).token();
    let reply = scene.send(&revocation(&scene, "orchestrator", &handed));
    // RFC 7009 §2.2: "The authorization server responds with HTTP status code 200".
    assert_eq!((reply.status, reply.text()), (200, ""));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    scene.send(&scene.next_hop(&handed)).refused(400, "invalid_request", "revoked");
    assert!(!is_active(&scene, &token));
    // What stands beside it goes on.
    scene.send(&scene.next_hop(&other)).token();
    scene.send(&scene.happy()).token();
    let records = scene.records();
    let event = records.iter().find(|record| record["outcome"] == "revoked").unwrap();
    assert_eq!((&event["client"], &event["ended"]), (&"orchestrator".into(), &2.into()));
    assert_eq!((&event["subject"], &event["connection"]), (&"alice".into(), &"corp".into()));
}

/// RFC 7009 §2.1: "verifies whether the token was issued to the client making the revocation request.
/// If this validation fails, the request is refused and the client is informed of the error".
fn a_client_ends_no_others_tokens(kind: Kind) {
    let scene = scene(kind);
    let token = scene.send(&scene.happy()).token();
    let reply = scene.send(&revocation(&scene, "researcher", &token));
    reply.refused(400, "invalid_request", "other_client");
    assert!(is_active(&scene, &token));
    let last = scene.records().pop().unwrap();
    let members = ["outcome", "client", "reason", "subject"];
    assert_eq!(told(&[last], &members), ["refused|researcher|other_client|alice"]);
    // Not even one that it was handed: that would end what its giver has.
    let handed = scene.handed();
    let reply = scene.send(&revocation(&scene, "researcher", &handed));
    reply.refused(400, "invalid_request", "other_client");
    assert_eq!(scene.send(&revocation(&scene, "orchestrator", &token)).status, 200);
    assert!(!is_active(&scene, &token));
}

/// §2.2: "invalid tokens do not cause an error response since the client cannot handle such an error
/// in a reasonable way".
fn a_token_that_died_is_no_error(kind: Kind) {
    let scene = scene(kind);
    let token = scene.send(&scene.happy()).token();
    for _ in 0..2 {
        assert_eq!(scene.send(&revocation(&scene, "orchestrator", &token)).status, 200);
    }
    for unknown in ["opaque", "a.b.c", &format!("{token}x"), &scene.provider.access_token("alice")]
    {
        let reply = scene.send(&revocation(&scene, "orchestrator", unknown));
        assert_eq!((reply.status, reply.text()), (200, ""), "{unknown}");
    }
    // The user's own token is none of ours to end.
    scene.send(&scene.happy()).token();
}

#[test]
fn strangers_end_nothing() {
    let scene = scene(Kind::Sqlite);
    let token = scene.send(&scene.happy()).token();
    let bare = Request::post(REVOKE, &[("token", &token)]);
    for stranger in [
        bare.clone(),
        bare.clone().basic("orchestrator", "wrong"),
        bare.clone().basic("nobody", "wrong"),
        // Who may look may not end.
        bare.clone().basic("documents-api", scene.secret("documents-api")),
        bare.clone().bearer(scene.secret("ops")),
        bare.clone().bearer(&token),
    ] {
        is_error(&scene.send(&stranger), 401, "invalid_client");
    }
    assert!(is_active(&scene, &token));
    let refused = scene.records().iter().filter(|event| event["error"] == "invalid_client").count();
    assert_eq!(refused, 6);
}

#[test]
fn a_request_that_is_none_is_refused() {
    let scene = scene(Kind::Sqlite);
    let token = scene.send(&scene.happy()).token();
    let happy = revocation(&scene, "orchestrator", &token);
    let reply = scene.send(&happy.clone().without("token"));
    reply.refused(400, "invalid_request", "malformed");
    is_error(&scene.send(&Request::get(REVOKE)), 405, "invalid_request");
    assert!(is_active(&scene, &token));
    // §2.1: a hint is a hint.
    let hinted = happy.with("token_type_hint", "refresh_token");
    assert_eq!(scene.send(&hinted).status, 200);
    assert!(!is_active(&scene, &token));
}

#[test]
fn what_one_replica_ended_is_refused_by_another() {
    let (other, scene) = replicas();
    let handed = scene.handed();
    other.send(&scene.next_hop(&handed)).token();
    assert_eq!(scene.send(&revocation(&scene, "orchestrator", &handed)).status, 200);
    other.send(&scene.next_hop(&handed)).refused(400, "invalid_request", "revoked");
}

/// One that slept while it happened has nothing to go by but the database.
#[test]
fn a_replica_that_was_asleep_refuses_too() {
    let (other, scene) = replicas();
    let handed = scene.handed();
    let token = other.send(&scene.next_hop(&handed)).token();
    signal(&other, "STOP");
    assert_eq!(scene.send(&revocation(&scene, "orchestrator", &handed)).status, 200);
    signal(&other, "CONT");
    other.send(&scene.next_hop(&handed)).refused(400, "invalid_request", "revoked");
    let introspected = crate::overseen::introspected(&other, &scene, &token);
    assert_eq!(introspected["active"], false);
}

fn signal(server: &Server, signal: &str) {
    let kill = format!("kill -{signal} {}", server.id());
    let status = std::process::Command::new("sh").args(["-c", &kill]).status();
    assert!(status.unwrap().success());
}
