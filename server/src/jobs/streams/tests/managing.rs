//! Making a stream, keeping it, and knowing whether it lives.

use delegation::ports::StreamStatus;
use policy::Timestamp;
use serde_json::json;
use testkit::transmitter::{ManagementFault, MetadataFault};
use uuid::Uuid;

use super::{
    super::turn::Change,
    scene::{ENDPOINT, Scene},
};

#[actix_web::test]
async fn a_stream_is_made_verified_and_heard_of() {
    let mut scene = Scene::pushed();
    assert_eq!(scene.turn().await, None);
    let expected = ["GET /stream", "POST /stream", "GET /status", "POST /verification"];
    assert_eq!(scene.calls(), expected);
    let known = scene.known();
    let described = known.described.unwrap();
    assert_eq!(described.audience, [format!("receiver/{}", described.id)]);
    assert_eq!(known.challenge.map(|(state, _)| state), scene.fake.seen().state);
    assert_eq!(known.heard_at, None);
    let stream = scene.fake.streams().remove(0);
    assert_eq!(stream["delivery"]["endpoint_url"], ENDPOINT);

    scene.hear().await;
    assert_eq!(scene.known().heard_at, Some(scene.now()));
}

#[actix_web::test]
async fn a_turn_without_anything_due_asks_and_writes_nothing() {
    let mut scene = Scene::pushed();
    scene.turn().await;
    let (calls, writes) = (scene.calls().len(), scene.streams.lock().writes);
    for _ in 0..4 {
        scene.pass(1);
        assert_eq!(scene.turn().await, None);
    }
    assert_eq!((scene.calls().len(), scene.streams.lock().writes), (calls, writes));
}

#[actix_web::test]
async fn a_stream_is_verified_again_and_again() {
    let mut scene = Scene::declared(&json!({ "max_silence": 60 }));
    for _ in 0..120 {
        scene.turn().await;
        scene.hear().await;
        let heard_at = scene.known().heard_at.unwrap();
        assert!(scene.now() < Timestamp(heard_at.0 + 20), "silent at {:?}", scene.now());
        scene.pass(1);
    }
    let verifications = scene.calls().iter().filter(|call| call.contains("verification")).count();
    assert_eq!(verifications, 6);
}

#[actix_web::test]
async fn a_stream_whose_answers_get_lost_is_not_heard_of() {
    let mut scene = Scene::declared(&json!({ "max_silence": 60 }));
    scene.misbehave(|faults| faults.management = ManagementFault::Silent);
    for _ in 0..120 {
        scene.turn().await;
        scene.hear().await;
        scene.pass(1);
    }
    assert_eq!(scene.known().heard_at, None);
    // Each answer is waited for.
    let verifications = scene.calls().iter().filter(|call| call.contains("verification")).count();
    assert_eq!(verifications, 2);
}

/// What a transmitter pushes may be lost on the way, so that nothing but an event that came shows
/// that it does not.
#[actix_web::test]
async fn a_pushed_stream_that_cannot_be_verified_is_not_heard_of() {
    let mut scene = Scene::pushed();
    scene.misbehave(|faults| faults.metadata = MetadataFault::NoVerification);
    for _ in 0..10 {
        scene.turn().await;
        scene.pass(60);
    }
    assert_eq!(scene.known().heard_at, None);
    assert_eq!(scene.known().error, None);
}

#[actix_web::test]
async fn one_replica_cares_and_another_takes_over() {
    let mut scene = Scene::pushed();
    scene.turn().await;
    let calls = scene.calls();
    let first = std::mem::take(&mut scene.memory);
    let other = std::mem::replace(&mut scene.holder, Uuid::from_u128(2));
    for _ in 0..14 {
        scene.turn().await;
        scene.pass(1);
    }
    assert_eq!(scene.calls(), calls, "the lease is somebody else's");

    scene.pass(5);
    scene.turn().await;
    // It is found there, and told what cannot be read back. The verification is not due.
    let expected = ["GET /stream", "PATCH /stream", "GET /status"];
    let made = scene.calls().split_off(calls.len());
    assert!(made.iter().all(|call| expected.contains(&call.as_str())), "{made:?}");
    assert_eq!(scene.fake.streams().len(), 1);

    (scene.memory, scene.holder) = (first, other);
    let calls = scene.calls();
    scene.turn().await;
    assert_eq!(scene.calls(), calls, "the lease is the other's now");
}

#[actix_web::test]
async fn a_paused_stream_is_noticed_and_asked_to_go_on() {
    let mut scene = Scene::pushed();
    scene.turn().await;
    let id = scene.known().described.unwrap().id;
    assert!(scene.fake.set_status(&id, "paused", scene.now().0).unwrap());
    scene.pass(60);
    assert_eq!(scene.turn().await, None);
    assert_eq!(scene.known().status, StreamStatus::Enabled, "it goes on at once");
    assert!(scene.calls().contains(&"POST /status".to_owned()));

    // Once is enough: an administrator may have meant it.
    assert!(scene.fake.set_status(&id, "disabled", scene.now().0).unwrap());
    scene.pass(60);
    let ill = Change::Ill("its transmitter says that it is disabled".to_owned());
    assert_eq!(scene.turn().await, Some(ill));
    assert_eq!(scene.known().status, StreamStatus::Disabled);
    for _ in 0..3 {
        scene.pass(60);
        assert_eq!(scene.turn().await, None);
    }
    assert_eq!(scene.calls().iter().filter(|call| *call == "POST /status").count(), 1);
    scene.pass(60);
    assert_eq!(scene.turn().await, Some(Change::Well));
    assert_eq!((scene.known().status, scene.known().error), (StreamStatus::Enabled, None));
}

#[actix_web::test]
async fn a_stream_that_is_gone_is_made_anew() {
    let mut scene = Scene::pushed();
    scene.turn().await;
    let first = scene.known().described.unwrap().id;
    scene.transmitter.delete(&first).await.unwrap();
    scene.pass(60);
    assert_eq!(scene.turn().await, None);
    let second = scene.known().described.unwrap().id;
    assert_ne!(first, second);
    assert_eq!(scene.fake.streams().remove(0)["stream_id"], second);
}

#[actix_web::test]
async fn a_change_that_takes_time_is_looked_after() {
    let mut scene = Scene::pushed();
    scene.turn().await;
    scene.redeclare(&json!({ "authorization": "Bearer other" }));
    scene.misbehave(|faults| faults.management = ManagementFault::Accepts);
    let patches =
        |scene: &Scene| scene.calls().iter().filter(|call| call.contains("PATCH")).count();
    assert_eq!((scene.turn().await, patches(&scene)), (None, 1));
    scene.misbehave(|_| ());
    scene.pass(29);
    scene.turn().await;
    assert_eq!(patches(&scene), 1);
    scene.pass(1);
    scene.turn().await;
    assert_eq!(patches(&scene), 2);
    scene.pass(30);
    scene.turn().await;
    assert_eq!(patches(&scene), 2, "it has settled");
}

#[actix_web::test]
async fn what_is_declared_anew_is_told_at_once() {
    let mut scene = Scene::pushed();
    scene.turn().await;
    scene.redeclare(&json!({ "events": ["https://events.example/a"] }));
    scene.turn().await;
    let stream = scene.fake.streams().remove(0);
    assert_eq!(stream["events_requested"], json!(["https://events.example/a"]));
}

#[actix_web::test]
async fn troubles_are_told_once_and_cost_little() {
    for (fault, expected) in [
        (ManagementFault::Error500, "status 500"),
        (ManagementFault::Forbidden, "does not let us ask this"),
        (ManagementFault::Throttled, "slow down"),
        (ManagementFault::Garbage, "not the JSON"),
        (ManagementFault::Down, "status 502"),
    ] {
        let mut scene = Scene::pushed();
        scene.misbehave(|faults| faults.management = fault);
        let Some(Change::Ill(problem)) = scene.turn().await else { panic!("{fault:?} is ill") };
        assert!(problem.contains(expected), "{problem}");
        assert_eq!(scene.known().error, Some(problem));
        for _ in 0..120 {
            scene.pass(1);
            assert_eq!(scene.turn().await, None, "{fault:?}");
        }
        let calls = scene.calls().len();
        assert!(calls <= 9, "{fault:?}: {calls} calls in two minutes");

        scene.misbehave(|_| ());
        scene.pass(60);
        // By a clock of its own, which no test waits for, a throttled one is left alone.
        if fault != ManagementFault::Throttled {
            assert_eq!(scene.turn().await, Some(Change::Well), "{fault:?}");
            assert_eq!(scene.known().error, None);
        }
    }
}

#[actix_web::test]
async fn a_stream_of_another_issuer_is_not_taken_over() {
    let mut scene = Scene::pushed();
    scene.turn().await;
    scene.misbehave(|faults| faults.management = ManagementFault::OtherIssuer);
    scene.redeclare(&json!({ "events": ["https://events.example/a"] }));
    let Some(Change::Ill(problem)) = scene.turn().await else { panic!("it is ill") };
    assert!(problem.contains("another issuer"), "{problem}");
    assert!(!scene.calls().iter().any(|call| call.contains("PATCH")));
}

#[actix_web::test]
async fn nothing_is_done_while_the_store_is_ill() {
    let mut scene = Scene::pushed();
    scene.streams.lock().is_ill = true;
    assert!(scene.try_turn().await.is_err());
    assert!(scene.calls().is_empty());
    scene.streams.lock().is_ill = false;
    scene.turn().await;
    assert!(scene.known().described.is_some());
}
