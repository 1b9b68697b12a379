//! Service accounts as their programs, the APIs they call and their operators meet them.

use serde_json::Value;

use super::asserting::is_nobody;
use crate::{
    database::Kind,
    http::Request,
    overseen::{INACTIVE, introspected, is_active, overseen, revocation},
    scene::{DOCUMENTS, Scene, TOKEN, changed},
};

on_both_databases![
    an_account_acts_for_itself,
    an_account_that_is_stopped_is_nobody,
    a_purpose_has_one_account,
];

const NIGHTLY: &str = r#"
[[service_accounts]]
id = "nightly"
purpose = "the nightly report"
scope = "documents:read"
targets = ["https://documents.example"]
"#;

fn scene(kind: Kind) -> Scene {
    Scene::declared(kind, |_, org| overseen(&org) + NIGHTLY)
}

fn asking(scene: &Scene) -> Request {
    let form = [("grant_type", "client_credentials"), ("resource", DOCUMENTS)];
    Request::post(TOKEN, &form).basic("nightly", scene.secret("nightly"))
}

fn an_account_acts_for_itself(kind: Kind) {
    let scene = scene(kind);
    let reply = scene.send(&asking(&scene));
    let (token, claims) = (reply.token(), reply.claims());
    for (name, value) in [
        ("sub", "service:nightly"),
        ("client_id", "nightly"),
        ("aud", DOCUMENTS),
        ("scope", "documents:read"),
    ] {
        assert_eq!(claims[name], value, "{claims}");
    }
    assert_eq!((&claims["act"], &claims["org_id"]), (&Value::Null, &"acme".into()));
    let event = scene.records().pop().unwrap();
    for (name, value) in [
        ("outcome", "issued"),
        ("client", "nightly"),
        ("subject", "service:nightly"),
        ("target", DOCUMENTS),
        ("authenticated_by", "client_secret_basic"),
    ] {
        assert_eq!(event[name], value, "{event}");
    }
    assert_eq!(event["delegation"], claims["jti"]);
    let known = introspected(&scene.server, &scene, &token);
    assert_eq!((&known["active"], &known["sub"]), (&true.into(), &"service:nightly".into()));
    assert_eq!(scene.provider.questions(), 0, "it is no user of anybody's");

    let other = scene.send(&asking(&scene)).token();
    scene.send(&revocation(&scene, "orchestrator", &token));
    assert!(is_active(&scene, &token), "another client cannot end it");
    assert_eq!(scene.send(&revocation(&scene, "nightly", &token)).status, 200);
    let known = introspected(&scene.server, &scene, &token);
    assert_eq!(known.to_string(), INACTIVE);
    assert!(is_active(&scene, &other));
}

fn an_account_that_is_stopped_is_nobody(kind: Kind) {
    let scene = scene(kind);
    let token = scene.send(&asking(&scene)).token();
    scene.site.run(&["revoke", "agent", "acme", "nightly"]).succeeded();
    assert!(!is_active(&scene, &token));
    is_nobody(&scene, &asking(&scene), "a stopped account");
    scene.send(&scene.happy()).token();
    scene.site.run(&["restore", "agent", "acme", "nightly"]).succeeded();
    assert!(is_active(&scene, &scene.send(&asking(&scene)).token()));
    assert!(!is_active(&scene, &token), "what has ended stays so");
}

/// A file that is refused changes nothing.
fn a_purpose_has_one_account(kind: Kind) {
    let scene = scene(kind);
    let another = |purpose: &str| {
        let account = changed(NIGHTLY, "\"nightly\"", "\"weekly\"");
        scene.org.clone() + &changed(&account, "the nightly report", purpose)
    };
    let told = scene.site.try_apply(&another("the nightly report"), &[]).failed();
    assert!(told.contains("`nightly` and `weekly` have the same `purpose`"), "{told}");
    scene.send(&asking(&scene)).token();
    assert!(scene.site.apply(&another("the weekly report")).secrets.contains_key("weekly"));
}
