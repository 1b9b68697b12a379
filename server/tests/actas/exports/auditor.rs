//! Whoever has only the exported file can check it, by what the documentation says.

use std::{
    fs,
    process::{Command, Output},
};

use super::{in_file, scene};
use crate::{
    database::Kind,
    exports::receiver::{Mood, Receiver},
    http::Request,
};

const DOCUMENTATION: &str = include_str!("../../../exports.md");

/// The program of the documentation.
fn program() -> &'static str {
    let (_, rest) = DOCUMENTATION.split_once("```python\n").unwrap();
    rest.split_once("```").unwrap().0
}

fn check(site: &crate::scene::Site) -> Output {
    site.write("check.py", program());
    let mut python = Command::new("python3");
    python.arg(site.path("check.py")).arg(site.path("exported/acme/audit.jsonl"));
    python.output().expect("python3 must be in PATH")
}

#[test]
fn the_documented_program_checks_the_chain() {
    let receiver = Receiver::start(Mood::Takes);
    let scene = scene(Kind::Sqlite, &receiver);
    scene.send(&scene.happy()).token();
    let strange =
        Request::post(crate::scene::TOKEN, &[("grant_type", "ä\u{1f600}\"\\\u{0}\u{7f}")]);
    scene.send(&strange.basic("b\"ö\\", "wrong")).refusal();
    scene.send(&scene.happy()).token();
    in_file(&scene.site, 3);
    let good = check(&scene.site);
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    assert!(String::from_utf8_lossy(&good.stdout).starts_with("3 events, whole"));
    let file = scene.site.path("exported/acme/audit.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<_> = text.lines().collect();
    for bad in [
        text.replace("\"alice\"", "\"mallory\""),
        format!("{}\n{}\n", lines[0], lines[2]),
        format!("{}\n{}\n{}\n", lines[1], lines[0], lines[2]),
    ] {
        assert_ne!(bad, text);
        fs::write(&file, bad).unwrap();
        assert!(!check(&scene.site).status.success());
    }
}
