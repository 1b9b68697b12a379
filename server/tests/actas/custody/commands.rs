//! `actas keys`, as a person uses it.

use super::{keys, published, states, the};
use crate::{
    database::Kind,
    overseen::part,
    process::eventually,
    scene::{Scene, Site, org, told},
};

on_both_databases!(
    shows_where_each_key_stands,
    rotates_at_once_when_told_to,
    stolen_keys_are_of_no_use_at_once,
);

fn shows_where_each_key_stands(kind: Kind) {
    let scene = Scene::on(kind);
    let printed = scene.site.run(&["keys", "list", "acme"]).succeeded();
    let kid = &published(&scene.server)[0];
    assert!(printed.starts_with(&format!("{kid}  ES256  active       signs from 20")), "{printed}");
    assert!(printed.lines().any(|line| line.starts_with("next change: 20")), "{printed}");
    let rotated = scene.site.run(&["keys", "rotate", "acme"]).succeeded();
    assert!(rotated.contains(" is published, and signs in 360 s\n"), "{rotated}");
    assert!(rotated.contains(&format!("key {kid} retires in 360 s\n")), "{rotated}");
    let again = scene.site.run(&["keys", "rotate", "acme"]).succeeded();
    assert!(again.starts_with("nothing to do: the next key is published already"), "{again}");
}

fn rotates_at_once_when_told_to(kind: Kind) {
    let scene = Scene::on(kind);
    let handed = scene.handed();
    let old = published(&scene.server)[0].clone();
    let new = the(&keys(&scene.site, &["rotate", "--now"]), "active");
    let token = scene.send(&scene.happy()).token();
    assert_eq!(part(&token, 0)["kid"], new.as_str());
    eventually("both are published", || {
        let published = published(&scene.server);
        (published.contains(&old) && published.contains(&new)).then_some(())
    });
    // What the old one signed is as good as before.
    scene.send(&scene.next_hop(&handed)).token();
}

fn stolen_keys_are_of_no_use_at_once(kind: Kind) {
    let scene = Scene::on(kind);
    let handed = scene.handed();
    let rotate = ["rotate", "--now", "--compromised", "--reason", "ticket 4711"];
    let shown = keys(&scene.site, &rotate);
    // The very next exchange, on a server that may have slept.
    scene.send(&scene.next_hop(&handed)).refused(400, "invalid_request", "subject_token");
    let new = the(&shown, "active");
    assert_eq!(part(&scene.handed(), 0)["kid"], new.as_str());
    assert_eq!(published(&scene.server), [new]);
    scene.send(&scene.next_hop(&scene.handed())).token();
    let events = told(&scene.records(), &["outcome", "operator", "detail"]);
    let event = events.iter().find(|event| event.starts_with("rotated|")).unwrap();
    assert!(event.starts_with("rotated|cli:") && event.ends_with(" (ticket 4711)"), "{event}");
    assert!(
        event.contains(" is compromised: it is neither published nor used any more"),
        "{event}"
    );
}

#[test]
fn an_organization_nobody_has_served_has_no_key_yet() {
    let site = Site::on(Kind::Sqlite);
    site.apply(&org());
    let printed = site.run(&["keys", "list", "acme"]).succeeded();
    assert!(printed.starts_with("acme has no signing key yet"), "{printed}");
    assert_eq!(states(&keys(&site, &["list"])).len(), 0);
}

#[test]
fn an_organization_that_is_not_there_has_no_keys() {
    let site = Site::on(Kind::Sqlite);
    site.apply(&org());
    for command in ["list", "rotate"] {
        let told = site.run(&["keys", command, "acne"]).failed();
        assert!(told.contains("there is no organization `acne`; there is: acme"), "{told}");
    }
}

/// Verifiers would not read so many, and some would fail.
#[test]
fn so_many_keys_are_not_published() {
    let scene = Scene::on(Kind::Sqlite);
    let refused = (0..20).find_map(|_| {
        let done = scene.site.run(&["keys", "rotate", "acme", "--now"]);
        (done.code != Some(0)).then(|| done.failed())
    });
    assert!(refused.unwrap().contains("16 keys are still published"));
    scene.send(&scene.happy()).token();
    keys(&scene.site, &["rotate", "--compromised"]);
    scene.send(&scene.happy()).token();
    assert_eq!(published(&scene.server).len(), 1);
}
