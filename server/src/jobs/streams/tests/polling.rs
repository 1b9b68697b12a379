//! Fetching events: nothing is acknowledged before it took effect.

use serde_json::json;
use testkit::transmitter::{MetadataFault, PollFault};

use super::{
    super::turn::{Change, Memory},
    scene::{Scene, Taking},
};

#[actix_web::test]
async fn a_stream_is_made_polled_and_heard_of_in_one_turn() {
    let mut scene = Scene::polled();
    assert_eq!(scene.turn().await, None);
    assert_eq!(scene.known().heard_at, Some(scene.now()));
    // The verification, of which nothing is left behind.
    assert_eq!(scene.fake.seen().acknowledged.len(), 1);

    let revoked = scene.revoke();
    scene.pass(2);
    scene.turn().await;
    assert_eq!(scene.taken.borrow().as_slice(), std::slice::from_ref(&revoked));
    assert_eq!(scene.fake.seen().acknowledged.last(), Some(&revoked));
}

#[actix_web::test]
async fn it_is_polled_every_other_second() {
    let mut scene = Scene::polled();
    scene.turn().await;
    let before = scene.fake.seen().polls;
    for _ in 0..10 {
        scene.pass(1);
        scene.turn().await;
    }
    assert_eq!(scene.fake.seen().polls - before, 5);
}

#[actix_web::test]
async fn everything_there_is_is_fetched() {
    let mut scene = Scene::polled();
    scene.turn().await;
    let revoked: Vec<_> = (0..45).map(|_| scene.revoke()).collect();
    scene.pass(2);
    scene.turn().await;
    assert_eq!(*scene.taken.borrow(), revoked);
    assert_eq!(scene.fake.seen().acknowledged[1..], revoked);
}

#[actix_web::test]
async fn what_could_not_be_stored_is_not_acknowledged() {
    let mut scene = Scene::polled();
    scene.turn().await;
    let revoked = scene.revoke();
    scene.taking.set(Taking::StoreIll);
    scene.pass(2);
    assert_eq!(scene.turn().await, Some(Change::Ill("store: ill".to_owned())));
    scene.pass(2);
    assert_eq!(scene.turn().await, None);
    assert!(!scene.fake.seen().acknowledged.contains(&revoked));

    scene.taking.set(Taking::All);
    scene.pass(60);
    assert_eq!(scene.turn().await, Some(Change::Well));
    assert_eq!(scene.taken.borrow().as_slice(), std::slice::from_ref(&revoked));
    assert!(scene.fake.seen().acknowledged.contains(&revoked));
}

/// The transmitter hears nothing of what we took: it gives it again, and it has no effect again.
#[actix_web::test]
async fn what_was_taken_before_a_crash_comes_again_and_is_known() {
    let mut scene = Scene::polled();
    scene.turn().await;
    let revoked = scene.revoke();
    *scene.after_taking.borrow_mut() = Box::new(|fake| {
        let polling = PollFault::Error500;
        fake.misbehave(testkit::transmitter::Faults { polling, ..Default::default() });
    });
    scene.pass(2);
    scene.turn().await;
    assert_eq!(scene.taken.borrow().as_slice(), std::slice::from_ref(&revoked));
    assert!(!scene.fake.seen().acknowledged.contains(&revoked));

    // Another process, which remembers nothing.
    scene.memory = Memory::default();
    *scene.after_taking.borrow_mut() = Box::new(|_| ());
    scene.misbehave(|_| ());
    scene.pass(2);
    scene.turn().await;
    assert_eq!((scene.taken.borrow().len(), scene.duplicates.get()), (1, 1));
    assert!(scene.fake.seen().acknowledged.contains(&revoked));
    scene.pass(2);
    scene.turn().await;
    assert_eq!(scene.duplicates.get(), 1);
}

/// The same without a crash.
#[actix_web::test]
async fn an_acknowledgement_that_was_lost_is_made_up_for() {
    let mut scene = Scene::polled();
    scene.turn().await;
    let revoked = scene.revoke();
    *scene.after_taking.borrow_mut() = Box::new(|fake| {
        let polling = PollFault::Error500;
        fake.misbehave(testkit::transmitter::Faults { polling, ..Default::default() });
    });
    scene.pass(2);
    let Some(Change::Ill(problem)) = scene.turn().await else { panic!("it is ill") };
    assert!(problem.contains("status 500"), "{problem}");
    *scene.after_taking.borrow_mut() = Box::new(|_| ());
    scene.misbehave(|_| ());
    scene.pass(2);
    assert_eq!(scene.turn().await, Some(Change::Well));
    assert_eq!((scene.taken.borrow().len(), scene.duplicates.get()), (1, 1));
    assert!(scene.fake.seen().acknowledged.contains(&revoked));
}

#[actix_web::test]
async fn what_is_refused_is_turned_down_and_does_not_come_again() {
    let mut scene = Scene::polled();
    scene.turn().await;
    let revoked = scene.revoke();
    scene.taking.set(Taking::Nothing);
    scene.pass(2);
    assert_eq!(scene.turn().await, None);
    let seen = scene.fake.seen();
    assert_eq!(seen.refused, [(revoked.clone(), "invalid_audience".to_owned())]);
    assert!(!seen.acknowledged.contains(&revoked));
    scene.pass(2);
    scene.turn().await;
    assert_eq!(scene.fake.seen().refused.len(), 1);
}

#[actix_web::test]
async fn one_that_cannot_be_judged_now_does_not_hold_up_others() {
    let mut scene = Scene::polled();
    scene.turn().await;
    let revoked: Vec<_> = (0..3).map(|_| scene.revoke()).collect();
    scene.taking.set(Taking::KeysIll);
    scene.pass(2);
    let Some(Change::Ill(problem)) = scene.turn().await else { panic!("it is ill") };
    assert!(problem.contains("no keys"), "{problem}");
    assert_eq!(*scene.taken.borrow(), revoked[..1]);

    scene.taking.set(Taking::All);
    scene.pass(2);
    assert_eq!(scene.turn().await, Some(Change::Well));
    assert_eq!(*scene.taken.borrow(), revoked);
    // What was taken is told with the next poll that succeeds.
    assert_eq!(scene.duplicates.get(), 0);
    assert_eq!(scene.fake.seen().acknowledged[1..], revoked);
}

#[actix_web::test]
async fn a_transmitter_that_forgets_does_not_keep_us_busy() {
    let mut scene = Scene::polled();
    scene.turn().await;
    scene.revoke();
    scene.misbehave(|faults| faults.polling = PollFault::Forgetful);
    let before = scene.fake.seen().polls;
    scene.pass(2);
    scene.turn().await;
    assert_eq!(scene.fake.seen().polls - before, 10);
    assert_eq!((scene.taken.borrow().len(), scene.duplicates.get()), (1, 9));
}

#[actix_web::test]
async fn polling_goes_on_while_management_fails() {
    let mut scene = Scene::polled();
    scene.turn().await;
    scene.misbehave(|faults| {
        faults.management = testkit::transmitter::ManagementFault::Error500;
    });
    scene.pass(60);
    assert!(matches!(scene.turn().await, Some(Change::Ill(_))));
    let revoked = scene.revoke();
    scene.pass(2);
    scene.turn().await;
    assert_eq!(*scene.taken.borrow(), [revoked]);
}

#[actix_web::test]
async fn troubles_are_told_once_and_cost_little() {
    for (fault, expected) in [
        (PollFault::Error500, "status 500"),
        (PollFault::Garbage, "not a JSON object"),
        (PollFault::Down, "status 502"),
    ] {
        let mut scene = Scene::polled();
        scene.turn().await;
        scene.misbehave(|faults| faults.polling = fault);
        let before = scene.fake.seen().polls;
        scene.pass(2);
        let Some(Change::Ill(problem)) = scene.turn().await else { panic!("{fault:?} is ill") };
        assert!(problem.contains(expected), "{problem}");
        for _ in 0..60 {
            scene.pass(1);
            assert_eq!(scene.turn().await, None, "{fault:?}");
        }
        let polls = scene.fake.seen().polls - before;
        assert!(polls <= 7, "{fault:?}: {polls} in a minute");
    }
}

/// A transmitter that says it has nothing more to say is as much of a sign of life.
#[actix_web::test]
async fn without_verification_a_poll_is_a_sign_of_life() {
    let mut scene = Scene::polled();
    scene.misbehave(|faults| faults.metadata = MetadataFault::NoVerification);
    scene.turn().await;
    scene.pass(2);
    scene.turn().await;
    assert_eq!(scene.known().heard_at, Some(scene.now()));

    scene.misbehave(|faults| {
        (faults.metadata, faults.polling) = (MetadataFault::NoVerification, PollFault::Error500);
    });
    let heard_at = scene.known().heard_at;
    for _ in 0..10 {
        scene.pass(60);
        scene.turn().await;
    }
    assert_eq!(scene.known().heard_at, heard_at);
}

/// With a verification, nothing else is one.
#[actix_web::test]
async fn with_verification_a_poll_is_no_sign_of_life() {
    let mut scene = Scene::polled();
    scene.misbehave(|faults| faults.management = testkit::transmitter::ManagementFault::Silent);
    for _ in 0..10 {
        scene.turn().await;
        scene.pass(2);
    }
    assert!(1 < scene.fake.seen().polls);
    assert_eq!(scene.known().heard_at, None);
}

#[actix_web::test]
async fn a_stream_that_others_made_is_only_polled() {
    // Made by hand, with the transmitter's own tools.
    let mut scene = Scene::polled();
    scene.turn().await;
    let poll_endpoint = scene.known().described.unwrap().poll_endpoint.unwrap();
    scene.streams.lock().stream = delegation::ports::Stream::default();
    scene.redeclare(&json!({ "delivery": "poll", "poll_endpoint": poll_endpoint }));
    let (calls, revoked) = (scene.calls(), scene.revoke());
    scene.turn().await;
    assert_eq!(scene.calls(), calls);
    assert_eq!(*scene.taken.borrow(), [revoked]);
    assert_eq!(scene.known().heard_at, Some(scene.now()));
    assert_eq!(scene.known().described, None);
}
