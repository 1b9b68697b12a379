//! Polling (RFC 8936).

use std::sync::Arc;

use serde_json::json;
use upstream::{
    fault::UpstreamFault,
    transmitter::{Polled, SetFault, Transmitter},
};
use wiremock::ResponseTemplate;

use crate::fake::{BEARER, Fake, ok, status, text};

const POLL: &str = "/t1/poll";

async fn fake(answer: ResponseTemplate) -> (Fake, Arc<Transmitter>, String) {
    let fake = Fake::start().await;
    fake.serve("POST", POLL, answer).await;
    let (transmitter, at) =
        (fake.transmitter_with(&json!({ "delivery": "poll" })), format!("{}/poll", fake.issuer()));
    (fake, transmitter, at)
}

async fn poll(answer: ResponseTemplate) -> Result<Polled, UpstreamFault> {
    let (_fake, transmitter, at) = fake(answer).await;
    transmitter.poll(&at, &[], &[], 20).await
}

#[tokio::test]
async fn asks_at_once_and_for_so_many() {
    let (fake, transmitter, at) = fake(ok(&json!({ "sets": {} }))).await;
    assert_eq!(transmitter.poll(&at, &[], &[], 20).await, Ok(Polled::default()));
    assert_eq!(fake.body().await, json!({ "maxEvents": 20, "returnImmediately": true }));
    assert_eq!(fake.requests().await[0].headers["authorization"], format!("Bearer {BEARER}"));
}

#[tokio::test]
async fn says_what_became_of_earlier_events() {
    let (fake, transmitter, at) = fake(ok(&json!({ "sets": {}, "moreAvailable": false }))).await;
    let refused = SetFault {
        jti: "c".to_owned(),
        err: "invalid_key",
        description: "the signature does not hold".to_owned(),
    };
    let taken = ["a".to_owned(), "b".to_owned()];
    transmitter.poll(&at, &taken, &[refused], 1).await.unwrap();
    let expected = json!({
        "maxEvents": 1,
        "returnImmediately": true,
        "ack": ["a", "b"],
        "setErrs": { "c": { "err": "invalid_key", "description": "the signature does not hold" } },
    });
    assert_eq!(fake.body().await, expected);
}

#[tokio::test]
async fn reads_what_comes() {
    let sets = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(jti, set)| ((*jti).to_owned(), (*set).to_owned())).collect::<Vec<_>>()
    };
    for (body, expected, more) in [
        (json!({ "sets": { "a": "x.y.z" }, "moreAvailable": true }), sets(&[("a", "x.y.z")]), true),
        (json!({ "sets": { "a": "x", "b": "y" } }), sets(&[("a", "x"), ("b", "y")]), false),
        // Refused where all are judged, so that it does not come for ever.
        (json!({ "sets": { "a": { "iss": "x" } } }), sets(&[("a", "")]), false),
        (json!({ "sets": null, "moreAvailable": null }), Vec::new(), false),
        (json!({}), Vec::new(), false),
    ] {
        assert_eq!(poll(ok(&body)).await, Ok(Polled { sets: expected, more }), "{body}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_a_fault() {
    let large = json!({ "sets": { "a": "x".repeat(70_000) } });
    let raw = |body: &str| ResponseTemplate::new(200).set_body_raw(body, "application/json");
    let zipped = ok(&json!({})).insert_header("content-encoding", "gzip");
    for (answer, expected) in [
        (status(204), "status 204"),
        (status(202), "status 202"),
        (status(400), "status 400"),
        (status(401), "our own credentials"),
        (status(403), "does not let us ask this"),
        (status(429), "slow down"),
        (status(500), "status 500"),
        (status(302), "redirect"),
        (ok(&json!([{ "a": "x.y.z" }, false])), "not a JSON object"),
        (ok(&json!({ "sets": [] })), "not the JSON"),
        (ok(&json!({ "sets": {}, "moreAvailable": "yes" })), "not the JSON"),
        (raw("{"), "not the JSON"),
        (ResponseTemplate::new(200).set_body_raw("{}", "text/html"), "application/json"),
        (ok(&large), "larger than"),
        (zipped, "compressed"),
    ] {
        let fault = text(poll(answer).await);
        assert!(fault.contains(expected), "{expected}: {fault}");
    }
}

/// Being asked to slow down at the management API does not keep us from hearing.
#[tokio::test]
async fn is_not_held_up_by_the_management_api() {
    let (fake, transmitter, at) = fake(ok(&json!({ "sets": { "a": "x" } }))).await;
    let throttled = status(429).insert_header("retry-after", "60");
    fake.serve("POST", "/t1/verify", throttled).await;
    assert!(transmitter.verify("s", "fresh").await.unwrap_err().is_throttled());
    assert_eq!(transmitter.poll(&at, &[], &[], 1).await.unwrap().sets.len(), 1);
}

#[tokio::test]
async fn a_fault_does_not_quote_what_came() {
    let fault = text(poll(ok(&json!({ "sets": "secret" }))).await);
    assert!(!fault.contains("sets"), "{fault}");
}
