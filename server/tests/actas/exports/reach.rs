//! How far sinks reach says the operator of the process, not the organization's file.

use super::{
    lines,
    receiver::{Mood, Receiver},
    to_file, to_webhook,
};
use crate::{
    database::Kind,
    process::eventually,
    scene::{Scene, Site, changed, org},
};

/// In production; no identity provider is asked here.
fn production(receiver: &Receiver, exports: &str) -> (crate::process::Server, Site) {
    let site = Site::on(Kind::Sqlite);
    let ca = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
    site.write("ca.pem", &ca);
    site.configure("development = true\n", "");
    site.configure("http://127.0.0.1:8400", "https://as.example");
    site.configure(
        "[database]",
        &format!("{exports}\n[upstream]\nextra_ca = \"ca.pem\"\n\n[database]"),
    );
    site.apply(&to_webhook(&org(), &receiver.url));
    let server = site.serve();
    let stranger = crate::scene::exchange("token").basic("orchestrator", "wrong");
    server.send(&stranger).refused(401, "invalid_client", "");
    (server, site)
}

fn is_told(server: &crate::process::Server, what: &str) {
    server.logs("it says why", |line| {
        line["message"] == "the sink does not take audit events"
            && line["problem"].as_str().is_some_and(|problem| problem.contains(what))
    });
}

#[test]
fn a_sink_in_our_own_network_is_not_reached_unless_the_operator_says_so() {
    let receiver = Receiver::start(Mood::Takes);
    let (server, _site) = production(&receiver, "");
    is_told(&server, "only https may be asked");
    assert!(receiver.events(0).is_empty());
    let (_server, _site) = production(&receiver, "[exports]\nprivate_addresses = true\n");
    receiver.events(1);
}

#[test]
fn no_file_is_written_unless_the_operator_says_where() {
    let scene = Scene::declared(Kind::Sqlite, |_, org| to_file(&org));
    scene.send(&scene.happy()).token();
    is_told(&scene.server, "`exports.directory` is not set");
}

#[test]
fn an_export_that_cannot_be_made_stops_no_exchange() {
    let scene = Scene::declared(Kind::Sqlite, |_, org| to_file(&org));
    is_told(&scene.server, "`exports.directory`");
    scene.send(&scene.happy()).token();
}

/// A changed export goes on where the old one was; one that comes back begins anew.
#[test]
fn follows_what_is_declared() {
    let (one, other) = (Receiver::start(Mood::Takes), Receiver::start(Mood::Takes));
    let mut scene = Scene::declared(Kind::Sqlite, |site, org| {
        super::allow_files(site);
        to_webhook(&org, &one.url)
    });
    scene.send(&scene.happy()).token();
    one.events(1);
    scene.change(&one.url, &other.url);
    scene.send(&scene.happy()).token();
    let second = other.events(1);
    assert_eq!(second[0]["seq"], 2);
    let (without, with) =
        (changed(&scene.org, "\n[[exports]]", "\n# [[exports]]"), scene.org.clone());
    let without = without.split("\n# [[exports]]").next().unwrap().to_owned();
    let lines_of = |applied: &crate::scene::Applied| applied.changes.join("\n");
    assert_eq!(
        lines_of(&scene.site.apply(&without)),
        "- export siem (how far it was is forgotten, too)"
    );
    assert_eq!(lines_of(&scene.site.apply(&with)), "+ export siem (webhook)");
    assert_eq!(lines_of(&scene.site.apply(&with)), "");
    other.events(3);
    scene.site.apply(&to_file(&with));
    let file = scene.site.path("exported/acme/audit.jsonl");
    eventually("the file has everything there is", || (lines(&file).len() == 2).then_some(()));
}
