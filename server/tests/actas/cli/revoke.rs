//! `actas revoke` and `actas restore`: something stops now, and goes on when it may.

use std::fs::File;

use serde_json::Value;

use crate::{
    database::Kind,
    process::{Finished, actas},
    scene::{Scene, connected, told},
    signals::{Chain, RECONNECT, with_reader},
};

fn scene(kind: Kind) -> Scene {
    let settings = format!("reconnect_uri = \"{RECONNECT}\"");
    Scene::declared(kind, |_, org| connected(&with_reader(&org), &settings))
}

/// What `actas revoke` reports of these arguments.
#[track_caller]
fn revoked(scene: &Scene, arguments: &[&str]) -> Value {
    let printed = scene.site.run(&[&["revoke"], arguments, &["--json"]].concat()).succeeded();
    serde_json::from_str(&printed).unwrap_or_else(|e| panic!("{e}: {printed}"))
}

#[track_caller]
fn restored(scene: &Scene, arguments: &[&str]) {
    scene.site.run(&[&["restore"], arguments].concat()).succeeded();
}

/// The first delegation of everything issued so far.
fn first_delegation(scene: &Scene) -> String {
    scene.records()[0]["delegation"].as_str().unwrap().to_owned()
}

#[track_caller]
fn is_refused(scene: &Scene, request: &crate::http::Request, reason: &str) {
    let reply = scene.send(request);
    assert_eq!((reply.status, &reply.json()["reason"]), (400, &reason.into()), "{}", reply.text());
}

fn a_delegation_ends_with_what_came_of_it(kind: Kind) {
    let scene = scene(kind);
    let (chain, other) = (Chain::of(&scene), Chain::of(&scene));
    let done = revoked(&scene, &["delegation", "acme", &first_delegation(&scene)]);
    assert_eq!(done["ended"], 3);
    chain.has_ended(&scene);
    other.goes_on(&scene);
    // The user's own token is as good as before.
    scene.send(&chain.first).token();
}

fn a_token_ends_what_was_issued_as_it(kind: Kind) {
    let scene = scene(kind);
    let handed = scene.handed();
    let hop = scene.next_hop(&handed);
    scene.send(&hop).token();
    scene.site.write("token.jwt", &handed);
    let file = scene.site.path("token.jwt");
    assert_eq!(revoked(&scene, &["token", "acme", file.to_str().unwrap()])["ended"], 2);
    scene.send(&hop).refused(400, "invalid_request", "revoked");
    scene.send(&scene.happy()).token();
}

fn a_session_ends_at_all_its_names(kind: Kind) {
    let scene = scene(kind);
    let signed_in = |sid: &str| {
        let claims = serde_json::json!({ "sid": sid });
        scene.provider.access_token_with("alice", &claims)
    };
    let (chain, other) =
        (Chain::from(&scene, &signed_in("desk")), Chain::from(&scene, &signed_in("phone")));
    assert!(revoked(&scene, &["session", "acme", "corp", "desk"])["ended"].as_u64() > Some(2));
    is_refused(&scene, &chain.first, "revoked");
    chain.has_ended(&scene);
    other.goes_on(&scene);
}

fn a_user_is_signed_out_everywhere(kind: Kind) {
    let scene = scene(kind);
    let chain = Chain::of(&scene);
    let bob = scene.first_hop(&scene.provider.access_token("bob"));
    assert!(revoked(&scene, &["user", "acme", "corp", "alice"])["ended"].as_u64() > Some(2));
    let reply = scene.send(&chain.first);
    assert_eq!(reply.json()["error"], "insufficient_user_authentication", "{}", reply.text());
    chain.has_ended(&scene);
    scene.send(&bob).token();
    Chain::from(&scene, &scene.provider.signed_in("alice", 60)).goes_on(&scene);
}

fn a_disabled_user_stays_out_until_restored(kind: Kind) {
    let scene = scene(kind);
    let chain = Chain::of(&scene);
    revoked(&scene, &["user", "acme", "corp", "alice", "--disable"]);
    chain.has_ended(&scene);
    let later = scene.first_hop(&scene.provider.signed_in("alice", 60));
    is_refused(&scene, &later, "suspended");
    restored(&scene, &["user", "acme", "corp", "alice"]);
    Chain::from(&scene, &scene.provider.signed_in("alice", 60)).goes_on(&scene);
    chain.has_ended(&scene);
}

fn an_agent_stays_out_until_restored(kind: Kind) {
    let scene = scene(kind);
    let chain = Chain::of(&scene);
    assert_eq!(revoked(&scene, &["agent", "acme", "orchestrator"])["ended"], 3);
    assert_eq!(scene.send(&chain.first).status, 401);
    chain.has_ended(&scene);
    // What is declared of it does not let it go on.
    scene.site.apply(&scene.org);
    assert_eq!(scene.send(&chain.first).status, 401);
    restored(&scene, &["agent", "acme", "orchestrator"]);
    scene.send(&chain.first).token();
    chain.has_ended(&scene);
}

fn a_grant_is_over(kind: Kind) {
    let scene = scene(kind);
    let chain = Chain::of(&scene);
    let bob = scene.first_hop(&scene.provider.access_token("bob"));
    let grant = scene.records()[0]["grant"].as_str().unwrap().to_owned();
    assert_eq!(revoked(&scene, &["grant", "acme", &grant])["ended"], 3);
    chain.has_ended(&scene);
    let again = scene.send(&chain.first);
    assert_eq!(again.status, 400, "{}", again.text());
    scene.send(&bob).token();
}

fn a_connection_stays_out_until_restored(kind: Kind) {
    let scene = scene(kind);
    let chain = Chain::of(&scene);
    assert_eq!(revoked(&scene, &["connection", "acme", "corp"])["ended"], 3);
    is_refused(&scene, &chain.first, "revoked");
    chain.has_ended(&scene);
    restored(&scene, &["connection", "acme", "corp"]);
    scene.send(&chain.first).token();
    chain.has_ended(&scene);
}

fn the_kill_switch_stops_everything_until_restored(kind: Kind) {
    let scene = scene(kind);
    let chain = Chain::of(&scene);
    let bob = scene.first_hop(&scene.provider.access_token("bob"));
    scene.send(&bob).token();
    assert_eq!(revoked(&scene, &["org", "acme", "--reason", "incident 17"])["ended"], 4);
    is_refused(&scene, &chain.first, "revoked");
    is_refused(&scene, &chain.third, "revoked");
    is_refused(&scene, &bob, "revoked");
    restored(&scene, &["org", "acme", "--reason", "it is over"]);
    scene.send(&chain.first).token();
    scene.send(&bob).token();
    chain.has_ended(&scene);
}

/// With or without a server.
fn works_while_no_server_runs(kind: Kind) {
    let mut scene = scene(kind);
    let chain = Chain::of(&scene);
    scene.server.kill();
    assert_eq!(revoked(&scene, &["agent", "acme", "orchestrator"])["ended"], 3);
    scene.server = scene.site.serve();
    assert_eq!(scene.send(&chain.first).status, 401);
    chain.has_ended(&scene);
}

fn the_audit_trail_says_who_did_it_and_why(kind: Kind) {
    let scene = scene(kind);
    Chain::of(&scene);
    let config = scene.site.path("actas.toml");
    let mut command = actas([
        "revoke",
        "agent",
        "acme",
        "orchestrator",
        "--reason",
        "ticket 4711",
        "--json",
        "--config",
        config.to_str().unwrap(),
    ]);
    command.env_remove("SUDO_USER").env("USER", "root");
    let done: Value = serde_json::from_str(&Finished::of(command).succeeded()).unwrap();
    let mut command =
        actas(["restore", "agent", "acme", "orchestrator", "--config", config.to_str().unwrap()]);
    command.env("SUDO_USER", "carol").env("USER", "root");
    Finished::of(command).succeeded();
    let records = scene.records();
    let members = ["outcome", "operator", "client", "ended"];
    let told = told(&records[records.len() - 2..], &members);
    assert_eq!(told, ["revoked|cli:root|orchestrator|3", "restored|cli:carol|orchestrator|"]);
    let revoked = &records[records.len() - 2];
    assert_eq!(revoked["id"], done["action"]);
    assert!(revoked["detail"].as_str().unwrap().contains("ticket 4711"), "{revoked}");
}

on_both_databases![
    a_delegation_ends_with_what_came_of_it,
    a_token_ends_what_was_issued_as_it,
    a_session_ends_at_all_its_names,
    a_user_is_signed_out_everywhere,
    a_disabled_user_stays_out_until_restored,
    an_agent_stays_out_until_restored,
    a_grant_is_over,
    a_connection_stays_out_until_restored,
    the_kill_switch_stops_everything_until_restored,
    works_while_no_server_runs,
    the_audit_trail_says_who_did_it_and_why,
];

#[test]
fn a_person_is_told_what_holds_from_now_on() {
    let scene = scene(Kind::Sqlite);
    Chain::of(&scene);
    let printed = scene.site.run(&["revoke", "agent", "acme", "orchestrator"]).succeeded();
    let expected = "3 delegations ended; the agent is stopped until `actas restore agent acme \
                    orchestrator`\naction ";
    assert!(printed.starts_with(expected), "{printed}");
    let again = scene.site.run(&["revoke", "agent", "acme", "orchestrator"]).succeeded();
    assert!(again.starts_with("no delegation was alive; the agent is stopped"), "{again}");
    let session = scene.site.run(&["revoke", "session", "acme", "corp", "nowhere"]).succeeded();
    assert!(session.contains("was its id written right?"), "{session}");
    let restored = scene.site.run(&["restore", "agent", "acme", "orchestrator"]).succeeded();
    assert!(restored.starts_with("it goes on; what ended stays ended\naction "), "{restored}");
}

#[test]
fn reads_the_token_from_standard_input() {
    let scene = scene(Kind::Sqlite);
    scene.site.write("token.jwt", &scene.send(&scene.happy()).token());
    let config = scene.site.path("actas.toml");
    let mut command = actas(["revoke", "token", "acme", "-", "--config", config.to_str().unwrap()]);
    command.stdin(File::open(scene.site.path("token.jwt")).unwrap());
    assert!(Finished::of(command).succeeded().starts_with("1 delegation ended"));
}

/// A slip of the pen must not look like a success.
#[test]
fn tells_what_it_does_not_know() {
    let scene = scene(Kind::Sqlite);
    let chain = Chain::of(&scene);
    let token = scene.send(&scene.happy()).token();
    let (head, signature) = token.rsplit_once('.').unwrap();
    let backwards: String = signature.chars().rev().collect();
    scene.site.write("forged.jwt", &format!("{head}.{backwards}"));
    scene.site.write("rubbish.jwt", "rubbish");
    let id = "01a2028d-631c-7464-a386-ae260f885211";
    let file = |name: &str| scene.site.path(name).to_str().unwrap().to_owned();
    let (forged, rubbish, missing) = (file("forged.jwt"), file("rubbish.jwt"), file("no.jwt"));
    for (arguments, expected) in [
        (vec!["revoke", "org", "nobody"], "there is no organization `nobody`"),
        (vec!["revoke", "agent", "acme", "reseacher"], "there is no agent `reseacher`"),
        (vec!["revoke", "connection", "acme", "crop"], "there is no connection `crop`"),
        (vec!["revoke", "user", "acme", "crop", "alice"], "there is no connection `crop`"),
        (vec!["revoke", "session", "acme", "crop", "s"], "there is no connection `crop`"),
        (vec!["revoke", "grant", "acme", "17"], "there is no grant `17`"),
        (vec!["revoke", "delegation", "acme", id], "there is no delegation `01a2028d"),
        (vec!["revoke", "token", "acme", &forged], "this is not a token that this organization"),
        (vec!["revoke", "token", "acme", &rubbish], "this is not a token that this organization"),
        (vec!["revoke", "token", "acme", &missing], "no.jwt cannot be read"),
        (vec!["restore", "org", "acme"], "the organization is not stopped"),
        (vec!["restore", "agent", "acme", "researcher"], "agent `researcher` is not stopped"),
        (vec!["restore", "connection", "acme", "corp"], "connection `corp` is not stopped"),
        (vec!["restore", "user", "acme", "crop", "alice"], "there is no connection `crop`"),
        (vec!["restore", "org", "nobody"], "nobody"),
    ] {
        let told = scene.site.run(&arguments).failed();
        assert!(told.contains(expected), "{arguments:?}: {told}");
    }
    let unparsable = scene.site.run(&["revoke", "delegation", "acme", "17"]);
    assert_eq!(unparsable.code, Some(2));
    chain.goes_on(&scene);
}
