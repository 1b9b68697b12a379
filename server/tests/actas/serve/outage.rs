//! The database goes away under a running server, and comes back.

use crate::{database::Kind, http::Reply, process::eventually, scene::Scene};

fn is_unavailable(reply: &Reply) {
    reply.refused(503, "temporarily_unavailable", "unavailable");
    let seconds = reply.header("retry-after").unwrap();
    assert!(seconds.parse::<u32>().is_ok(), "Retry-After in seconds: {seconds}");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
}

/// What is not recorded is not said: neither yes, nor no.
#[test]
fn without_the_database_nothing_is_issued_and_with_it_all_is_well_again() {
    let scene = Scene::on(Kind::Postgres);
    let database = scene.site.postgres.as_ref().unwrap();
    let (happy, next_hop) = (scene.happy(), scene.next_hop(&scene.handed()));
    scene.send(&next_hop).token();
    database.close();
    is_unavailable(&scene.send(&happy));
    is_unavailable(&scene.send(&next_hop));
    is_unavailable(&scene.send(&happy.clone().with("scope", "none")));
    let ready = scene.server.get("/readyz");
    assert_eq!((ready.status, &ready.json()["database"]), (503, &"unavailable".into()));
    assert_eq!(scene.server.get("/healthz").status, 200, "it lives, it is not ready");
    assert_eq!(scene.server.get("/o/acme/oauth/jwks").status, 200, "tokens can be verified");
    database.open();
    eventually("it is ready again", || (scene.server.get("/readyz").status == 200).then_some(()));
    eventually("it issues again", || (scene.send(&happy).status == 200).then_some(()));
    scene.send(&next_hop).token();
    scene.send(&happy.with("scope", "none")).refused(400, "invalid_scope", "scope");
}

/// Connections that were cut while nobody looked are noticed before an answer depends on them, or
/// by one answer at most per connection.
#[test]
fn a_restarted_database_is_used_again() {
    let scene = Scene::on(Kind::Postgres);
    let database = scene.site.postgres.as_ref().unwrap();
    let happy = scene.happy();
    scene.send(&happy).token();
    database.close();
    database.open();
    let failed = eventually("it issues again", || {
        let reply = scene.send(&happy);
        if reply.status != 200 {
            is_unavailable(&reply);
        }
        (reply.status == 200).then_some(reply)
    });
    failed.token();
}
