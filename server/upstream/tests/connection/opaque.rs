//! Tokens that only their provider can read (RFC 7662).

use delegation::{ports::Introspected, refusal::Fault};
use secrecy::SecretString;
use serde_json::{Value, json};
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{basic_auth, body_string, method, path},
};

use crate::provider::{Provider, active, detail, ok};

const OPAQUE: &str = "opaque-1";

async fn ask(provider: &Provider) -> Result<Option<Introspected>, Fault> {
    provider.connection().introspect(&SecretString::from(OPAQUE)).await
}

fn described() -> Value {
    json!({ "active": true, "sub": "alice", "exp": 2_000_000_000, "aud": "actas", "scope": "a" })
}

#[tokio::test]
async fn asks_what_the_token_is_as_the_connections_own_client() {
    let provider = Provider::start().await;
    Mock::given(path("/introspect"))
        .and(method("POST"))
        .and(basic_auth("actas%3Aone", "s%25cret+%2B%26"))
        .and(body_string(format!("token={OPAQUE}")))
        .respond_with(ok(&described()))
        .expect(1)
        .mount(&provider.server)
        .await;
    let told = ask(&provider).await.unwrap().unwrap();
    assert_eq!((told.subject.as_str(), told.audience), ("alice", vec!["actas".to_owned()]));
}

#[tokio::test]
async fn a_token_that_is_not_active_is_none() {
    let provider = Provider::saying(ok(&json!({ "active": false }))).await;
    assert_eq!(ask(&provider).await.unwrap(), None);
}

/// Nothing is remembered: a yes from before says nothing of now.
#[tokio::test]
async fn asks_at_every_call() {
    let provider = Provider::saying(ok(&json!({ "active": false }))).await;
    provider.serve_once("/introspect", ok(&described())).await;
    let connection = provider.connection();
    let token = SecretString::from(OPAQUE);
    assert!(connection.introspect(&token).await.unwrap().is_some());
    assert_eq!(connection.introspect(&token).await.unwrap(), None);
}

#[tokio::test]
async fn a_provider_that_cannot_say_is_a_fault() {
    for (answer, expected) in [
        // Enough to vouch for a token that says the rest itself, and too little here.
        (active(), "there is no"),
        (ResponseTemplate::new(401), "our own credentials"),
        (ResponseTemplate::new(500), "status 500"),
        (ResponseTemplate::new(302).insert_header("location", "/introspect2"), "redirect"),
        (ResponseTemplate::new(200).set_body_string("garbage"), "application/json"),
        (ok(&json!({ "active": "true", "sub": "alice", "exp": 1 })), "not a boolean"),
    ] {
        let provider = Provider::saying(answer).await;
        let fault = detail(ask(&provider).await);
        assert!(fault.contains(expected), "{fault}");
    }
}
