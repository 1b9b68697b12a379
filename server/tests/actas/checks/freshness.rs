//! Whose answer counts, and for how long.

use std::{net::TcpStream, sync::Barrier, thread};

use super::told;
use crate::{
    database::Kind,
    http::{Reply, Request},
    scene::{Scene, connected},
    signals::{Chain, Listening, with_reader},
};

const BOUNDED: &str = "freshness = \"bounded\"\nmax_age = 30";

fn bounded(kind: Kind) -> Scene {
    Scene::declared(kind, |_, org| connected(&with_reader(&org), BOUNDED))
}

/// At every hop: they are all asked about by the token the chain began with.
fn bounded_asks_once_within_its_bound(kind: Kind) {
    let scene = bounded(kind);
    let chain = Chain::of(&scene);
    assert_eq!(scene.provider.questions(), 1);
    chain.goes_on(&scene);
    assert_eq!(scene.provider.questions(), 1);
    scene.send(&scene.happy()).token();
    assert_eq!(scene.provider.questions(), 2, "another token is another question");
}

fn strict_asks_every_time(kind: Kind) {
    let scene =
        Scene::declared(kind, |_, org| connected(&with_reader(&org), "freshness = \"strict\""));
    let chain = Chain::of(&scene);
    let asked = scene.provider.questions();
    chain.goes_on(&scene);
    chain.goes_on(&scene);
    assert_eq!(scene.provider.questions(), asked + 4);
}

/// Forty subagents of one user at once: who arrives while a check is under way shares the next one.
fn forty_subagents_cost_a_handful_of_questions(kind: Kind) {
    const SUBAGENTS: usize = 40;
    let scene = Scene::configured(kind, |site| {
        site.configure("[keys]", "[upstream]\ndeadline_ms = 10000\n\n[keys]");
    });
    let exchange = scene.next_hop(&scene.handed());
    let stranger = exchange.clone().basic("researcher", "wrong");
    // Once before, so that every connection to the database is there.
    at_once(SUBAGENTS, &scene, &exchange, || {});
    let asked = scene.provider.questions();
    scene.provider.hold_introspection();
    at_once(SUBAGENTS, &scene, &exchange, || {
        scene.provider.is_being_asked();
        // They wait for the same connections to the database, behind all that were sent before.
        for _ in 0..SUBAGENTS {
            scene.send(&stranger).refused(401, "invalid_client", "");
        }
        scene.provider.release_introspection();
    });
    let asked = scene.provider.questions() - asked;
    assert!((1..=3).contains(&asked), "{asked} questions");
    let metrics = scene.server.get("/metrics").text().to_owned();
    assert!(metrics.contains("shared=\"yes\"} "), "{metrics}");
}

/// So many of the same exchange, all of which were sent before `meanwhile`; all succeed.
fn at_once(number: usize, scene: &Scene, exchange: &Request, meanwhile: impl FnOnce()) {
    let sent = Barrier::new(number + 1);
    thread::scope(|threads| {
        for _ in 0..number {
            threads.spawn(|| {
                let mut stream = TcpStream::connect(scene.server.address).unwrap();
                exchange.write_to(&mut stream).unwrap();
                sent.wait();
                Reply::read_from(&mut stream).unwrap().token();
            });
        }
        sent.wait();
        meanwhile();
    });
}

on_both_databases![
    bounded_asks_once_within_its_bound,
    strict_asks_every_time,
    forty_subagents_cost_a_handful_of_questions,
];

#[test]
fn the_audit_trail_says_whose_answer_it_was_and_how_old() {
    let scene = bounded(Kind::Postgres);
    let exchange = scene.happy();
    for shared in [false, true] {
        scene.send(&exchange).token();
        let [check] = told(&scene).try_into().unwrap();
        assert_eq!((&check["mode"], &check["shared"]), (&"bounded".into(), &shared.into()));
        assert_eq!((&check["kind"], &check["answer"]), (&"introspection".into(), &"good".into()));
        let (age, took) = (check["age_ms"].as_i64().unwrap(), check["took_us"].as_i64().unwrap());
        assert!((0..30_000).contains(&age) && 0 < took, "{check}");
    }
}

/// Bounded only while whoever would bring bad news is known to be listened to.
#[test]
fn a_stream_that_is_silent_tightens_bounded_to_strict() {
    let listening = Listening::with(Kind::Postgres, BOUNDED);
    let scene = &listening.scene;
    let exchange = scene.happy();
    let asks = || {
        let before = scene.provider.questions();
        scene.send(&exchange).token();
        scene.provider.questions() - before
    };
    let mode = || told(scene)[0]["mode"].as_str().unwrap().to_owned();
    assert_eq!([asks(), asks()], [1, 1], "nobody has ever heard of it");
    assert_eq!(mode(), "strict");
    listening.was_heard_of(0);
    asks();
    assert_eq!([asks(), asks()], [0, 0], "it was heard of just now");
    assert_eq!(mode(), "bounded");
    listening.was_heard_of(301);
    assert_eq!([asks(), asks()], [1, 1], "it was not for more than five minutes");
}
