//! SIGTERM: finish what is under way, take nothing new, end well.

use std::{net::TcpStream, thread};

use crate::{
    database::Kind,
    process::eventually,
    scene::{Scene, Site},
};

fn ends_well_when_idle(kind: Kind) {
    let mut server = Site::on(kind).serve();
    server.terminate();
    assert_eq!(server.ended().code(), Some(0), "{}", server.log());
    assert!(server.log().contains("actas has stopped"), "{}", server.log());
}

fn finishes_the_exchange_that_is_under_way(kind: Kind) {
    let mut scene = Scene::configured(kind, |site| {
        site.configure("[keys]", "[upstream]\ndeadline_ms = 10000\n\n[keys]");
    });
    scene.provider.hold_introspection();
    let reply = thread::scope(|threads| {
        let under_way = threads.spawn(|| scene.send(&scene.happy()));
        scene.provider.is_being_asked();
        scene.server.terminate();
        eventually("it takes nothing new", || TcpStream::connect(scene.server.address).err());
        scene.provider.release_introspection();
        under_way.join().unwrap()
    });
    reply.token();
    assert_eq!(scene.server.ended().code(), Some(0), "{}", scene.server.log());
}

on_both_databases![ends_well_when_idle, finishes_the_exchange_that_is_under_way];

#[test]
fn what_it_said_stands_when_it_is_started_again() {
    let mut scene = Scene::on(Kind::Sqlite);
    let handed = scene.handed();
    scene.server.terminate();
    assert_eq!(scene.server.ended().code(), Some(0));
    scene.server = scene.site.serve();
    scene.send(&scene.next_hop(&handed)).token();
}

/// The exchange that was answered is recorded, however the process ends.
#[test]
fn what_it_said_stands_when_it_was_killed() {
    let mut scene = Scene::on(Kind::Sqlite);
    let handed = scene.handed();
    scene.server.kill();
    scene.server = scene.site.serve();
    scene.send(&scene.next_hop(&handed)).token();
}
