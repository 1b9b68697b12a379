//! Providers publish how often they may be asked: beyond that there is no answer, and no token.

use serde_json::json;

use super::{counted, keycloak, told};
use crate::{
    database::Kind,
    directory::Directory,
    scene::{Scene, connected, told as members},
};

/// The seconds after which it makes sense to come back.
#[track_caller]
fn retry_after(scene: &Scene, exchange: &crate::http::Request) -> u64 {
    let reply = scene.send(exchange);
    reply.refused(503, "temporarily_unavailable", "unavailable");
    reply.header("retry-after").unwrap().parse().unwrap()
}

/// One question a minute, of which 70 % are ours: one now, the next in some 86 seconds.
fn beyond_our_share_nobody_is_asked(kind: Kind) {
    let checks = "\n[[connections.checks]]\nkind = \"introspection\"\nrate_limit = 1\n";
    let scene = Scene::declared(kind, |_, org| connected(&org, checks));
    let exchange = scene.happy();
    scene.send(&exchange).token();
    let seconds = retry_after(&scene, &exchange);
    assert!((1..=86).contains(&seconds), "{seconds}");
    assert_eq!(scene.provider.questions(), 1);
    assert_eq!(counted(&scene, "introspection", "throttled"), 1);
    assert_eq!(counted(&scene, "introspection", "good"), 1);
}

/// Who was asked to slow down does, and passes it on.
fn a_provider_that_says_wait_is_left_alone(kind: Kind) {
    const ALICE: &str = "/admin/realms/staff/users/alice";
    let directory = Directory::start();
    let scene = Scene::declared(kind, |_, org| connected(&org, &keycloak(&directory)));
    let exchange = scene.happy();
    let stands = || {
        let user = json!({ "id": "alice", "enabled": true, "requiredActions": [] });
        directory.says(ALICE, 200, &user);
    };
    stands();
    scene.send(&exchange).token();
    directory.throttles(ALICE, 30);
    assert_eq!(retry_after(&scene, &exchange), 30);
    stands();
    let asked = directory.asked().len();
    assert!((1..=30).contains(&retry_after(&scene, &exchange)));
    assert_eq!(directory.asked().len(), asked);
    assert_eq!(counted(&scene, "keycloak", "throttled"), 2);
}

on_both_databases![beyond_our_share_nobody_is_asked, a_provider_that_says_wait_is_left_alone];

#[test]
fn the_audit_trail_tells_it_from_a_silent_provider() {
    let scene = Scene::on(Kind::Postgres);
    let exchange = scene.happy();
    scene.provider.introspection_is("error500");
    retry_after(&scene, &exchange);
    assert_eq!(told(&scene)[0]["answer"], "unknown");
    scene.provider.introspection_is("throttled");
    retry_after(&scene, &exchange);
    assert_eq!(told(&scene)[0]["answer"], "throttled");
    let outcomes = members(&scene.records(), &["outcome", "reason"]);
    assert_eq!(outcomes, ["unavailable|idp_unavailable"; 2]);
}
