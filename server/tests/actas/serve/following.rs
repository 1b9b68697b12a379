//! A running server follows `actas apply` at the very next exchange.

use crate::{
    database::Kind,
    scene::{DOCUMENTS, Scene, changed, exchange, without},
};

const WRITE_IS_CLOSED: &str = r#"forbid (principal, action == Action::"exchange", resource)
when { context.scope == "documents:write" };
"#;

/// The happy organization with this policy.
fn with_policy(scene: &Scene, text: &str) -> String {
    scene.site.write("closed.cedar", text);
    format!("{}\n[[policies]]\nfile = \"closed.cedar\"\n", scene.org)
}

fn exchanges_a_chain(kind: Kind) {
    let scene = Scene::on(kind);
    let handed = scene.handed();
    let claims = scene.send(&scene.next_hop(&handed)).claims();
    assert_eq!((&claims["sub"], &claims["aud"]), (&"alice".into(), &DOCUMENTS.into()));
    assert_eq!(claims["act"]["sub"], "agent:researcher");
    assert_eq!(claims["act"]["act"]["sub"], "agent:orchestrator");
    assert_eq!(claims["scope"], "documents:read");
}

fn an_organization_applied_later_is_served(kind: Kind) {
    let (server, site, provider, org) = Scene::unapplied(kind);
    let path = "/.well-known/oauth-authorization-server/o/acme";
    assert_eq!(server.get(path).status, 404);
    let secrets = site.apply(&org).secrets;
    server.has_loaded("acme", 1);
    assert_eq!(server.get(path).status, 200);
    let exchange = exchange(&provider.access_token("alice"));
    server.send(&exchange.basic("orchestrator", &secrets["orchestrator"])).token();
}

fn a_disabled_agent_is_refused_at_once(kind: Kind) {
    let mut scene = Scene::on(kind);
    let exchange = scene.happy();
    scene.send(&exchange).token();
    let made = scene.change("id = \"orchestrator\"", "id = \"orchestrator\"\ndisabled = true");
    assert_eq!(made.changes, ["~ agent orchestrator"]);
    scene.send(&exchange).refused(401, "invalid_client", "");
    scene.change("\ndisabled = true", "");
    scene.send(&exchange).token();
}

/// What an agent handed on does not outlive it.
fn a_token_of_a_removed_agent_is_refused_at_once(kind: Kind) {
    let scene = Scene::on(kind);
    let next_hop = scene.next_hop(&scene.handed());
    scene.send(&next_hop).token();
    let file = without(&scene.org, "id = \"orchestrator\"");
    let file = without(&without(&file, "user = \"alice\""), "user = \"bob\"");
    scene.site.apply(&file);
    scene.send(&next_hop).refused(400, "invalid_request", "revoked");
}

fn a_removed_grant_is_gone_at_once(kind: Kind) {
    let scene = Scene::on(kind);
    let (first, next_hop) = (scene.happy(), scene.next_hop(&scene.handed()));
    scene.send(&next_hop).token();
    scene.site.apply(&without(&scene.org, "user = \"alice\""));
    scene.send(&next_hop).refused(400, "invalid_request", "revoked");
    scene.send(&first).refused(400, "invalid_request", "no_grant");
}

/// Ended is ended: who grants again grants to new chains only.
fn a_grant_given_again_revives_nothing(kind: Kind) {
    let scene = Scene::on(kind);
    let (first, next_hop) = (scene.happy(), scene.next_hop(&scene.handed()));
    scene.site.apply(&without(&scene.org, "user = \"alice\""));
    scene.site.apply(&scene.org);
    scene.send(&next_hop).refused(400, "invalid_request", "revoked");
    scene.send(&first).token();
}

fn a_narrowed_grant_narrows_at_once(kind: Kind) {
    let mut scene = Scene::on(kind);
    let (all, write) = (scene.happy(), scene.happy().with("scope", "documents:write"));
    scene.send(&write).token();
    let granted = |scope| format!("scope = \"{scope}\"\ntargets = [\"researcher\"");
    scene.change(&granted("documents:read documents:write"), &granted("documents:read"));
    scene.send(&write).refused(400, "invalid_scope", "scope");
    assert_eq!(scene.send(&all).json()["scope"], "documents:read");
}

fn a_policy_decides_at_once(kind: Kind) {
    let scene = Scene::on(kind);
    let (all, write) = (scene.happy(), scene.happy().with("scope", "documents:write"));
    scene.send(&write).token();
    scene.site.apply(&with_policy(&scene, WRITE_IS_CLOSED));
    scene.send(&write).refused(400, "invalid_request", "policy");
    assert_eq!(scene.send(&all).json()["scope"], "documents:read");
    scene.site.apply(&scene.org);
    scene.send(&write).token();
}

fn a_bad_policy_leaves_the_old_one_in_force(kind: Kind) {
    let scene = Scene::on(kind);
    let write = scene.happy().with("scope", "documents:write");
    let good = with_policy(&scene, WRITE_IS_CLOSED);
    assert_eq!(scene.site.apply(&good).revision, 2);
    scene.send(&write).refused(400, "invalid_request", "policy");
    let bad = with_policy(&scene, &changed(WRITE_IS_CLOSED, "context.scope", "context.scop"));
    // Whatever else is in the file does not happen either.
    let bad = without(&bad, "user = \"bob\"");
    let told = scene.site.try_apply(&bad, &[]).failed();
    assert!(told.contains("closed.cedar:2:8: "), "{told}");
    scene.send(&write).refused(400, "invalid_request", "policy");
    with_policy(&scene, WRITE_IS_CLOSED);
    let again = scene.site.apply(&good);
    assert_eq!((again.revision, again.changes.len()), (2, 0));
}

fn a_replaced_secret_is_refused_at_once(kind: Kind) {
    let scene = Scene::on(kind);
    let old = scene.happy();
    scene.send(&old).token();
    scene.site.apply_with(&scene.org, &["--new-secret", "orchestrator"]);
    scene.send(&old).refused(401, "invalid_client", "");
}

fn a_new_secret_works_at_once(kind: Kind) {
    let scene = Scene::on(kind);
    let made = scene.site.apply_with(&scene.org, &["--new-secret", "orchestrator"]);
    scene.send(&scene.happy().basic("orchestrator", &made.secrets["orchestrator"])).token();
}

fn a_new_agent_works_at_once(kind: Kind) {
    let scene = Scene::on(kind);
    let agent = "[[agents]]\nid = \"newcomer\"\nscope = \"documents:read\"";
    let made = scene.site.apply(&format!("{}\n{agent}\n", scene.org));
    let exchange = scene.happy().basic("newcomer", &made.secrets["newcomer"]);
    // It is known; the token was given to another.
    scene.send(&exchange).refused(400, "invalid_request", "presenter");
}

fn a_new_resource_is_a_target_at_once(kind: Kind) {
    let mut scene = Scene::on(kind);
    let calendar = scene.happy().with("resource", "https://calendar.example");
    scene.send(&calendar).refused(400, "invalid_target", "target");
    let resource =
        "[[resources]]\nid = \"https://calendar.example\"\nscope = \"documents:read\"\n\n";
    scene.org = scene.org.replacen("[[resources]]", &format!("{resource}[[resources]]"), 1);
    scene.change(
        "targets = [\"researcher\"",
        "targets = [\"https://calendar.example\", \"researcher\"",
    );
    assert_eq!(scene.send(&calendar).claims()["aud"], "https://calendar.example");
}

/// Under another issuer the same `sub` is another person.
fn a_connection_to_other_users_ends_what_was_granted(kind: Kind) {
    let mut scene = Scene::on(kind);
    let next_hop = scene.next_hop(&scene.handed());
    scene.send(&next_hop).token();
    let made =
        scene.change("client_id = \"actas\"", "subject_prefix = \"corp:\"\nclient_id = \"actas\"");
    assert!(made.changes.iter().any(|change| change.starts_with("- connection corp")), "{made:?}");
    scene.send(&next_hop).refused(400, "invalid_request", "revoked");
    assert_eq!(scene.send(&scene.happy()).claims()["sub"], "corp:alice");
}

/// Verifiers find the new key before anything is signed with it; what the old one signed counts.
fn the_key_of_a_new_algorithm_is_published_beside_the_old_one(kind: Kind) {
    let mut scene = Scene::on(kind);
    let next_hop = scene.next_hop(&scene.handed());
    let made = scene.change("id = \"acme\"", "id = \"acme\"\nalgorithm = \"EdDSA\"");
    scene.server.has_loaded("acme", made.revision);
    let keys = scene.server.get("/o/acme/oauth/jwks").json();
    let mut kinds: Vec<_> =
        keys["keys"].as_array().unwrap().iter().map(|key| key["kty"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["EC", "OKP"]);
    scene.send(&next_hop).token();
}

on_both_databases![
    exchanges_a_chain,
    an_organization_applied_later_is_served,
    a_disabled_agent_is_refused_at_once,
    a_token_of_a_removed_agent_is_refused_at_once,
    a_removed_grant_is_gone_at_once,
    a_grant_given_again_revives_nothing,
    a_narrowed_grant_narrows_at_once,
    a_policy_decides_at_once,
    a_bad_policy_leaves_the_old_one_in_force,
    a_replaced_secret_is_refused_at_once,
    a_new_secret_works_at_once,
    a_new_agent_works_at_once,
    a_new_resource_is_a_target_at_once,
    a_connection_to_other_users_ends_what_was_granted,
    the_key_of_a_new_algorithm_is_published_beside_the_old_one,
];
