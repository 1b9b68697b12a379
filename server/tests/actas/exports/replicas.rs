//! Of several replicas, one exports.

use super::{
    is_whole,
    receiver::{Mood, Receiver},
    refusals, scene,
};
use crate::{
    database::Kind,
    process::{Server, eventually},
};

/// The receiver sees no batch twice, whoever seals and whoever sends.
#[test]
fn one_of_two_exports() {
    let receiver = Receiver::start(Mood::Takes);
    let scene = scene(Kind::Postgres, &receiver);
    let other = scene.site.serve();
    for _ in 0..5 {
        refusals(&scene, 80);
    }
    is_whole(&receiver.events(400));
    assert_eq!(receiver.most_often(), 1);
    let exported = |server: &Server| {
        let text = server.get("/metrics").text().to_owned();
        text.contains("actas_exported_events_total{export=\"siem\"")
    };
    // It counts what arrived a moment later.
    eventually("one of them has counted", || {
        (exported(&scene.server) || exported(&other)).then_some(())
    });
    assert_ne!(exported(&scene.server), exported(&other), "one of them, and not both");
}

/// When the one that exports dies, the other goes on where it was.
#[test]
fn the_other_takes_over() {
    let receiver = Receiver::start(Mood::Takes);
    let mut scene = scene(Kind::Postgres, &receiver);
    refusals(&scene, 40);
    is_whole(&receiver.events(40));
    let other = scene.site.serve();
    scene.server.kill();
    scene.server = other;
    refusals(&scene, 40);
    is_whole(&receiver.events(80));
}
