//! A sink that is away, dies, loses answers or refuses; and a server that is killed.

use super::{
    in_file, is_whole,
    receiver::{Mood, Receiver},
    refusals, scene,
};
use crate::{database::Kind, process::eventually};

const MANY: usize = 2000;

/// What a sink missed comes when it is back, in order, each event once for whoever remembers ids;
/// and neither an exchange nor another sink has waited for it.
fn a_sink_that_was_away_misses_nothing(kind: Kind) {
    let receiver = Receiver::start(Mood::DiesInTheMiddle);
    let scene = scene(kind, &receiver);
    refusals(&scene, MANY);
    scene.send(&scene.happy()).token();
    let events = MANY + 1;
    is_whole(&in_file(&scene.site, events));
    receiver.asked(1);
    assert!(receiver.events(0).is_empty());
    // One success, or it would wait longer and longer between these.
    let badly = [
        Mood::Takes,
        Mood::LosesTheAnswer,
        Mood::Fails,
        Mood::LosesTheAnswer,
        Mood::DiesInTheMiddle,
    ];
    receiver.becomes(&badly, Mood::Takes);
    let arrived = receiver.events(events);
    is_whole(&arrived);
    assert!(2 <= receiver.most_often(), "a batch whose answer was lost comes again");
    assert_eq!(arrived.last().unwrap()["record"]["outcome"], "issued");
    assert_eq!(arrived, in_file(&scene.site, events));
}

/// The batch that was on its way when the server was killed comes again as it was.
fn a_server_that_is_killed_while_it_exports_leaves_each_event_once(kind: Kind) {
    let receiver = Receiver::start(Mood::Hangs);
    let mut scene = scene(kind, &receiver);
    refusals(&scene, 400);
    receiver.asked(1);
    refusals(&scene, 400);
    scene.server.kill();
    receiver.release();
    receiver.becomes(&[], Mood::Takes);
    scene.server = scene.site.serve();
    refusals(&scene, 80);
    is_whole(&receiver.events(880));
    is_whole(&in_file(&scene.site, 880));
    assert!(2 <= receiver.most_often(), "it is known which batch may have arrived");
}

/// Nothing is left out, and whoever looks after it can see where it stands and why.
fn an_event_that_is_refused_stops_its_export_and_no_other(kind: Kind) {
    let receiver = Receiver::start(Mood::Refuses(7));
    let scene = scene(kind, &receiver);
    refusals(&scene, 40);
    is_whole(&in_file(&scene.site, 40));
    is_whole(&receiver.events(6));
    let told = scene.server.logs("it says which event", |line| {
        line["message"] == "the sink does not take audit events"
            && line["export"] == "siem"
            && line["problem"].as_str().is_some_and(|problem| problem.starts_with("event 7: "))
    });
    assert!(told["problem"].as_str().unwrap().contains("status 400"), "{told}");
    eventually("the metrics say so", || {
        let text = scene.server.get("/metrics").text().to_owned();
        let lag = |export: &str, events: u32| {
            format!("actas_export_lag_events{{export=\"{export}\",org=\"acme\"}} {events}")
        };
        let failing = text
            .lines()
            .find(|line| line.starts_with("actas_export_failing_seconds{export=\"siem\""));
        let failing = failing.is_some_and(|line| !line.ends_with(" 0"));
        (text.contains(&lag("siem", 34)) && text.contains(&lag("archive", 0)) && failing)
            .then_some(())
    });
    receiver.becomes(&[], Mood::Takes);
    is_whole(&receiver.events(40));
}

on_both_databases!(
    a_sink_that_was_away_misses_nothing,
    a_server_that_is_killed_while_it_exports_leaves_each_event_once,
    an_event_that_is_refused_stops_its_export_and_no_other,
);
