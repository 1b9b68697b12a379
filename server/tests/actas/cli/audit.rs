//! `actas audit`: what happened, asked and followed by a person.

use std::{
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
    thread,
};

use serde_json::Value;

use crate::{
    database::Kind,
    process::{Finished, actas, eventually},
    scene::{DOCUMENTS, Scene, Site, told},
};

/// The records that a query finds, as they are printed.
#[track_caller]
fn found(scene: &Scene, arguments: &[&str]) -> Vec<Value> {
    let query = [&["audit", "query", "acme", "--json"], arguments].concat();
    let lines = scene.site.run(&query).succeeded();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What somebody who asks later wants to know.
const STORY: [&str; 6] = ["outcome", "subject", "client", "target", "scope_granted", "reason"];

/// Alice's token goes from hand to hand, the researcher asks for too much, bob's is used once.
fn story(scene: &Scene) -> String {
    let handed = scene.handed();
    scene.send(&scene.next_hop(&handed).with("scope", "documents:read")).token();
    let refused = scene.next_hop(&handed).with("scope", "documents:write");
    scene.send(&refused).refused(400, "invalid_scope", "scope");
    scene.send(&scene.first_hop(&scene.provider.access_token("bob"))).token();
    handed
}

fn tells_who_authorised_which_agent_to_do_what(kind: Kind) {
    let scene = Scene::on(kind);
    story(&scene);
    let records = found(&scene, &["--oldest"]);
    let expected = [
        "issued|alice|orchestrator|researcher|documents:read documents:write|",
        "issued|alice|researcher|https://documents.example|documents:read|",
        "refused|alice|researcher|https://documents.example||scope",
        "issued|bob|orchestrator|https://documents.example|documents:read|",
    ];
    let actual = told(&records, &STORY);
    assert_eq!(actual[1..], expected[1..]);
    assert!(actual[0].starts_with("issued|alice|orchestrator|researcher|documents:read"));
    let chain = &records[1]["chain"];
    assert_eq!(
        (&chain[0]["sub"], &chain[1]["sub"]),
        (&"agent:researcher".into(), &"agent:orchestrator".into())
    );
    assert_eq!(records[2]["scope_requested"], "documents:write");
    assert_eq!(records[1]["root"], records[0]["delegation"]);
}

fn finds_by_whatever_is_known(kind: Kind) {
    let scene = Scene::on(kind);
    story(&scene);
    let all = found(&scene, &["--oldest"]);
    let text = |at: usize, member: &str| all[at][member].as_str().unwrap().to_owned();
    let picked = |of: &[usize]| of.iter().map(|at| all[*at].clone()).collect::<Vec<_>>();
    let (chain, leaf, action) = (text(0, "delegation"), text(1, "delegation"), text(2, "id"));
    for (arguments, expected) in [
        (vec!["--user", "bob"], vec![3]),
        (vec!["--agent", "researcher"], vec![1, 2]),
        (vec!["--outcome", "refused"], vec![2]),
        (vec!["--agent", "researcher", "--outcome", "issued"], vec![1]),
        (vec!["--chain", &chain], vec![0, 1, 2]),
        (vec!["--chain", &leaf], vec![0, 1, 2]),
        (vec!["--action", &action], vec![2]),
        (vec!["--since", "1h"], vec![0, 1, 2, 3]),
        (vec!["--until", "1h"], vec![]),
        (vec!["--since", "2020-01-01T00:00:00Z", "--until", "2020-01-02T00:00:00Z"], vec![]),
        (vec!["--user", "nobody"], vec![]),
    ] {
        let arguments = [arguments.as_slice(), &["--oldest"]].concat();
        assert_eq!(found(&scene, &arguments), picked(&expected), "{arguments:?}");
    }
    let newest = found(&scene, &[]);
    assert_eq!(newest, picked(&[3, 2, 1, 0]));
}

fn goes_on_where_it_ended(kind: Kind) {
    let scene = Scene::on(kind);
    story(&scene);
    let all = found(&scene, &["--oldest"]);
    for order in ["--oldest", "--newest"] {
        let mut expected = all.clone();
        if order == "--newest" {
            expected.reverse();
        }
        let first = scene.site.run(&["audit", "query", "acme", "--json", "--limit", "3", order]);
        let (_, after) = first.stderr.trim().rsplit_once(' ').unwrap();
        assert!(first.stderr.starts_with("there is more: go on with --after "), "{first:?}");
        let first: Vec<Value> =
            first.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(first, expected[..3]);
        assert_eq!(found(&scene, &[order, "--after", after]), expected[3..]);
    }
}

/// Nothing that was answered is missing, also when nobody was there to chain it.
fn finds_what_happened_just_before_the_server_was_killed(kind: Kind) {
    let mut scene = Scene::on(kind);
    let id = scene.send(&scene.happy()).claims()["jti"].clone();
    scene.server.kill();
    assert_eq!(found(&scene, &[])[0]["delegation"], id);
}

fn follows_what_happens(kind: Kind) {
    let scene = Scene::on(kind);
    scene.send(&scene.first_hop(&scene.provider.access_token("bob"))).token();
    let mut all = Following::start(&scene.site, &["--from", "1", "--json"]);
    assert_eq!(all.record()["subject"], "bob");
    let mut refused = Following::start(&scene.site, &["--from", "1", "--outcome", "refused"]);
    scene.send(&scene.happy()).token();
    scene.send(&scene.happy().with("scope", "none")).refusal();
    assert_eq!(all.record()["subject"], "alice");
    assert_eq!(all.record()["outcome"], "refused");
    let line = refused.line();
    assert!(line.contains("  refused      orchestrator  for alice  at https://"), "{line}");
    all.interrupt();
    refused.interrupt();
}

on_both_databases![
    tells_who_authorised_which_agent_to_do_what,
    finds_by_whatever_is_known,
    goes_on_where_it_ended,
    finds_what_happened_just_before_the_server_was_killed,
    follows_what_happens,
];

/// `actas audit tail`, killed when it goes out of scope.
struct Following {
    child: Child,
    /// None when nobody reads any more.
    lines: Option<Lines<BufReader<ChildStdout>>>,
}

impl Following {
    fn start(site: &Site, arguments: &[&str]) -> Self {
        let config = site.path("actas.toml");
        let all = [&["audit", "tail", "acme", "--config", config.to_str().unwrap()], arguments];
        let mut child = actas(all.concat()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines: Some(lines) }
    }

    fn line(&mut self) -> String {
        self.lines.as_mut().unwrap().next().expect("it has ended").unwrap()
    }

    fn record(&mut self) -> Value {
        serde_json::from_str(&self.line()).unwrap()
    }

    /// Sends SIGINT; it ends, and has nothing to complain about.
    fn interrupt(mut self) {
        let kill = format!("kill -INT {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        // An error means that it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What was there before is not what comes next.
#[test]
fn follows_from_now_on_unless_told_otherwise() {
    let scene = Scene::on(Kind::Sqlite);
    scene.send(&scene.first_hop(&scene.provider.access_token("bob"))).token();
    let mut following = Following::start(&scene.site, &["--json"]);
    let record = thread::scope(|threads| {
        let first = threads.spawn(|| following.record());
        // Nobody knows when it begins to follow: something happens until it was seen.
        eventually("it has followed", || {
            scene.send(&scene.happy()).token();
            first.is_finished().then_some(())
        });
        first.join().unwrap()
    });
    assert_eq!(record["subject"], "alice");
}

#[test]
fn ends_when_nobody_reads_any_more() {
    let scene = Scene::on(Kind::Sqlite);
    let mut following = Following::start(&scene.site, &["--from", "1"]);
    scene.send(&scene.happy()).token();
    following.line();
    drop(following.lines.take());
    thread::scope(|threads| {
        let ended = threads.spawn(|| following.child.wait().unwrap().code());
        // It finds out when it has something to say.
        eventually("it ends", || {
            scene.send(&scene.happy()).token();
            ended.is_finished().then_some(())
        });
        assert_eq!(ended.join().unwrap(), Some(0));
    });
}

#[test]
fn a_person_reads_one_line_for_each_event() {
    let scene = Scene::on(Kind::Sqlite);
    story(&scene);
    let lines = scene.site.run(&["audit", "query", "acme", "--oldest"]).succeeded();
    let lines: Vec<_> = lines.lines().collect();
    assert_eq!(lines.len(), 4);
    let hop = format!(
        "Z  issued       researcher via orchestrator  for alice  at {DOCUMENTS}  \
         [documents:read]  #2 "
    );
    assert!(lines[1].contains(&hop), "{}", lines[1]);
    let refused = "  at https://documents.example  asked for [documents:write]  scope";
    assert!(lines[2].contains(refused), "{}", lines[2]);
}

/// What strangers send, and colleagues write, is shown and does nothing.
#[test]
fn nobody_does_anything_to_the_terminal() {
    let scene = Scene::on(Kind::Sqlite);
    let backwards = scene.happy().without("resource").with("audience", "x\u{202e}y");
    scene.send(&backwards).refused(400, "invalid_target", "target");
    let clears = ["revoke", "agent", "acme", "researcher", "--reason", "\u{1b}[2J\n"];
    scene.site.run(&clears).succeeded();
    let lines = scene.site.run(&["audit", "query", "acme"]).succeeded();
    assert_eq!(lines.lines().count(), 2, "{lines}");
    assert!(!lines.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{lines:?}");
    assert!(lines.contains("x\\u{202e}y") && lines.contains("\\u{1b}[2J\\u{a}"), "{lines}");
}

#[test]
fn tells_what_it_does_not_know() {
    let site = Site::on(Kind::Sqlite);
    site.apply(&crate::scene::org());
    for command in ["query", "tail", "verify", "head"] {
        let told = site.run(&["audit", command, "nobody"]).failed();
        assert_eq!(told, "error: there is no organization `nobody`; there is: acme\n");
    }
    for (arguments, expected) in [
        (["query", "acme", "--since", "yesterday"], "2027-01-31T09:00:00Z"),
        (["query", "acme", "--outcome", "lost"], "issued, refused"),
        (["query", "acme", "--chain", "17"], "--chain"),
        (["query", "acme", "--limit", "0"], "--limit"),
        (["tail", "acme", "--from", "0"], "--from"),
        (["verify", "acme", "--head", "17"], "64 hexadecimal digits"),
    ] {
        let Finished { code, stderr, .. } = site.run(&[&["audit"], &arguments[..]].concat());
        assert_eq!(code, Some(2), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
    let both = site.run(&["audit", "query", "acme", "--oldest", "--newest"]);
    assert_eq!(both.code, Some(2));
    assert_eq!(site.run(&["audit", "query", "acme"]).succeeded(), "");
}
