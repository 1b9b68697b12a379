//! Standard Webhooks.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{method, path, query_param},
};

use crate::fake::{NOW, refusal, send, sink, trail};

const SECRET: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";

fn declared(url: &str) -> Value {
    json!({"kind": "webhook", "url": url, "secret": format!("whsec_{SECRET}")})
}

async fn received(declared: impl Fn(String) -> Value, events: u128) -> Vec<Request> {
    let server = MockServer::start().await;
    let hook = Mock::given(method("POST")).and(path("/hook")).and(query_param("key", "x"));
    hook.respond_with(ResponseTemplate::new(204)).mount(&server).await;
    let sink = sink(declared(format!("{}/hook?key=x", server.uri())));
    send(&*sink, &trail(events)).await.unwrap();
    server.received_requests().await.unwrap()
}

fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers.get(name).unwrap().to_str().unwrap()
}

/// Standard Webhooks, "signature scheme": HMAC-SHA-256 over id, timestamp and body.
#[tokio::test]
async fn is_signed_over_id_time_and_body() {
    let requests = received(|url| declared(&url), 2).await;
    let [request] = &*requests else { panic!("{requests:?}") };
    let (id, at) = (header(request, "webhook-id"), header(request, "webhook-timestamp"));
    assert_eq!((id, at), ("acme/siem/1-2", &*NOW.0.to_string()));
    assert_eq!(header(request, "content-type"), "application/json");
    let body = std::str::from_utf8(&request.body).unwrap();
    let signed = format!("{id}.{at}.{body}");
    let mac = keys::hmac_sha256(&STANDARD.decode(SECRET).unwrap(), signed.as_bytes());
    let expected = format!("v1,{}", STANDARD.encode(mac));
    assert_eq!(header(request, "webhook-signature"), expected);
}

#[tokio::test]
async fn carries_an_array_of_events_in_order() {
    let requests = received(|url| declared(&url), 3).await;
    let events: Vec<Value> = serde_json::from_slice(&requests[0].body).unwrap();
    let seqs: Vec<_> = events.iter().map(|event| event["seq"].as_i64().unwrap()).collect();
    assert_eq!(seqs, [1, 2, 3]);
    assert_eq!(events[0]["record"]["subject"], "alice");
}

#[tokio::test]
async fn the_same_batch_has_the_same_ids_and_bodies() {
    let once = received(|url| declared(&url), 1500).await;
    let again = received(|url| declared(&url), 1500).await;
    let told = |requests: &[Request]| {
        requests
            .iter()
            .map(|request| (header(request, "webhook-id").to_owned(), request.body.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(told(&once), told(&again));
    assert_eq!(header(&once[1], "webhook-id"), "acme/siem/1001-1500");
}

#[tokio::test]
async fn says_who_we_are_when_the_receiver_wants_to_know() {
    let with = |url: String| {
        let mut declared = declared(&url);
        declared["authorization"] = "Bearer hook".into();
        declared
    };
    assert_eq!(header(&received(with, 1).await[0], "authorization"), "Bearer hook");
    let without = received(|url| declared(&url), 1).await;
    assert!(without[0].headers.get("authorization").is_none());
}

#[test]
fn takes_no_secret_that_is_none() {
    for (secret, fine) in [
        ("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", true),
        ("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", true),
        ("whsec_c2hvcnQ=", false),
        ("whsec_not base64", false),
        ("", false),
    ] {
        let declared = json!({"kind": "webhook", "url": "https://hook.example", "secret": secret});
        let settings = serde_json::from_value(declared.clone()).unwrap();
        if fine {
            assert_eq!(upstream::sinks::validate(&settings), Ok(()));
        } else {
            let problem = refusal(declared);
            assert!(problem.contains("`secret` must be"), "{problem}");
            assert!(secret.is_empty() || !problem.contains(secret), "{problem}");
        }
    }
}
