//! When a provider's key set is fetched.

use std::{sync::Arc, time::Duration};

use crate::provider::{LONG, Provider, connection, detail, development, jwks, ok, times};
use serde_json::json;
use tokio::task::JoinSet;
use wiremock::ResponseTemplate;

#[tokio::test]
async fn known_keys_are_fetched_once() {
    let provider = Provider::publishing(ok(&jwks(&["one"]))).await;
    let connection = provider.connection();
    for kid in [Some("one"), None, Some("one")] {
        assert!(connection.keys(kid).await.unwrap().holds(Some("one")));
    }
    assert_eq!(provider.requests("/jwks").await, 1);
}

#[tokio::test]
async fn accepts_the_media_type_of_key_sets() {
    let body = jwks(&["one"]).to_string();
    let response = ResponseTemplate::new(200).set_body_raw(body, "application/jwk-set+json");
    let provider = Provider::publishing(response).await;
    assert!(provider.connection().keys(Some("one")).await.is_ok());
}

#[tokio::test]
async fn a_new_key_is_found_at_once() {
    let provider = Provider::publishing(ok(&jwks(&["one", "two"]))).await;
    provider.serve_once("/jwks", ok(&jwks(&["one"]))).await;
    let connection = provider.connection();
    assert!(!connection.keys(Some("one")).await.unwrap().holds(Some("two")));
    assert!(connection.keys(Some("two")).await.unwrap().holds(Some("two")));
    assert_eq!(provider.requests("/jwks").await, 2);
}

#[tokio::test]
async fn keys_are_fetched_again_when_they_are_old() {
    let provider = Provider::publishing(ok(&jwks(&["one"]))).await;
    let mut times = times(LONG);
    times.keys = Duration::ZERO;
    let connection = connection(&provider.server.uri(), times, development());
    connection.keys(Some("one")).await.unwrap();
    connection.keys(Some("one")).await.unwrap();
    assert_eq!(provider.requests("/jwks").await, 2);
}

/// fastapi-zitadel-auth#156, mobula#28, camunda#60462 (one fetch per junk token) and
/// hyprstream#1214 (an empty key set beat the cool-down).
#[tokio::test]
async fn a_storm_of_unknown_kids_costs_one_fetch() {
    for published in [jwks(&["one"]), jwks(&[])] {
        let provider = Provider::publishing(ok(&published)).await;
        let connection = provider.connection();
        connection.keys(Some("one")).await.unwrap();
        let mut storm = JoinSet::new();
        for n in 0..1000 {
            let connection = Arc::clone(&connection);
            storm.spawn(async move { connection.keys(Some(&format!("junk-{n}"))).await });
        }
        let results = storm.join_all().await;
        assert!(results.iter().all(Result::is_ok));
        assert_eq!(provider.requests("/jwks").await, 2, "{published}");
    }
}

#[tokio::test]
async fn an_unknown_kid_is_sought_again_after_the_cool_down() {
    let provider = Provider::publishing(ok(&jwks(&["one"]))).await;
    let connection = connection(&provider.server.uri(), times(Duration::ZERO), development());
    for _ in 0..3 {
        connection.keys(Some("junk")).await.unwrap();
    }
    assert_eq!(provider.requests("/jwks").await, 3);
}

#[tokio::test]
async fn a_failed_search_keeps_the_known_keys() {
    let provider = Provider::publishing(ResponseTemplate::new(500)).await;
    provider.serve_once("/jwks", ok(&jwks(&["one"]))).await;
    let connection = provider.connection();
    connection.keys(Some("one")).await.unwrap();
    for _ in 0..3 {
        assert!(detail(connection.keys(Some("two")).await).contains("status 500"));
        assert!(connection.keys(Some("one")).await.unwrap().holds(Some("one")));
    }
    assert_eq!(provider.requests("/jwks").await, 2);
}

#[tokio::test]
async fn old_keys_serve_while_the_provider_fails() {
    let provider = Provider::publishing(ResponseTemplate::new(500)).await;
    provider.serve_once("/jwks", ok(&jwks(&["one"]))).await;
    let mut times = times(LONG);
    times.keys = Duration::ZERO;
    let connection = connection(&provider.server.uri(), times, development());
    for _ in 0..3 {
        assert!(connection.keys(Some("one")).await.unwrap().holds(Some("one")));
    }
    assert_eq!(provider.requests("/jwks").await, 2);
}

#[tokio::test]
async fn a_key_set_that_is_none_is_a_fault() {
    for body in [json!([]), json!("keys"), json!({ "keys": 7 })] {
        let provider = Provider::publishing(ok(&body)).await;
        let text = detail(provider.connection().keys(Some("one")).await);
        assert!(text.contains("key set"), "{body}: {text}");
    }
}

#[tokio::test]
async fn without_any_keys_a_failure_is_a_fault_and_is_not_repeated() {
    let provider = Provider::publishing(ResponseTemplate::new(500)).await;
    let connection = provider.connection();
    for _ in 0..10 {
        assert!(detail(connection.keys(Some("one")).await).contains("status 500"));
    }
    assert_eq!(provider.requests("/jwks").await, 1);
}
