//! A stream that is there: its status, whether it lives, its end (SSF 1.0 §8.1).

use delegation::ports::StreamStatus;
use serde_json::json;
use upstream::transmitter::{Asked, Told};
use wiremock::MockServer;

use crate::fake::{Fake, ok, status, text};

async fn without(endpoint: &str) -> Fake {
    let fake = Fake { server: MockServer::start().await };
    let mut metadata = fake.metadata();
    metadata.as_object_mut().unwrap().remove(endpoint);
    fake.serve("GET", "/.well-known/ssf-configuration/t1", ok(&metadata)).await;
    fake
}

#[tokio::test]
async fn reads_the_status() {
    for (body, expected) in [
        (json!({ "stream_id": "s", "status": "enabled" }), Told::Status(StreamStatus::Enabled)),
        (json!({ "status": "paused", "reason": "x" }), Told::Status(StreamStatus::Paused)),
        (json!({ "status": "disabled" }), Told::Status(StreamStatus::Disabled)),
        // Nothing to rely on.
        (json!({ "status": "resting" }), Told::Status(StreamStatus::Disabled)),
        // Keycloak's, in its events.
        (json!({ "status": { "status": "paused" } }), Told::Status(StreamStatus::Paused)),
        (json!({ "stream_id": "s" }), Told::Nothing),
    ] {
        let fake = Fake::start().await;
        fake.serve("GET", "/t1/status", ok(&body)).await;
        assert_eq!(fake.transmitter().status("s").await, Ok(expected), "{body}");
        assert_eq!(fake.calls().await, ["GET /status?stream_id=s"]);
    }
    let fake = Fake::start().await;
    assert_eq!(fake.transmitter().status("s").await, Ok(Told::Gone));
    let fake = without("status_endpoint").await;
    assert_eq!(fake.transmitter().status("s").await, Ok(Told::Nothing));
    assert!(fake.calls().await.is_empty());
}

#[tokio::test]
async fn sets_the_status() {
    for answer in [ok(&json!({ "stream_id": "s", "status": "enabled" })), status(202), status(204)]
    {
        let fake = Fake::start().await;
        fake.serve("POST", "/t1/status", answer).await;
        fake.transmitter().set_status("s", StreamStatus::Enabled).await.unwrap();
        assert_eq!(fake.body().await, json!({ "stream_id": "s", "status": "enabled" }));
    }
    let fake = without("status_endpoint").await;
    let fault = text(fake.transmitter().set_status("s", StreamStatus::Enabled).await);
    assert!(fault.contains("status_endpoint"), "{fault}");
}

#[tokio::test]
async fn asks_for_a_verification() {
    for accepted in [status(204), status(202), status(200)] {
        let fake = Fake::start().await;
        fake.serve("POST", "/t1/verify", accepted).await;
        assert_eq!(fake.transmitter().verify("s", "fresh").await, Ok(Asked::Accepted));
        assert_eq!(fake.body().await, json!({ "stream_id": "s", "state": "fresh" }));
    }
    let fake = Fake::start().await;
    assert_eq!(fake.transmitter().verify("s", "fresh").await, Ok(Asked::Gone));
    let fake = without("verification_endpoint").await;
    assert_eq!(fake.transmitter().verify("s", "fresh").await, Ok(Asked::Unsupported));
    assert!(fake.calls().await.is_empty());
}

/// SSF 1.0 §8.1.4.2: 429 for a receiver that does not keep to `min_verification_interval`.
#[tokio::test]
async fn is_told_when_it_verifies_too_often() {
    let fake = Fake::start().await;
    let throttled = status(429).insert_header("retry-after", "20");
    fake.serve("POST", "/t1/verify", throttled).await;
    let transmitter = fake.transmitter();
    let fault = transmitter.verify("s", "fresh").await.unwrap_err();
    assert_eq!(fault.retry_after(), Some(20));
    // Nor does it ask anything else meanwhile.
    assert_eq!(transmitter.status("s").await.unwrap_err().retry_after(), Some(20));
    assert_eq!(fake.calls().await, ["POST /verify"]);
}

#[tokio::test]
async fn deletes_the_stream() {
    for answer in [status(204), status(200), status(404)] {
        let fake = Fake::start().await;
        fake.serve("DELETE", "/t1/stream", answer).await;
        fake.transmitter().delete("s").await.unwrap();
        assert_eq!(fake.calls().await, ["DELETE /stream?stream_id=s"]);
    }
}

#[tokio::test]
async fn what_is_no_answer_is_a_fault() {
    for (answer, expected) in [
        (status(400), "status 400"),
        (status(401), "our own credentials"),
        (status(403), "does not let us ask this"),
        (status(429), "slow down"),
        (status(503), "status 503"),
        (status(307), "redirect"),
    ] {
        let fake = Fake::start().await;
        for (verb, path) in
            [("GET", "status"), ("POST", "status"), ("POST", "verify"), ("DELETE", "stream")]
        {
            fake.serve(verb, &format!("/t1/{path}"), answer.clone()).await;
        }
        // One for each: a throttled one is not asked again.
        let all = [
            text(fake.transmitter().status("s").await),
            text(fake.transmitter().set_status("s", StreamStatus::Paused).await),
            text(fake.transmitter().verify("s", "fresh").await),
            text(fake.transmitter().delete("s").await),
        ];
        for fault in all {
            assert!(fault.contains(expected), "{expected}: {fault}");
        }
    }
    let fake = Fake::start().await;
    fake.serve("GET", "/t1/status", ok(&json!(["enabled"]))).await;
    assert!(text(fake.transmitter().status("s").await).contains("not a JSON object"));
}

#[tokio::test]
async fn without_access_nothing_is_asked() {
    let fake = Fake::start().await;
    let transmitter = fake.transmitter_with(&json!({ "access": null }));
    assert!(text(transmitter.verify("s", "fresh").await).contains("credentials"));
    assert!(text(transmitter.poll("http://127.0.0.1/", &[], &[], 1).await).contains("credentials"));
    assert!(fake.calls().await.is_empty());
}
