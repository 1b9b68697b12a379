//! A live no ends things: what it was said about stays ended, also when the provider changes its mind.

use serde_json::json;

use super::{keycloak, told};
use crate::{
    database::Kind,
    directory::Directory,
    scene::{Scene, connected, told as members},
    signals::{Chain, RECONNECT, ended, said, signed_out, suspended, with_reader},
};

fn scene(kind: Kind) -> Scene {
    let settings = format!("reconnect_uri = \"{RECONNECT}\"");
    Scene::declared(kind, |_, org| connected(&with_reader(&org), &settings))
}

/// `active: false`, and later true again: the token and what descends from it are over.
fn a_token_that_was_inactive_once_stays_ended(kind: Kind) {
    let scene = scene(kind);
    let (chain, other) = (Chain::of(&scene), Chain::of(&scene));
    scene.provider.disable("alice");
    chain.stops(&scene, &ended());
    scene.provider.enable("alice");
    chain.stops(&scene, &ended());
    // Nobody asked about this one meanwhile, and only its user was off.
    other.goes_on(&scene);
    Chain::from(&scene, &scene.provider.access_token("alice")).goes_on(&scene);
}

fn heard_at_the_third_hop_it_ends_the_first(kind: Kind) {
    let scene = scene(kind);
    let chain = Chain::of(&scene);
    let bob = scene.first_hop(&scene.provider.access_token("bob"));
    scene.provider.disable("alice");
    chain.has_ended(&scene);
    scene.send(&bob).token();
    scene.provider.enable("alice");
    chain.stops(&scene, &ended());
}

/// A token without a name of its own cannot be told from others later, but what came of it is over.
fn a_token_without_an_id_ends_with_what_came_of_it(kind: Kind) {
    let scene = scene(kind);
    let claims = json!({ "jti": null });
    let chain = Chain::from(&scene, &scene.provider.access_token_with("alice", &claims));
    scene.provider.disable("alice");
    chain.has_ended(&scene);
    scene.provider.enable("alice");
    chain.has_ended(&scene);
}

/// A directory speaks of the account: then everything of the user ends, whichever sign-in it is of.
fn a_suspended_account_ends_every_chain_of_its_user(kind: Kind) {
    let directory = Directory::start();
    let settings = format!("reconnect_uri = \"{RECONNECT}\"\n{}", keycloak(&directory));
    let user = |enabled: bool| {
        let user = json!({ "id": "alice", "enabled": enabled, "requiredActions": [] });
        directory.says("/admin/realms/staff/users/alice", 200, &user);
    };
    user(true);
    let scene = Scene::declared(kind, |_, org| connected(&with_reader(&org), &settings));
    let (chain, other) = (Chain::of(&scene), Chain::of(&scene));
    user(false);
    chain.stops(&scene, &suspended());
    other.has_ended(&scene);
    user(true);
    chain.stops(&scene, &signed_out());
    other.stops(&scene, &signed_out());
    Chain::from(&scene, &scene.provider.signed_in("alice", 60)).goes_on(&scene);
}

on_both_databases![
    a_token_that_was_inactive_once_stays_ended,
    heard_at_the_third_hop_it_ends_the_first,
    a_token_without_an_id_ends_with_what_came_of_it,
    a_suspended_account_ends_every_chain_of_its_user,
];

#[test]
fn the_ledger_and_the_audit_trail_know_of_it() {
    let scene = scene(Kind::Postgres);
    let database = scene.site.postgres.as_ref().unwrap();
    let chain = Chain::of(&scene);
    let living = || database.ask("SELECT count(*) FROM delegations WHERE ended_at IS NULL");
    assert_eq!(living(), "3");
    scene.provider.disable("alice");
    assert_eq!(said(&scene.send(&chain.third)), ended());
    assert_eq!(living(), "0");
    let [check] = told(&scene).try_into().unwrap();
    assert_eq!((&check["kind"], &check["answer"]), (&json!("introspection"), &json!("no")));
    let records = scene.records();
    let mut events = members(&records[records.len() - 2..], &["outcome", "reason"]);
    events.sort_unstable();
    assert_eq!(events, ["refused|revoked", "signalled|token_ended"]);
}
