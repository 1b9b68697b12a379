use std::sync::Arc;

use delegation::ports::{Described, Stream, StreamId, StreamStatus, Streams};
use policy::Timestamp;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, LATER, NOW, ORG},
    signalling::{derived, root},
};

fn id(stream: &str) -> StreamId {
    StreamId { connection: "home".to_owned(), stream: stream.to_owned() }
}

fn streams(it: &Fixture) -> Arc<dyn Streams> {
    it.store.streams(ORG)
}

fn described() -> Described {
    Described {
        id: "f67e".to_owned(),
        audience: vec!["https://actas.example".to_owned(), "two\nlines".to_owned()],
        poll_endpoint: Some("https://transmitter.example/poll".to_owned()),
        min_verification_interval: Some(60),
        inactivity_timeout: Some(86_400),
        events_delivered: vec!["a".to_owned(), String::new()],
    }
}

async fn heard_at(it: &Fixture) -> Option<Timestamp> {
    it.ledger().recall(&root()).await.unwrap().heard_at
}

async fn nothing_is_known_of_a_new_stream(it: Arc<Fixture>) {
    assert_eq!(streams(&it).find(&id("a")).await.unwrap(), Stream::default());
    assert_eq!(streams(&it).all().await.unwrap(), []);
}

async fn keeps_what_the_transmitter_said(it: Arc<Fixture>) {
    let streams = streams(&it);
    streams.describe(&id("a"), &described()).await.unwrap();
    let expected = Stream { described: Some(described()), ..Stream::default() };
    assert_eq!(streams.find(&id("a")).await.unwrap(), expected);
    let bare = Described { id: "f67e".to_owned(), ..Described::default() };
    streams.describe(&id("a"), &bare).await.unwrap();
    assert_eq!(streams.find(&id("a")).await.unwrap().described, Some(bare));
}

async fn lists_all_streams_of_the_org_alone(it: Arc<Fixture>) {
    let streams = streams(&it);
    for stream in ["b", "a"] {
        streams.set_status(&id(stream), StreamStatus::Enabled).await.unwrap();
    }
    it.store.streams("other").set_status(&id("c"), StreamStatus::Disabled).await.unwrap();
    let all = streams.all().await.unwrap();
    assert_eq!(all, [(id("a"), Stream::default()), (id("b"), Stream::default())]);
    assert_eq!(streams.find(&id("c")).await.unwrap(), Stream::default());
}

async fn is_heard_of_by_the_state_that_was_asked_for_last(it: Arc<Fixture>) {
    let streams = streams(&it);
    assert!(!streams.verified(&id("a"), Some("one"), NOW).await.unwrap());
    streams.challenge(&id("a"), "one", NOW).await.unwrap();
    streams.challenge(&id("a"), "two", NOW).await.unwrap();
    assert!(!streams.verified(&id("a"), Some("one"), LATER).await.unwrap());
    assert_eq!(streams.find(&id("a")).await.unwrap().heard_at, None);
    assert!(streams.verified(&id("a"), Some("two"), LATER).await.unwrap());
    let expected = Stream {
        challenge: Some(("two".to_owned(), NOW)),
        heard_at: Some(LATER),
        ..Stream::default()
    };
    assert_eq!(streams.find(&id("a")).await.unwrap(), expected);
    // A transmitter that was not heard answering says it again; and time does not go back.
    assert!(streams.verified(&id("a"), Some("two"), NOW).await.unwrap());
    assert_eq!(streams.find(&id("a")).await.unwrap(), expected);
}

async fn is_heard_of_unasked(it: Arc<Fixture>) {
    let streams = streams(&it);
    assert!(streams.verified(&id("a"), None, NOW).await.unwrap());
    assert!(streams.verified(&id("a"), None, LATER).await.unwrap());
    assert!(streams.verified(&id("a"), None, NOW).await.unwrap());
    assert_eq!(streams.find(&id("a")).await.unwrap().heard_at, Some(LATER));
}

async fn keeps_status_and_error(it: Arc<Fixture>) {
    let streams = streams(&it);
    streams.set_status(&id("a"), StreamStatus::Paused).await.unwrap();
    streams.set_error(&id("a"), Some("401\0")).await.unwrap();
    let error = Some("401\u{fffd}".to_owned());
    let expected = Stream { status: StreamStatus::Paused, error, ..Stream::default() };
    assert_eq!(streams.find(&id("a")).await.unwrap(), expected);
    streams.set_status(&id("a"), StreamStatus::Enabled).await.unwrap();
    streams.set_error(&id("a"), None).await.unwrap();
    assert_eq!(streams.find(&id("a")).await.unwrap(), Stream::default());
}

async fn one_replica_at_a_time_takes_care_of_a_stream(it: Arc<Fixture>) {
    let streams = streams(&it);
    let [one, two] = [Uuid::from_u128(1), Uuid::from_u128(2)];
    let later = Timestamp(LATER.0 + 1);
    assert!(streams.lease(&id("a"), one, NOW, LATER).await.unwrap());
    assert!(!streams.lease(&id("a"), two, Timestamp(LATER.0 - 1), later).await.unwrap());
    assert!(streams.lease(&id("b"), two, NOW, LATER).await.unwrap(), "another stream");
    assert!(streams.lease(&id("a"), one, NOW, LATER).await.unwrap(), "it goes on");
    assert!(streams.lease(&id("a"), two, LATER, later).await.unwrap(), "it is over");
    assert!(!streams.lease(&id("a"), one, LATER, later).await.unwrap());
    // What is known of the stream is nobody's.
    streams.challenge(&id("a"), "state", NOW).await.unwrap();
    assert!(streams.verified(&id("a"), Some("state"), NOW).await.unwrap());
}

async fn of_many_replicas_one_wins(it: Arc<Fixture>) {
    let replica = it.replica().await;
    for round in 0..20 {
        let stream = id(&round.to_string());
        let mut all = JoinSet::new();
        for number in 0..8 {
            let store = if number % 2 == 0 { &it.store } else { &replica };
            let (streams, stream) = (store.streams(ORG), stream.clone());
            let holder = Uuid::from_u128(number);
            all.spawn(async move { streams.lease(&stream, holder, NOW, LATER).await.unwrap() });
        }
        let won = all.join_all().await.into_iter().filter(|won| *won).count();
        assert_eq!(won, 1);
    }
    replica.close().await;
}

async fn a_connection_is_as_fresh_as_its_quietest_stream(it: Arc<Fixture>) {
    let streams = streams(&it);
    assert_eq!(heard_at(&it).await, None, "it has none");
    streams.verified(&id("a"), None, LATER).await.unwrap();
    assert_eq!(heard_at(&it).await, Some(LATER));
    streams.describe(&id("b"), &described()).await.unwrap();
    assert_eq!(heard_at(&it).await, None, "one was never heard of");
    streams.verified(&id("b"), None, NOW).await.unwrap();
    assert_eq!(heard_at(&it).await, Some(NOW));
    let top = it.opened(it.root()).await;
    assert_eq!(it.ledger().recall(&derived(&top)).await.unwrap().heard_at, Some(NOW));
    for status in [StreamStatus::Paused, StreamStatus::Disabled] {
        streams.set_status(&id("a"), status).await.unwrap();
        assert_eq!(heard_at(&it).await, None);
    }
    streams.set_status(&id("a"), StreamStatus::Enabled).await.unwrap();
    assert_eq!(heard_at(&it).await, Some(NOW));
    // Streams of other connections and orgs are no concern of this one.
    let away = StreamId { connection: "away".to_owned(), stream: "a".to_owned() };
    streams.set_status(&away, StreamStatus::Paused).await.unwrap();
    it.store.streams("other").set_status(&id("a"), StreamStatus::Paused).await.unwrap();
    assert_eq!(heard_at(&it).await, Some(NOW));
}

async fn a_stream_that_is_made_anew_was_not_heard_of(it: Arc<Fixture>) {
    let streams = streams(&it);
    streams.describe(&id("a"), &described()).await.unwrap();
    streams.verified(&id("a"), None, NOW).await.unwrap();
    streams.describe(&id("a"), &described()).await.unwrap();
    assert_eq!(heard_at(&it).await, Some(NOW), "it is the same");
    let anew = Described { id: "another".to_owned(), ..described() };
    streams.describe(&id("a"), &anew).await.unwrap();
    assert_eq!(heard_at(&it).await, None);
}

on_both_databases!(
    nothing_is_known_of_a_new_stream,
    keeps_what_the_transmitter_said,
    lists_all_streams_of_the_org_alone,
    is_heard_of_by_the_state_that_was_asked_for_last,
    is_heard_of_unasked,
    keeps_status_and_error,
    one_replica_at_a_time_takes_care_of_a_stream,
    of_many_replicas_one_wins,
    a_connection_is_as_fresh_as_its_quietest_stream,
    a_stream_that_is_made_anew_was_not_heard_of,
);
