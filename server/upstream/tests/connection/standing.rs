//! What becomes of each answer of an introspection endpoint (RFC 7662).

use crate::provider::{
    LONG, Provider, SECRET, TOKEN, active, connection, detail, development, ended, live, metadata,
    ok, question, times,
};
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{basic_auth, body_string, header, method, path},
};

/// RFC 6749 §2.3.1: "The client identifier is encoded using the
/// "application/x-www-form-urlencoded" encoding algorithm [...] and the encoded value is used as
/// the username; the client password is encoded using the same algorithm and used as the
/// password."
#[tokio::test]
async fn asks_with_form_encoded_credentials() {
    assert_eq!(SECRET, "s%cret +&");
    let provider = Provider::start().await;
    Mock::given(path("/introspect"))
        .and(method("POST"))
        .and(basic_auth("actas%3Aone", "s%25cret+%2B%26"))
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .and(header("accept", "application/json"))
        .and(body_string(format!("token={TOKEN}")))
        .respond_with(active())
        .expect(1)
        .mount(&provider.server)
        .await;
    let answer = provider.connection().standing(question()).await.unwrap();
    assert_eq!(answer.standing, live());
    assert!(!answer.checks[0].shared);
}

#[tokio::test]
async fn an_inactive_token_is_gone() {
    let provider = Provider::saying(ok(&json!({ "active": false }))).await;
    let answer = provider.connection().standing(question()).await.unwrap();
    assert_eq!(answer.standing, ended());
}

#[tokio::test]
async fn asks_again_at_every_call() {
    let provider = Provider::saying(ok(&json!({ "active": false }))).await;
    provider.serve_once("/introspect", active()).await;
    let connection = provider.connection();
    assert_eq!(connection.standing(question()).await.unwrap().standing, live());
    assert_eq!(connection.standing(question()).await.unwrap().standing, ended());
    assert_eq!(provider.requests("/introspect").await, 2);
    assert_eq!(provider.requests("/.well-known/openid-configuration").await, 1);
}

#[tokio::test]
async fn a_fault_is_not_remembered() {
    let provider = Provider::saying(active()).await;
    provider.serve_once("/introspect", ResponseTemplate::new(400)).await;
    let connection = provider.connection();
    assert!(connection.standing(question()).await.is_err());
    assert_eq!(connection.standing(question()).await.unwrap().standing, live());
}

/// A hiccup deserves a second try, and no third.
#[tokio::test]
async fn a_provider_that_flaps_is_asked_once_more() {
    let provider = Provider::saying(active()).await;
    let connection = provider.connection();
    for _ in 0..3 {
        provider.serve_once("/introspect", ResponseTemplate::new(502)).await;
        assert_eq!(connection.standing(question()).await.unwrap().standing, live());
    }
    assert_eq!(provider.requests("/introspect").await, 6);
    for _ in 0..2 {
        provider.serve_once("/introspect", ResponseTemplate::new(502)).await;
    }
    assert!(detail(connection.standing(question()).await).contains("status 502"));
    assert_eq!(provider.requests("/introspect").await, 8);
    assert_eq!(connection.standing(question()).await.unwrap().standing, live());
}

/// One that changes its mind is believed each time, as of that time.
#[tokio::test]
async fn an_answer_that_flaps_is_taken_as_it_comes() {
    let provider = Provider::saying(active()).await;
    let connection = provider.connection();
    for _ in 0..3 {
        provider.serve_once("/introspect", ok(&json!({ "active": false }))).await;
        assert_eq!(connection.standing(question()).await.unwrap().standing, ended());
        assert_eq!(connection.standing(question()).await.unwrap().standing, live());
    }
}

async fn fault_of(response: ResponseTemplate) -> String {
    let provider = Provider::saying(response).await;
    detail(provider.connection().standing(question()).await)
}

#[tokio::test]
async fn only_a_boolean_is_an_answer() {
    for body in [
        json!({}),
        json!({ "active": "true" }),
        json!({ "active": 1 }),
        json!({ "active": null }),
        json!({ "active": TOKEN }),
        json!([true]),
        json!(TOKEN),
    ] {
        let text = fault_of(ok(&body)).await;
        assert!(text.contains("cannot be believed"), "{body}: {text}");
    }
}

#[tokio::test]
async fn an_answer_about_somebody_else_is_a_fault() {
    for body in [
        json!({ "active": true, "sub": "bob" }),
        json!({ "active": true, "sub": 7 }),
        json!({ "active": true, "iss": "https://elsewhere.example" }),
    ] {
        let text = fault_of(ok(&body)).await;
        assert!(text.contains("cannot be believed"), "{body}: {text}");
    }
}

#[tokio::test]
async fn garbage_is_a_fault() {
    for body in ["", "not json", r#"{"active":true,"active":true}"#, TOKEN] {
        let text =
            fault_of(ResponseTemplate::new(200).set_body_raw(body, "application/json")).await;
        assert!(text.contains("appear once"), "{body}: {text}");
    }
}

#[tokio::test]
async fn another_content_type_is_a_fault() {
    for content_type in ["text/html", "text/plain", "application/token-introspection+jwt", ""] {
        let body = r#"{"active":true}"#;
        let text = fault_of(ResponseTemplate::new(200).set_body_raw(body, content_type)).await;
        assert!(text.contains("not of type"), "{content_type}: {text}");
    }
}

#[tokio::test]
async fn a_content_type_with_a_parameter_is_an_answer() {
    let body = r#"{"active":true}"#;
    let response = ResponseTemplate::new(200).set_body_raw(body, "Application/JSON;charset=utf-8");
    let provider = Provider::saying(response).await;
    assert!(provider.connection().standing(question()).await.is_ok());
}

#[tokio::test]
async fn another_status_is_a_fault() {
    for (status, says) in [
        (201, "status 201"),
        (204, "status 204"),
        (400, "status 400"),
        (401, "our own credentials"),
        (403, "status 403"),
        (404, "status 404"),
        (429, "slow down"),
        (500, "status 500"),
        (503, "status 503"),
    ] {
        let response = ResponseTemplate::new(status).set_body_json(json!({ "active": false }));
        let text = fault_of(response).await;
        assert!(text.contains(says), "{status}: {text}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let provider = Provider::start().await;
        let elsewhere = format!("{}/elsewhere", provider.server.uri());
        let redirect = ResponseTemplate::new(status).insert_header("location", elsewhere.as_str());
        provider.serve("/introspect", redirect).await;
        provider.serve("/elsewhere", active()).await;
        let text = detail(provider.connection().standing(question()).await);
        assert!(text.contains("redirect"), "{status}: {text}");
        assert_eq!(provider.requests("/elsewhere").await, 0);
    }
}

/// Compressed, it would be a good answer.
#[tokio::test]
async fn a_compressed_answer_is_not_inflated() {
    let body = [
        31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 74, 76, 46, 201, 44, 75, 85, 178, 42, 41, 42, 77,
        173, 5, 0, 22, 126, 192, 131, 15, 0, 0, 0,
    ];
    let compressed = ResponseTemplate::new(200).set_body_raw(body, "application/json");
    let text = fault_of(compressed.clone().insert_header("content-encoding", "gzip")).await;
    assert!(text.contains("compressed"), "{text}");
    let text = fault_of(compressed).await;
    assert!(text.contains("cannot be believed"), "{text}");
}

#[tokio::test]
async fn does_not_invite_compression() {
    let provider = Provider::saying(active()).await;
    provider.connection().standing(question()).await.unwrap();
    let requests = provider.server.received_requests().await.unwrap();
    assert!(requests.iter().all(|request| !request.headers.contains_key("accept-encoding")));
}

#[tokio::test]
async fn an_answer_larger_than_the_limit_is_a_fault() {
    let with_padding = |bytes: usize| ok(&json!({ "active": true, "pad": "x".repeat(bytes) }));
    let overhead = json!({ "active": true, "pad": "" }).to_string().len();
    let text = fault_of(with_padding(64 * 1024 - overhead + 1)).await;
    assert!(text.contains("larger than 65536 bytes"), "{text}");
    let provider = Provider::saying(with_padding(64 * 1024 - overhead)).await;
    assert!(provider.connection().standing(question()).await.is_ok());
}

async fn fault_of_metadata(change: impl FnOnce(&mut Value, &str)) -> String {
    let provider = Provider { server: wiremock::MockServer::start().await };
    let mut document = metadata(&provider.server.uri());
    change(&mut document, &provider.server.uri());
    provider.serve("/.well-known/openid-configuration", ok(&document)).await;
    provider.serve("/introspect", active()).await;
    let text = detail(provider.connection().standing(question()).await);
    assert_eq!(provider.requests("/introspect").await, 0);
    text
}

#[tokio::test]
async fn metadata_of_another_issuer_is_a_fault() {
    let text =
        fault_of_metadata(|document, uri| document["issuer"] = json!(format!("{uri}/"))).await;
    assert!(text.contains("not the configured one"), "{text}");
}

#[tokio::test]
async fn metadata_must_name_both_endpoints() {
    for name in ["introspection_endpoint", "jwks_uri"] {
        let text = fault_of_metadata(|document, _| {
            document.as_object_mut().unwrap().remove(name);
        })
        .await;
        assert!(text.contains(name), "{text}");
    }
}

#[tokio::test]
async fn a_dead_provider_is_asked_once_per_cool_down() {
    let provider = Provider { server: wiremock::MockServer::start().await };
    provider.serve("/.well-known/openid-configuration", ResponseTemplate::new(503)).await;
    let connection = provider.connection();
    for _ in 0..100 {
        assert!(detail(connection.standing(question()).await).contains("status 503"));
    }
    assert_eq!(provider.requests("/.well-known/openid-configuration").await, 1);
}

#[tokio::test]
async fn a_provider_that_recovers_is_asked_again_after_the_cool_down() {
    let provider = Provider::saying(active()).await;
    let down = ResponseTemplate::new(503);
    // Each question asks twice.
    for _ in 0..2 {
        provider.serve_once("/.well-known/openid-configuration", down.clone()).await;
    }
    let connection = connection(&provider.server.uri(), times(Duration::ZERO), development());
    assert!(connection.standing(question()).await.is_err());
    assert!(connection.standing(question()).await.is_ok());
}

#[tokio::test]
async fn metadata_are_read_again_when_they_are_old() {
    let provider = Provider::saying(active()).await;
    let mut times = times(LONG);
    times.metadata = Duration::ZERO;
    let connection = connection(&provider.server.uri(), times, development());
    connection.standing(question()).await.unwrap();
    connection.standing(question()).await.unwrap();
    assert_eq!(provider.requests("/.well-known/openid-configuration").await, 2);
}

#[tokio::test]
async fn shows_no_secrets_to_debug() {
    let provider = Provider::saying(active()).await;
    let text = format!("{:?} {:?}", provider.connection(), question());
    assert!(
        text.contains("corporate") && !text.contains(SECRET) && !text.contains(TOKEN),
        "{text}"
    );
}
