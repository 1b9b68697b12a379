//! Splunk's HTTP Event Collector.

use serde_json::{Deserializer, Value, json};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{header, method, path},
};

use crate::fake::{batch, refusal, sink, trail};

async fn received(settings: Value) -> Vec<Request> {
    let server = MockServer::start().await;
    let collector = Mock::given(method("POST")).and(path("/services/collector/event"));
    let collector = collector.and(header("authorization", "Splunk 0000-1111"));
    let answer = ResponseTemplate::new(200).set_body_json(json!({"text": "Success", "code": 0}));
    collector.respond_with(answer).mount(&server).await;
    let mut declared = json!({"kind": "splunk", "url": server.uri(), "token": "0000-1111"});
    let more = settings.as_object().unwrap().clone();
    declared.as_object_mut().unwrap().extend(more);
    sink(declared).send(&batch(&trail(2))).await.unwrap();
    server.received_requests().await.unwrap()
}

/// Splunk, "format events for HTTP Event Collector": objects one after the other, not an array.
#[tokio::test]
async fn sends_one_envelope_after_the_other() {
    let requests = received(json!({"index": "audit", "source": "actas", "host": "as-1"})).await;
    let envelopes: Vec<Value> =
        Deserializer::from_slice(&requests[0].body).into_iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(envelopes.len(), 2);
    let first = &envelopes[0];
    assert_eq!(first["time"], 1_795_341_600);
    assert_eq!(first["index"], "audit");
    assert_eq!(first["source"], "actas");
    assert_eq!(first["host"], "as-1");
    assert_eq!(first["sourcetype"], "actas:audit");
    assert_eq!(first["event"]["record"]["client"], "orchestrator");
    assert_eq!(first["fields"], json!({"actas_org": "acme", "actas_seq": 1}));
}

#[tokio::test]
async fn leaves_to_the_token_what_is_not_declared() {
    let requests = received(json!({})).await;
    let first = Deserializer::from_slice(&requests[0].body).into_iter::<Value>().next();
    let first = first.unwrap().unwrap();
    for absent in ["index", "source", "host"] {
        assert!(first.get(absent).is_none(), "{absent}");
    }
}

#[test]
fn takes_no_token_that_could_not_be_sent() {
    for token in ["", "a\nb"] {
        let declared = json!({"kind": "splunk", "url": "https://hec.example", "token": token});
        assert!(refusal(declared).contains("`token`"));
    }
}
