//! `OpenTelemetry`, and Datadog's intake.

use delegation::export::Unsent;
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{header, method, path},
};

use crate::fake::{batch, chained, is_refused, issued, refused, send, sink, trail};

async fn collector(answer: Value) -> MockServer {
    let server = MockServer::start().await;
    let logs = Mock::given(method("POST")).and(path("/v1/logs"));
    let logs = logs.and(header("content-type", "application/json")).and(header("api-key", "k"));
    logs.respond_with(ResponseTemplate::new(200).set_body_json(answer)).mount(&server).await;
    server
}

async fn sent(server: &MockServer) -> Result<Value, Unsent> {
    let headers = json!({"api-key": "k"});
    let resource = json!({"deployment.environment.name": "test"});
    let declared =
        json!({"kind": "otlp", "url": server.uri(), "headers": headers, "resource": resource});
    let links = chained(&[issued(1), refused(2)]);
    sink(declared).send(&batch(&links)).await?;
    let requests: Vec<Request> = server.received_requests().await.unwrap();
    Ok(serde_json::from_slice(&requests[0].body).unwrap())
}

fn attribute<'a>(of: &'a Value, key: &str) -> &'a Value {
    let attributes = of["attributes"].as_array().unwrap();
    &attributes.iter().find(|one| one["key"] == key).unwrap()["value"]
}

/// OTLP 1.x, "JSON Protobuf Encoding": names in lowerCamelCase, 64-bit integers as strings.
#[tokio::test]
async fn speaks_otlp_in_json() {
    let body = sent(&collector(json!({})).await).await.unwrap();
    let resource = &body["resourceLogs"][0]["resource"];
    assert_eq!(attribute(resource, "service.name")["stringValue"], "actas");
    assert_eq!(attribute(resource, "deployment.environment.name")["stringValue"], "test");
    let records = body["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().unwrap();
    let [first, second] = &**records else { panic!("{records:?}") };
    assert_eq!(first["timeUnixNano"], "1795341600000000000");
    assert_eq!(first["severityNumber"], 9);
    assert_eq!(second["severityNumber"], 10);
    assert_eq!(first["eventName"], "actas.audit.issued");
    assert_eq!(attribute(first, "actas.seq")["intValue"], "1");
    assert_eq!(attribute(first, "user.id")["stringValue"], "alice");
    let line: Value = serde_json::from_str(first["body"]["stringValue"].as_str().unwrap()).unwrap();
    assert_eq!(line["record"]["client"], "orchestrator");
}

/// OTLP 1.x, "Partial Success": nothing is said to be delivered that was rejected.
#[tokio::test]
async fn what_was_rejected_in_a_success_has_not_arrived() {
    for (rejected, fine) in [
        (json!({"partialSuccess": {"rejectedLogRecords": "1", "errorMessage": "too old"}}), false),
        (json!({"partialSuccess": {"rejectedLogRecords": 1}}), false),
        (json!({"partialSuccess": {"rejectedLogRecords": "0", "errorMessage": "a warning"}}), true),
        (json!({"partialSuccess": {"errorMessage": "a warning"}}), true),
        (json!({"partialSuccess": {}}), true),
        (json!({}), true),
    ] {
        let sent = sent(&collector(rejected.clone()).await).await;
        assert_eq!(sent.is_ok(), fine, "{rejected}");
        assert!(fine || is_refused(&sent.unwrap_err()));
    }
}

#[tokio::test]
async fn datadog_gets_entries_whose_message_is_the_line() {
    let server = MockServer::start().await;
    let intake = Mock::given(method("POST")).and(path("/api/v2/logs"));
    let intake =
        intake.and(header("DD-API-KEY", "k")).and(header("content-type", "application/json"));
    intake.respond_with(ResponseTemplate::new(202)).mount(&server).await;
    let declared = json!({
        "kind": "datadog", "url": server.uri(), "api_key": "k", "service": "as", "tags": ["env:test"],
    });
    send(&*sink(declared), &trail(1500)).await.unwrap();
    let requests: Vec<Request> = server.received_requests().await.unwrap();
    let bodies: Vec<Vec<Value>> =
        requests.iter().map(|one| serde_json::from_slice(&one.body).unwrap()).collect();
    assert_eq!(bodies.iter().map(Vec::len).collect::<Vec<_>>(), [1000, 500]);
    let first = &bodies[0][0];
    assert_eq!(first["ddsource"], "actas");
    assert_eq!(first["ddtags"], "env:test,org:acme");
    assert_eq!(first["service"], "as");
    assert_eq!(first["status"], "info");
    assert_eq!(first["timestamp"], 1_795_341_600_000_i64);
    let line: Value = serde_json::from_str(first["message"].as_str().unwrap()).unwrap();
    assert_eq!(line["seq"], 1);
}
