//! `actas idp`: what the person on call sees, and may do.

use std::fs::File;

use serde_json::{Value, json};

use crate::{
    database::Kind,
    directory::Directory,
    process::{Finished, actas},
    provider::Provider,
    scene::{Scene, Site, changed, connected, org, told},
    signals::{Chain, Listening, said, signed_out, suspended},
};

const DISABLED: &str = "https://schemas.openid.net/secevent/risc/event-type/account-disabled";

/// The happy organization at a provider, and a token of alice's in a file.
fn site(kind: Kind) -> (Site, Provider) {
    let (site, provider) = (Site::on(kind), Provider::start());
    site.apply(&changed(&org(), "https://idp.example", &provider.issuer));
    site.write("alice.token", &format!("{}\n", provider.access_token("alice")));
    (site, provider)
}

fn check(site: &Site, more: &[&str]) -> Finished {
    let token = site.path("alice.token");
    let all = ["idp", "check", "acme", "corp", "alice", "--token-file", token.to_str().unwrap()];
    site.run(&[&all, more].concat())
}

/// What it printed, and that it failed with these words.
#[track_caller]
fn failed_with(finished: &Finished, words: &str) -> String {
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains(words), "{finished:?}");
    assert!(!finished.stderr.contains("panicked at"), "{finished:?}");
    finished.stdout.clone()
}

#[track_caller]
fn parsed(stdout: &str) -> Value {
    serde_json::from_str(stdout).unwrap_or_else(|e| panic!("{e}: {stdout}"))
}

fn shows_a_yes_with_its_time(kind: Kind) {
    let (site, provider) = site(kind);
    let text = check(&site, &[]).succeeded();
    let line = text.lines().next().unwrap();
    for part in ["introspection", "good", " ms", "session live", "acr urn:actas:demo:password"] {
        assert!(line.contains(part), "`{part}` is not in:\n{text}");
    }
    assert!(text.contains("nothing") && text.ends_with("an exchange would get: yes\n"), "{text}");
    let told = parsed(&check(&site, &["--json"]).succeeded());
    assert_eq!(
        (&told["org"], &told["connection"], &told["user"], &told["verdict"], &told["signals"]),
        (&json!("acme"), &json!("corp"), &json!("alice"), &json!("yes"), &json!({}))
    );
    let check = &told["checks"][0];
    assert_eq!(
        (&check["kind"], &check["answer"], &check["says"]["session"]),
        (&json!("introspection"), &json!("good"), &json!("live"))
    );
    assert!(check["took_ms"].as_f64().unwrap() > 0.0, "{told}");
    assert_eq!(provider.questions(), 2, "each time it asks");
}

/// Nothing ends by being looked at.
fn shows_a_no_and_does_nothing_about_it(kind: Kind) {
    let scene = Scene::on(kind);
    let token = scene.provider.access_token("alice");
    scene.site.write("alice.token", &token);
    let exchange = scene.first_hop(&token);
    scene.provider.disable("alice");
    let text = failed_with(&check(&scene.site, &[]), "an exchange would get `no`");
    assert!(text.contains("session ended") && text.contains("would get: no"), "{text}");
    let told = failed_with(&check(&scene.site, &["--json"]), "`no`");
    assert_eq!(parsed(&told)["verdict"], "no");
    assert_eq!(parsed(&told)["checks"][0]["answer"], "no");
    scene.provider.enable("alice");
    scene.send(&exchange).token();
}

fn shows_that_nobody_can_tell(kind: Kind) {
    let (site, provider) = site(kind);
    let without = site.run(&["idp", "check", "acme", "corp", "alice"]);
    let text = failed_with(&without, "an exchange would get `unknown`");
    assert!(text.contains("needs a token of the user"), "{text}");
    provider.introspection_is("error500");
    let told = failed_with(&check(&site, &["--json"]), "`unknown`");
    assert_eq!(parsed(&told)["verdict"], "unknown");
    let check = &parsed(&told)["checks"][0];
    assert_eq!(check["answer"], "unknown");
    assert!(check["fault"].as_str().unwrap().contains("status 500"), "{check}");
}

fn shows_what_was_signalled_besides(kind: Kind) {
    let listening = Listening::on(kind);
    listening.scene.site.write("alice.token", &listening.scene.provider.access_token("alice"));
    listening.signal(DISABLED, &json!({}), "alice");
    let told = failed_with(&check(&listening.scene.site, &["--json"]), "`no`");
    let told = parsed(&told);
    assert_eq!(told["checks"][0]["answer"], "good", "the provider itself says yes");
    assert_eq!(told["signals"]["account"], "suspended");
    assert!(told["signals"]["sessions_valid_from"].is_string(), "{told}");
}

/// Every check of a connection on its own, whatever the others say.
fn shows_every_check(kind: Kind) {
    let (site, provider, directory) = (Site::on(kind), Provider::start(), Directory::start());
    let checks = format!(
        "\n[[connections.checks]]\nkind = \"introspection\"\n{}",
        crate::checks::keycloak(&directory)
    );
    let org = connected(&org(), &checks);
    site.apply(&changed(&org, "https://idp.example", &provider.issuer));
    site.write("alice.token", &provider.access_token("alice"));
    let user = json!({ "id": "alice", "enabled": true, "requiredActions": ["UPDATE_PASSWORD"] });
    directory.says("/admin/realms/staff/users/alice", 200, &user);
    let told = parsed(&failed_with(&check(&site, &["--json"]), "`step_up`"));
    let answers = told["checks"].as_array().unwrap().iter();
    let answers: Vec<_> = answers.map(|check| (&check["kind"], &check["answer"])).collect();
    let expected = [(json!("introspection"), json!("good")), (json!("keycloak"), json!("step_up"))];
    assert_eq!(answers, expected.each_ref().map(|(kind, answer)| (kind, answer)));
    directory.is_down("/admin/realms/staff/users/alice");
    let text = failed_with(&check(&site, &[]), "`unknown`");
    assert_eq!(text.lines().filter(|line| line.contains(" ms")).count(), 2, "{text}");
}

/// Suspended by a provider that never takes it back.
fn clear_takes_back_what_was_signalled(kind: Kind) {
    let listening = Listening::on(kind);
    let (scene, chain) = (&listening.scene, listening.chain());
    listening.signal(DISABLED, &json!({}), "alice");
    chain.stops(scene, &suspended());
    let clear = ["idp", "clear", "acme", "corp", "alice", "--reason", "ticket 4711"];
    let printed = scene.site.run(&clear).succeeded();
    assert!(printed.contains("what ended stays ended"), "{printed}");
    chain.stops(scene, &signed_out());
    Chain::from(scene, &scene.provider.access_token("alice")).goes_on(scene);
}

on_both_databases![
    shows_a_yes_with_its_time,
    shows_a_no_and_does_nothing_about_it,
    shows_that_nobody_can_tell,
    shows_what_was_signalled_besides,
    shows_every_check,
    clear_takes_back_what_was_signalled,
];

#[test]
fn clear_leaves_an_event_with_its_reason() {
    let listening = Listening::on(Kind::Postgres);
    let site = &listening.scene.site;
    listening.signal(DISABLED, &json!({}), "alice");
    let chain = listening.scene.first_hop(&listening.scene.provider.access_token("alice"));
    assert_eq!(said(&listening.scene.send(&chain)), suspended());
    site.run(&["idp", "clear", "acme", "corp", "alice", "--reason", "ticket 4711"]).succeeded();
    let told = told(&listening.scene.records(), &["outcome", "reason", "detail", "subject"]);
    assert_eq!(told.last().unwrap(), "signalled|cleared|ticket 4711|alice");
}

#[test]
fn reads_the_token_from_standard_input() {
    let (site, _provider) = site(Kind::Sqlite);
    let config = site.path("actas.toml");
    let mut command = actas([
        "idp",
        "check",
        "acme",
        "corp",
        "alice",
        "--token-file",
        "-",
        "--config",
        config.to_str().unwrap(),
    ]);
    command.stdin(File::open(site.path("alice.token")).unwrap());
    assert!(Finished::of(command).succeeded().contains("would get: yes"));
}

#[test]
fn tells_what_it_does_not_know() {
    let (site, _provider) = site(Kind::Sqlite);
    for (arguments, expected) in [
        (vec!["check", "nobody", "corp", "alice"], "there is no organization `nobody`"),
        (vec!["check", "acme", "crop", "alice"], "`acme` has no connection `crop`; it has: corp"),
        (
            vec!["check", "acme", "corp", "alice", "--token-file", "no.token"],
            "no.token cannot be read",
        ),
        (vec!["clear", "nobody", "corp", "alice", "--reason", "x"], "no organization `nobody`"),
        (vec!["clear", "acme", "crop", "alice", "--reason", "x"], "no connection `crop`"),
    ] {
        let told = site.run(&[&["idp"], arguments.as_slice()].concat()).failed();
        assert!(told.contains(expected), "{told}");
    }
    let without_a_reason = site.run(&["idp", "clear", "acme", "corp", "alice"]);
    assert_eq!(without_a_reason.code, Some(2));
    assert!(without_a_reason.stderr.contains("--reason"), "{without_a_reason:?}");
}
