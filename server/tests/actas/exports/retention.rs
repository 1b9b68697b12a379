//! What is old is forgotten, but nothing that a sink has yet to get.

use super::{
    receiver::{Mood, Receiver},
    to_webhook,
};
use crate::{
    database::Kind,
    process::eventually,
    scene::{Scene, changed},
};

#[test]
fn an_old_event_is_kept_until_it_was_exported() {
    let receiver = Receiver::start(Mood::Fails);
    let mut scene = Scene::declared(Kind::Postgres, |_, org| {
        let org = changed(&org, "id = \"acme\"", "id = \"acme\"\naudit_retention_days = 1");
        to_webhook(&org, &receiver.url)
    });
    let ask = |scene: &Scene, sql: &str| scene.site.postgres.as_ref().unwrap().ask(sql);
    let old = "INSERT INTO events (org, id, record) SELECT 'acme', 'old-' || n, \
               json_build_object('id', 'old-' || n, 'org', 'acme', 'at', 1000 + n, \
               'outcome', 'refused', 'request_id', 'r')::text FROM generate_series(1, 300) n";
    ask(&scene, old);
    let kept = |scene: &Scene| ask(scene, "SELECT count(*) FROM trail");
    eventually("they are in the trail", || (kept(&scene) == "300").then_some(()));
    // It forgets when it starts, and every minute.
    scene.server.kill();
    scene.server = scene.site.serve();
    receiver.asked(2);
    assert_eq!(kept(&scene), "300");
    receiver.becomes(&[], Mood::Takes);
    receiver.events(300);
    eventually("the database knows that", || {
        (ask(&scene, "SELECT done FROM exports") == "300").then_some(())
    });
    scene.server.kill();
    scene.server = scene.site.serve();
    eventually("they are forgotten", || (kept(&scene) == "0").then_some(()));
    scene.send(&scene.happy()).token();
    let event = receiver.events(301).pop().unwrap();
    assert_eq!((&event["seq"], &event["record"]["outcome"]), (&301.into(), &"issued".into()));
}
