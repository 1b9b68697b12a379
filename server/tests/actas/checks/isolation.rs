//! The identity provider of one organization is ill: the others do not notice.

use std::thread;

use crate::{
    database::Kind,
    http::Request,
    provider::Provider,
    scene::{Scene, changed, exchange},
};

/// The happy organization, and another one with a provider of its own.
fn two(kind: Kind) -> (Scene, Provider, Request) {
    let scene = Scene::configured(kind, |site| {
        site.configure("[keys]", "[upstream]\ndeadline_ms = 500\n\n[keys]");
    });
    let provider = Provider::start();
    let other = changed(&scene.org, &scene.provider.issuer, &provider.issuer);
    let secrets = scene.site.apply(&changed(&other, "id = \"acme\"", "id = \"other\"")).secrets;
    scene.server.has_loaded("other", 1);
    let exchange = exchange(&provider.access_token("alice")).at("/o/other/oauth/token");
    let exchange = exchange.basic("orchestrator", &secrets["orchestrator"]);
    scene.send(&exchange).token();
    (scene, provider, exchange)
}

fn one_that_hangs_keeps_nobody_else_waiting(kind: Kind) {
    let (scene, provider, other) = two(kind);
    provider.hold_introspection();
    thread::scope(|threads| {
        let waiting: Vec<_> = (0..20).map(|_| threads.spawn(|| scene.send(&other))).collect();
        provider.is_being_asked();
        for _ in 0..20 {
            scene.send(&scene.happy()).token();
        }
        for reply in waiting {
            let reply = reply.join().unwrap();
            reply.refused(503, "temporarily_unavailable", "unavailable");
        }
    });
    provider.release_introspection();
    scene.send(&other).token();
}

fn one_that_lies_is_not_believed_and_harms_nobody_else(kind: Kind) {
    let (scene, provider, other) = two(kind);
    for lie in ["down", "garbage", "string_true", "missing_active", "empty", "redirect", "oversize"]
    {
        provider.introspection_is(lie);
        let reply = scene.send(&other);
        assert_eq!(reply.status, 503, "{lie}: {}", reply.text());
        scene.send(&scene.happy()).token();
    }
    provider.introspection_is("none");
    scene.send(&other).token();
}

on_both_databases![
    one_that_hangs_keeps_nobody_else_waiting,
    one_that_lies_is_not_believed_and_harms_nobody_else,
];
