//! What all sinks over HTTP have in common.

use delegation::export::Because;
use serde_json::{Value, json};
use upstream::{http::Reach, sinks::Workshop};
use wiremock::{Mock, MockServer, Request, ResponseTemplate, matchers::any};

use crate::fake::{batch, is_refused, outbound, send, settings, sink, trail};

/// Every kind, at `url`.
fn kinds(url: &str) -> Vec<Value> {
    vec![
        json!({"kind": "webhook", "url": url, "secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"}),
        json!({"kind": "splunk", "url": url, "token": "secret-token"}),
        json!({"kind": "datadog", "url": url, "api_key": "secret-key"}),
        json!({"kind": "otlp", "url": url, "headers": {"api-key": "secret-key"}}),
    ]
}

async fn answering(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(response).mount(&server).await;
    server
}

#[tokio::test]
async fn what_was_taken_has_arrived() {
    for status in [200, 202, 204] {
        let server = answering(ResponseTemplate::new(status)).await;
        for kind in kinds(&server.uri()) {
            let sent = sink(kind.clone()).send(&batch(&trail(3))).await;
            assert_eq!(sent, Ok(()), "{kind}: {status}");
        }
    }
}

#[tokio::test]
async fn an_answer_about_the_content_is_a_refusal_and_others_are_not() {
    for (status, refused) in [
        (400, true),
        (413, true),
        (422, true),
        (401, false),
        (403, false),
        (404, false),
        (408, false),
        (429, false),
        (500, false),
        (503, false),
        (302, false),
    ] {
        let server = answering(ResponseTemplate::new(status)).await;
        for kind in kinds(&server.uri()) {
            let unsent = sink(kind.clone()).send(&batch(&trail(3))).await.unwrap_err();
            assert_eq!(is_refused(&unsent), refused, "{kind}: {status}");
            assert!(unsent.what.starts_with("events 1 to 3: "), "{}", unsent.what);
        }
    }
}

#[tokio::test]
async fn a_receiver_may_ask_us_to_wait() {
    let server = answering(ResponseTemplate::new(429).insert_header("retry-after", "17")).await;
    for kind in kinds(&server.uri()) {
        let unsent = sink(kind).send(&batch(&trail(1))).await.unwrap_err();
        assert_eq!(unsent.because, Because::Unknown { retry_after: Some(17) });
    }
}

/// What a receiver says may repeat what we sent, or its own secrets.
#[tokio::test]
async fn never_repeats_what_a_receiver_said() {
    for status in [400, 401, 500] {
        let said = "alice secret-key secret-token MDEyMzQ1";
        let server = answering(ResponseTemplate::new(status).set_body_string(said)).await;
        for kind in kinds(&server.uri()) {
            let sink = sink(kind);
            let unsent = sink.send(&batch(&trail(1))).await.unwrap_err();
            for told in [format!("{unsent:?}"), unsent.to_string(), format!("{sink:?}")] {
                for secret in ["alice", "secret-", "MDEyMzQ1"] {
                    assert!(!told.contains(secret), "{told}");
                }
            }
        }
    }
}

#[tokio::test]
async fn sends_into_our_own_network_only_when_that_is_allowed() {
    let server = answering(ResponseTemplate::new(200)).await;
    let sent = async |reach: Reach| {
        let ca = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
        let workshop = Workshop { outbound: outbound(reach, Some(ca)), directory: None };
        let kinds = kinds(&server.uri()).into_iter();
        let mut all = Vec::new();
        for kind in kinds {
            all.push(workshop.build(&settings(kind)).unwrap().send(&batch(&trail(1))).await);
        }
        all
    };
    assert!(sent(Reach::Inside).await.iter().all(Result::is_ok));
    for refused in sent(Reach::Public).await {
        let refused = refused.unwrap_err().what;
        assert!(refused.contains("only https may be asked"), "{refused}");
    }
}

#[tokio::test]
async fn no_request_is_larger_than_its_receiver_takes() {
    let server = answering(ResponseTemplate::new(200)).await;
    let long =
        crate::fake::lines((0..1000).map(|n| format!(r#"{{"n":{n},"x":"{}"}}"#, "x".repeat(9000))));
    for (kind, most) in
        kinds(&server.uri()).into_iter().zip([1_000_010, 1_000_000, 5_000_000, 4_000_000])
    {
        server.reset().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&server).await;
        send(&*sink(kind.clone()), &long).await.unwrap();
        let requests: Vec<Request> = server.received_requests().await.unwrap();
        assert!(1 < requests.len(), "{kind}");
        for request in requests {
            assert!(request.body.len() <= most, "{kind}: {}", request.body.len());
        }
    }
}
