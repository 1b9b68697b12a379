//! `actas audit verify`: who changed something in the database is found out.

use std::fs;

use crate::{
    database::{Kind, Postgres},
    scene::{Scene, Site},
};

/// Five exchanges, all of them in their places, and no server any more.
fn written(kind: Kind) -> Scene {
    let mut scene = Scene::on(kind);
    for user in ["alice", "bob", "alice", "bob", "alice"] {
        scene.send(&scene.first_hop(&scene.provider.access_token(user))).token();
    }
    scene.server.terminate();
    assert_eq!(scene.server.ended().code(), Some(0));
    assert_eq!(scene.site.audited("acme").len(), 5);
    scene
}

#[track_caller]
fn whole(site: &Site) -> String {
    site.run(&["audit", "verify", "acme"]).succeeded()
}

/// What is wrong with the trail, a line each.
#[track_caller]
fn broken(site: &Site) -> Vec<String> {
    let told = site.run(&["audit", "verify", "acme"]).failed();
    let (first, rest) = told.split_once('\n').unwrap();
    assert_eq!(first, "error: the trail of acme is not what was written:");
    rest.lines().map(|line| line.trim_start_matches([' ', '-']).to_owned()).collect()
}

#[track_caller]
fn head(site: &Site) -> String {
    site.run(&["audit", "head", "acme"]).succeeded().trim().to_owned()
}

fn a_trail_that_nobody_touched_is_whole(kind: Kind) {
    let scene = written(kind);
    let head = head(&scene.site);
    assert!(head.starts_with("5:") && head.len() == 66, "{head}");
    let told = whole(&scene.site);
    let expected =
        format!("the trail of acme is whole: 5 links, up to 5\nnote it elsewhere: {head}\n");
    assert_eq!(told, expected);
    let json = scene.site.run(&["audit", "verify", "acme", "--json"]).succeeded();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["whole"], &json["links"]), (&true.into(), &5.into()));
    assert_eq!(json["head"].as_str(), Some(head.as_str()));
}

fn what_was_noted_must_still_be_there(kind: Kind) {
    let mut scene = written(kind);
    let noted = head(&scene.site);
    scene.server = scene.site.serve();
    scene.send(&scene.happy()).token();
    let verify = |head: &str| scene.site.run(&["audit", "verify", "acme", "--head", head]);
    assert!(verify(&noted).succeeded().contains("6 links"));
    let (digit, other) =
        if noted.ends_with('0') { ('0', '1') } else { (noted.chars().last().unwrap(), '0') };
    let changed = format!("{}{other}", noted.strip_suffix(digit).unwrap());
    let told = verify(&changed).failed();
    assert!(told.contains("link 5: it is not the one that was noted"), "{told}");
    let told = verify(&noted.replacen("5:", "17:", 1)).failed();
    assert!(told.contains("link 17: it was noted and is not there"), "{told}");
}

/// The database files and nothing else: whoever can write to them, without a statement of SQL.
#[test]
fn an_edited_byte_of_the_database_file_shows() {
    let scene = written(Kind::Sqlite);
    whole(&scene.site);
    let path = scene.site.path("actas.db");
    let mut bytes = fs::read(&path).unwrap();
    let (from, to) = (br#""subject":"bob""#, br#""subject":"eve""#);
    // Also where it waited for its place, which is free again: that does no harm.
    while let Some(at) = bytes.windows(from.len()).position(|window| window == from) {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    fs::write(&path, bytes).unwrap();
    let told = broken(&scene.site);
    assert!(told.iter().any(|line| line.contains("its record is not the one")), "{told:?}");
    let json = scene.site.run(&["audit", "verify", "acme", "--json"]);
    assert_eq!(json.code, Some(1));
    assert!(json.stdout.contains("\"whole\":false"), "{json:?}");
}

/// What is found after this statement was run on the happy trail.
#[track_caller]
fn found(sql: &str) -> Vec<String> {
    let scene = written(Kind::Postgres);
    whole(&scene.site);
    database(&scene).ask(sql);
    broken(&scene.site)
}

fn database(scene: &Scene) -> &Postgres {
    scene.site.postgres.as_ref().unwrap()
}

#[track_caller]
fn is(told: &[String], expected: &[&str]) {
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "`{expected}` is not said by `{told}`");
    }
}

#[test]
fn an_edited_record_shows() {
    let told = found("UPDATE trail SET record = replace(record, 'bob', 'eve') WHERE seq = 2");
    is(&told, &["link 2: its record is not the one", "link 2: what it is found by"]);
}

#[test]
fn a_deleted_record_shows() {
    is(&found("DELETE FROM trail WHERE seq = 3"), &["link 3: it is missing", "delegation "]);
}

#[test]
fn records_cut_off_show() {
    let told = found("DELETE FROM trail WHERE seq > 3");
    is(&told, &["links 4 to 5: they are missing", "delegation ", "delegation "]);
}

#[test]
fn records_cut_off_with_the_end_moved_show() {
    let told = found(
        "DELETE FROM trail WHERE seq > 3; \
         UPDATE trail_ends SET seq = 3, hash = (SELECT hash FROM trail WHERE seq = 3)",
    );
    is(&told, &["link 3: it is the newest, and not the one", "delegation ", "delegation "]);
}

#[test]
fn an_edited_index_shows() {
    let told = found("UPDATE trail SET subject = 'eve' WHERE seq = 4");
    is(&told, &["link 4: what it is found by is not what its record says"]);
}

/// Also without a trail something tells that there was one.
#[test]
fn a_trail_that_was_taken_away_as_a_whole_shows() {
    let told = found("DELETE FROM trail; DELETE FROM trail_ends");
    assert_eq!(told.len(), 5, "{told:?}");
    assert!(told.iter().all(|line| line.contains("no event tells of it")), "{told:?}");
}

/// Before it is chained an event can be taken away and no chain shows it. What it told of does.
#[test]
fn an_event_that_was_taken_away_before_it_was_chained_shows() {
    let id = "01a20000-0000-7000-8000-000000000000";
    let told = found(&format!(
        "INSERT INTO delegations SELECT (jsonb_populate_record(d, '{{\"id\": \"{id}\"}}')).* \
         FROM delegations d LIMIT 1"
    ));
    is(&told, &[&format!("delegation {id}: it was issued, and no event tells of it")]);
}

/// Nothing is ever chained to a forgery: the server goes on, and events wait until somebody looked.
#[test]
fn nothing_is_chained_to_a_forgery() {
    let mut scene = written(Kind::Postgres);
    database(&scene).ask("UPDATE trail_ends SET hash = sha256('forged')");
    scene.server = scene.site.serve();
    scene.send(&scene.happy()).token();
    let told = broken(&scene.site);
    assert!(told[0].starts_with("link 5: it is the newest, and not the one"), "{told:?}");
    let query = scene.site.run(&["audit", "query", "acme", "--json"]);
    assert_eq!((query.code, query.stdout.lines().count()), (Some(0), 5));
    assert!(query.stderr.starts_with("warning: the newest events may be missing"), "{query:?}");
    assert_eq!(scene.records().len(), 6);
}

on_both_databases![a_trail_that_nobody_touched_is_whole, what_was_noted_must_still_be_there];
