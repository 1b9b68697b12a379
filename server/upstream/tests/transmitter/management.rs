//! Making a stream and keeping it as declared (SSF 1.0 §8.1.1).

use serde_json::{Value, json};
use upstream::transmitter::{ACTED_UPON, Established};
use wiremock::ResponseTemplate;

use crate::fake::{AUTHORIZATION, BEARER, ENDPOINT, Fake, ok, status, text};

const STREAM: &str = "/t1/stream";

fn created(stream: &Value) -> ResponseTemplate {
    status(201).set_body_json(stream)
}

/// Nothing is there yet.
async fn empty() -> Fake {
    let fake = Fake::start().await;
    fake.serve("GET", STREAM, ok(&json!([]))).await;
    fake.serve("POST", STREAM, created(&fake.stream("s1"))).await;
    fake
}

/// This is there already.
async fn with(change: fn(&mut Value)) -> Fake {
    let fake = Fake::start().await;
    let mut stream = fake.stream("s1");
    change(&mut stream);
    fake.serve("GET", STREAM, ok(&json!([stream]))).await;
    fake.serve("PATCH", STREAM, ok(&fake.stream("s1"))).await;
    fake
}

/// Nothing was asked for.
fn unasked(stream: &mut Value) {
    stream["events_requested"] = json!([]);
    stream["events_delivered"] = json!([]);
}

async fn establish(fake: &Fake) -> Established {
    fake.transmitter().establish(ENDPOINT, None).await.unwrap()
}

#[tokio::test]
async fn makes_the_stream() {
    let fake = empty().await;
    let Established { described, settled } = establish(&fake).await;
    assert!(settled);
    assert_eq!(described.id, "s1");
    assert_eq!(described.audience, ["actas/s1"]);
    assert_eq!(described.poll_endpoint, None);
    assert_eq!(described.min_verification_interval, Some(60));
    assert_eq!(described.inactivity_timeout, Some(3600));
    assert_eq!(described.events_delivered, ["https://events.example/a"]);
    assert_eq!(fake.calls().await, ["GET /stream", "POST /stream"]);
    let expected = json!({
        "events_requested": ["https://events.example/a", "https://events.example/z"],
        "delivery": {
            "method": "urn:ietf:rfc:8935",
            "endpoint_url": ENDPOINT,
            "authorization_header": AUTHORIZATION,
        },
        "description": format!("actas {ENDPOINT}"),
    });
    assert_eq!(fake.body().await, expected);
    for request in fake.requests().await {
        assert_eq!(request.headers["authorization"], format!("Bearer {BEARER}"));
    }
}

#[tokio::test]
async fn asks_for_all_it_acts_upon_unless_declared() {
    let fake = empty().await;
    let transmitter = fake.transmitter_with(&json!({ "events": null, "authorization": null }));
    transmitter.establish(ENDPOINT, None).await.unwrap();
    let body = fake.body().await;
    assert_eq!(body["events_requested"], json!(ACTED_UPON));
    assert!(body["delivery"].get("authorization_header").is_none());
}

#[tokio::test]
async fn makes_a_stream_to_be_polled() {
    let fake = Fake::start().await;
    let mut stream = fake.stream("s1");
    stream["delivery"] =
        json!({ "method": "urn:ietf:rfc:8936", "endpoint_url": "https://tr.example/poll/s1" });
    fake.serve("GET", STREAM, status(404)).await;
    fake.serve_once("POST", STREAM, created(&stream)).await;
    let transmitter = fake.transmitter_with(&json!({ "delivery": "poll" }));
    let established = transmitter.establish(ENDPOINT, None).await.unwrap();
    let endpoint = established.described.poll_endpoint.as_deref();
    assert_eq!(endpoint, Some("https://tr.example/poll/s1"));
    assert_eq!(fake.body().await["delivery"], json!({ "method": "urn:ietf:rfc:8936" }));

    // SSF 1.0 §8.1.1: without `delivery` it is polled, but where must be said.
    stream["delivery"] = Value::Null;
    fake.serve("POST", STREAM, created(&stream)).await;
    let fault = text(transmitter.establish(ENDPOINT, None).await);
    assert!(fault.contains("where to poll"), "{fault}");
}

/// No transmitter agrees with another on how to say that there is nothing.
#[tokio::test]
async fn nothing_is_said_in_many_ways() {
    for nothing in [ok(&json!([])), status(404), status(204)] {
        let fake = Fake::start().await;
        fake.serve("GET", STREAM, nothing).await;
        fake.serve("POST", STREAM, created(&fake.stream("s1"))).await;
        assert_eq!(establish(&fake).await.described.id, "s1");
    }
}

#[tokio::test]
async fn a_stream_that_is_as_declared_is_left_alone() {
    for change in [
        |_: &mut Value| (),
        // Not a list: the only one.
        |stream: &mut Value| *stream = stream.clone(),
        |stream: &mut Value| stream["aud"] = json!("actas/s1"),
        |stream: &mut Value| stream["iss"] = Value::Null,
        // It cannot be had.
        |stream: &mut Value| stream["events_requested"] = json!(["https://events.example/a"]),
        |stream: &mut Value| stream["events_requested"] = Value::Null,
    ] {
        let fake = with(change).await;
        let established = establish(&fake).await;
        assert!(established.settled && established.described.id == "s1");
        assert_eq!(fake.calls().await, ["GET /stream"]);
    }
}

#[tokio::test]
async fn what_is_not_as_declared_is_changed() {
    for change in [
        |stream: &mut Value| stream["delivery"]["authorization_header"] = json!("Bearer other"),
        |stream: &mut Value| stream["delivery"]["authorization_header"] = Value::Null,
        unasked,
        // What is no longer declared.
        |stream: &mut Value| {
            let events = json!(["https://events.example/a", "https://events.example/b"]);
            stream["events_requested"] = events;
        },
        |stream: &mut Value| {
            stream["delivery"] = json!({ "method": "urn:ietf:rfc:8936", "endpoint_url": "x" });
            stream["description"] = json!(format!("actas {ENDPOINT}"));
        },
    ] {
        let fake = with(change).await;
        assert!(establish(&fake).await.settled);
        assert_eq!(fake.calls().await, ["GET /stream", "PATCH /stream"]);
        let body = fake.body().await;
        assert_eq!(body["stream_id"], "s1");
        assert_eq!(body["delivery"]["endpoint_url"], ENDPOINT);
        assert_eq!(body["delivery"]["authorization_header"], AUTHORIZATION);
    }
}

/// Most do not repeat it; to tell them again every time would be noise.
#[tokio::test]
async fn an_authorization_that_is_not_repeated_is_told_once() {
    let fake = with(|stream| stream["delivery"]["authorization_header"] = Value::Null).await;
    let transmitter = fake.transmitter();
    for _ in 0..3 {
        transmitter.establish(ENDPOINT, Some("s1")).await.unwrap();
    }
    let patches = fake.calls().await.iter().filter(|call| call.starts_with("PATCH")).count();
    assert_eq!(patches, 1);
}

#[tokio::test]
async fn a_known_stream_is_read_by_its_id_and_sought_when_it_is_gone() {
    let fake = Fake::start().await;
    fake.serve_once("GET", STREAM, ok(&fake.stream("s 1"))).await;
    let transmitter = fake.transmitter();
    let established = transmitter.establish(ENDPOINT, Some("s 1")).await.unwrap();
    assert_eq!(established.described.id, "s 1");
    assert_eq!(fake.calls().await, ["GET /stream?stream_id=s+1"]);

    fake.serve_once("GET", STREAM, status(404)).await;
    fake.serve("GET", STREAM, ok(&json!([fake.stream("s2")]))).await;
    let established = transmitter.establish(ENDPOINT, Some("s 1")).await.unwrap();
    assert_eq!(established.described.id, "s2");
    assert_eq!(fake.calls().await[1..3], ["GET /stream?stream_id=s+1", "GET /stream"]);
}

/// Okta and Keycloak allow one stream: 409 for another.
#[tokio::test]
async fn takes_over_the_only_stream_there_may_be() {
    let fake = Fake::start().await;
    let mut other = fake.stream("s1");
    other["delivery"]["endpoint_url"] = json!("https://old.example/signals");
    fake.serve("GET", STREAM, ok(&json!([other]))).await;
    fake.serve("POST", STREAM, status(409)).await;
    fake.serve("PATCH", STREAM, ok(&fake.stream("s1"))).await;
    assert_eq!(establish(&fake).await.described.id, "s1");
    let expected = ["GET /stream", "POST /stream", "GET /stream", "PATCH /stream"];
    assert_eq!(fake.calls().await, expected);
}

#[tokio::test]
async fn does_not_guess_which_stream_is_ours() {
    for found in [0, 2] {
        let fake = Fake::start().await;
        let mut other = fake.stream("s1");
        other["delivery"]["endpoint_url"] = json!("https://old.example/signals");
        fake.serve("GET", STREAM, ok(&json!(vec![other; found]))).await;
        fake.serve("POST", STREAM, status(409)).await;
        let fault = text(fake.transmitter().establish(ENDPOINT, None).await);
        assert!(fault.contains("which is ours is unclear"), "{fault}");
        assert!(!fake.calls().await.iter().any(|call| call.starts_with("PATCH")));
    }
}

/// SSF 1.0 §8.1.1.3: 202 when the change "has been accepted, but not been processed".
#[tokio::test]
async fn a_change_may_take_its_time() {
    let fake = with(unasked).await;
    fake.serve_once("PATCH", STREAM, status(202)).await;
    let transmitter = fake.transmitter();
    let first = transmitter.establish(ENDPOINT, None).await.unwrap();
    assert!(!first.settled && first.described.id == "s1");
    assert!(transmitter.establish(ENDPOINT, None).await.unwrap().settled);
}

#[tokio::test]
async fn replaces_what_cannot_be_changed_in_part() {
    let fake = with(unasked).await;
    fake.serve_once("PATCH", STREAM, status(405)).await;
    fake.serve("PUT", STREAM, ok(&fake.stream("s1"))).await;
    establish(&fake).await;
    assert_eq!(fake.calls().await, ["GET /stream", "PATCH /stream", "PUT /stream"]);
}

#[tokio::test]
async fn a_change_without_an_answer_is_read_back() {
    for answer in [status(200), status(204)] {
        let fake = with(unasked).await;
        fake.serve_once("PATCH", STREAM, answer).await;
        assert!(establish(&fake).await.settled);
        let expected = ["GET /stream", "PATCH /stream", "GET /stream?stream_id=s1"];
        assert_eq!(fake.calls().await, expected);
    }
}

#[tokio::test]
async fn a_stream_of_others_is_neither_used_nor_changed() {
    let declared = json!({ "audience": ["actas"] });
    for (change, expected) in [
        ((|s| s["iss"] = json!("https://elsewhere.example")) as fn(&mut Value), "another issuer"),
        (|s| s["aud"] = json!("somebody"), "another `aud`"),
        (|s| s["aud"] = json!(["a\u{0}b", "actas"]), "`aud` is none"),
        (|s| s["stream_id"] = json!(""), "`stream_id`"),
    ] {
        for as_declared in [true, false] {
            let fake = Fake::start().await;
            let mut stream = fake.stream("s1");
            change(&mut stream);
            if !as_declared {
                unasked(&mut stream);
            }
            fake.serve("GET", STREAM, ok(&stream)).await;
            let transmitter = fake.transmitter_with(&declared);
            let fault = text(transmitter.establish(ENDPOINT, None).await);
            assert!(fault.contains(expected), "{fault}");
            assert_eq!(fake.calls().await, ["GET /stream"]);
        }
    }
}

#[tokio::test]
async fn the_audience_is_what_was_declared_where_the_transmitter_does_not_say() {
    for (said, declared, expected) in [
        (json!(null), json!(["actas"]), Some(vec!["actas"])),
        (json!([]), json!(["actas"]), Some(vec!["actas"])),
        (json!(["actas", "b"]), json!(["actas"]), Some(vec!["actas", "b"])),
        (json!("b"), json!([]), Some(vec!["b"])),
        (json!(null), json!([]), None),
    ] {
        let fake = Fake::start().await;
        let mut stream = fake.stream("s1");
        stream["aud"] = said.clone();
        fake.serve("GET", STREAM, ok(&stream)).await;
        let transmitter = fake.transmitter_with(&json!({ "audience": declared }));
        let established = transmitter.establish(ENDPOINT, None).await;
        match expected {
            Some(expected) => assert_eq!(established.unwrap().described.audience, expected),
            None => assert!(text(established).contains("no `aud`")),
        }
    }
}

/// Some add events of their own to what was asked for.
#[tokio::test]
async fn what_a_transmitter_adds_is_answered_once() {
    let more = |stream: &mut Value| {
        stream["events_requested"].as_array_mut().unwrap().push(json!("https://events.example/b"));
    };
    let fake = with(more).await;
    let transmitter = fake.transmitter();
    for _ in 0..3 {
        transmitter.establish(ENDPOINT, Some("s1")).await.unwrap();
    }
    let patches = fake.calls().await.iter().filter(|call| call.starts_with("PATCH")).count();
    assert_eq!(patches, 1);
}

#[tokio::test]
async fn a_list_of_values_is_no_stream() {
    for (listed, expected) in [
        (json!([["s1", null, "actas"]]), "not the JSON"),
        (json!([{ "id": "s1" }]), "something else in it"),
    ] {
        let fake = Fake::start().await;
        fake.serve("GET", STREAM, ok(&listed)).await;
        let fault = text(fake.transmitter().establish(ENDPOINT, None).await);
        assert!(fault.contains(expected), "{fault}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_a_fault() {
    let html = ResponseTemplate::new(200).set_body_raw("<html>", "text/html");
    for (answer, expected) in [
        (status(400), "status 400"),
        (status(401), "our own credentials"),
        (status(403), "does not let us ask this"),
        (status(429).insert_header("retry-after", "7"), "slow down"),
        (status(500), "status 500"),
        (status(302), "redirect"),
        (html, "application/json"),
        (ok(&json!({ "streams": [] })), "not the JSON"),
        (ok(&json!("stream")), "not a JSON object"),
    ] {
        let fake = Fake::start().await;
        fake.serve("GET", STREAM, answer.clone()).await;
        let fault = text(fake.transmitter().establish(ENDPOINT, None).await);
        assert!(fault.contains(expected), "reading: {fault}");

        let fake = Fake::start().await;
        fake.serve("GET", STREAM, ok(&json!([]))).await;
        fake.serve("POST", STREAM, answer).await;
        let fault = text(fake.transmitter().establish(ENDPOINT, None).await);
        assert!(fault.contains(expected), "making: {fault}");
    }
}
