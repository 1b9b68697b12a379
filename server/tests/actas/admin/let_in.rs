//! Whom the admin API lets in.

use serde_json::{Value, json};

use crate::{
    database::Kind,
    http::Request,
    overseen::{get, is_error, post, replicas, scene},
    scene::{Scene, told, without},
};

const DO: [&str; 3] = ["revocations", "restorations", "keys/rotations"];
const LOOK: [&str; 4] = ["audit", "audit/head", "keys", "exports"];

/// Every request there is, by `operator`. None of them does anything.
fn all(scene: &Scene, operator: &str) -> Vec<(&'static str, Request)> {
    let harmless = |path: &&'static str| (*path, post(scene, operator, path, &json!({ "x": 1 })));
    let look = |path: &&'static str| (*path, get(scene, operator, path));
    DO.iter().map(harmless).chain(LOOK.iter().map(look)).collect()
}

/// RFC 6750 §3: "the resource server MUST include the HTTP "WWW-Authenticate" response header field".
#[test]
fn strangers_are_refused_everywhere() {
    let scene = scene(Kind::Sqlite);
    let token = scene.send(&scene.happy()).token();
    let mut refused = 0;
    for (path, request) in all(&scene, "ops") {
        for stranger in ["", "aco_wrong", &token, scene.secret("orchestrator")] {
            let reply = scene.send(&request.clone().bearer(stranger));
            is_error(&reply, 401, "invalid_token");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=\"actas\""), "{path}");
            refused += 1;
        }
        let basic = request.clone().basic("ops", scene.secret("ops"));
        is_error(&scene.send(&basic), 401, "invalid_token");
        // Of another organization's issuer there is nothing.
        let elsewhere = request.at(&format!("/o/other/admin/{path}"));
        is_error(&scene.send(&elsewhere), 404, "not_found");
        refused += 1;
    }
    let records = scene.records();
    let noted = records.iter().filter(|event| event["error"] == "invalid_token").count();
    assert_eq!(noted, refused);
}

/// RFC 6750 §3.1: `insufficient_scope`, 403.
#[test]
fn an_operator_may_do_what_it_has_the_power_to() {
    let scene = scene(Kind::Sqlite);
    let may = |operator: &str| -> Vec<&str> {
        let let_in = all(&scene, operator).into_iter().filter(|(_, request)| {
            let reply = scene.send(request);
            let challenge = reply.header("www-authenticate").unwrap_or_default().to_owned();
            if reply.status == 403 {
                is_error(&reply, 403, "insufficient_scope");
                assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
            }
            reply.status != 403
        });
        let_in.map(|(path, _)| path).collect()
    };
    assert_eq!(may("ops"), [&DO[..], &LOOK[..]].concat());
    assert_eq!(may("auditor"), ["audit", "audit/head", "exports"]);
    assert_eq!(may("incident"), ["revocations", "restorations"]);
    let records = scene.records();
    let members = ["outcome", "operator", "error", "reason"];
    assert!(
        told(&records, &members).contains(&"refused|auditor|insufficient_scope|operator".into())
    );
}

#[test]
fn an_operator_that_was_dropped_is_refused_at_once_by_every_replica() {
    let (other, mut scene) = replicas();
    let ask = get(&scene, "auditor", "audit/head");
    assert_eq!((scene.send(&ask).status, other.send(&ask).status), (200, 200));
    scene.org = without(&scene.org, "id = \"auditor\"");
    scene.site.apply(&scene.org);
    is_error(&scene.send(&ask), 401, "invalid_token");
    is_error(&other.send(&ask), 401, "invalid_token");
}

#[test]
fn every_request_is_counted_by_what_it_asked_for() {
    let scene = scene(Kind::Sqlite);
    scene.send(&get(&scene, "auditor", "audit"));
    scene.send(&get(&scene, "auditor", "keys"));
    let metrics = scene.server.get("/metrics");
    for line in [
        r#"actas_admin_requests_total{operation="audit",outcome="done"} 1"#,
        r#"actas_admin_requests_total{operation="keys",outcome="refused"} 1"#,
    ] {
        assert!(metrics.text().contains(line), "{line}");
    }
}

#[test]
fn without_its_database_nothing_is_done() {
    let scene = scene(Kind::Postgres);
    let database = scene.site.postgres.as_ref().unwrap();
    database.close();
    for (_, request) in all(&scene, "ops") {
        is_error(&scene.send(&request), 503, "temporarily_unavailable");
    }
    database.open();
}

#[test]
fn nothing_is_exported_where_nothing_is_declared() {
    let scene = scene(Kind::Sqlite);
    let exports: Value = scene.send(&get(&scene, "auditor", "exports")).json();
    assert_eq!(exports["exports"], json!([]));
}
