//! When keys are fetched, and which documents are none.

use std::{sync::Arc, time::Duration};

use delegation::{ports::KeySource, refusal::Fault};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use upstream::{
    http::Reach,
    trust::{KeyPlace, Reaching, keys},
};
use wiremock::ResponseTemplate;

use crate::fake::{LONG, Site, WHOSE, detail, jwks, ok, outbound, reaching, times};

const DISCOVERY: &str = "/.well-known/openid-configuration";

fn source(place: &KeyPlace) -> Arc<dyn KeySource> {
    keys(WHOSE, place, &reaching()).unwrap()
}

/// Keys at the `/jwks` of `site`.
fn at(site: &Site) -> Arc<dyn KeySource> {
    source(&KeyPlace::Uri(site.url("/jwks")))
}

async fn fault_of(response: ResponseTemplate) -> String {
    let site = Site::serving("/jwks", response).await;
    detail(at(&site).keys(Some("one")).await)
}

#[tokio::test]
async fn a_declared_key_set_is_never_fetched() {
    let source = source(&KeyPlace::Document(jwks(&["one"]).to_string()));
    for kid in [Some("one"), Some("two"), None] {
        assert!(source.keys(kid).await.unwrap().holds(Some("one")));
    }
}

#[test]
fn a_declared_key_set_that_is_none_is_refused() {
    let private = json!({ "keys": [{ "kty": "EC", "crv": "P-256", "kid": "one", "d": "AAAA",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA" }] });
    for document in ["", "[]", "keys", &private.to_string(), &jwks(&["one", "one"]).to_string()] {
        let place = KeyPlace::Document(document.to_owned());
        assert!(keys(WHOSE, &place, &reaching()).is_err(), "{document}");
    }
}

#[tokio::test]
async fn published_keys_are_fetched_once_and_a_new_one_is_found_at_once() {
    let site = Site::serving("/jwks", ok(&jwks(&["one", "two"]))).await;
    site.serve_once("/jwks", ok(&jwks(&["one"]))).await;
    let source = at(&site);
    for kid in [Some("one"), None, Some("one")] {
        assert!(!source.keys(kid).await.unwrap().holds(Some("two")));
    }
    assert_eq!(site.requests("/jwks").await, 1);
    assert!(source.keys(Some("two")).await.unwrap().holds(Some("two")));
    assert_eq!(site.requests("/jwks").await, 2);
}

#[tokio::test]
async fn a_storm_of_unknown_kids_costs_one_fetch() {
    let site = Site::serving("/jwks", ok(&jwks(&["one"]))).await;
    let source = at(&site);
    source.keys(Some("one")).await.unwrap();
    let mut storm = JoinSet::new();
    for n in 0..500 {
        let source = Arc::clone(&source);
        storm.spawn(async move { source.keys(Some(&format!("junk-{n}"))).await });
    }
    assert!(storm.join_all().await.iter().all(Result::is_ok));
    assert_eq!(site.requests("/jwks").await, 2);
}

#[tokio::test]
async fn an_outage_is_a_fault_and_costs_one_fetch() {
    let site = Site::serving("/jwks", ResponseTemplate::new(503)).await;
    let source = at(&site);
    for _ in 0..10 {
        assert!(detail(source.keys(Some("one")).await).contains("status 503"));
    }
    assert_eq!(site.requests("/jwks").await, 1);
}

#[tokio::test]
async fn known_keys_outlive_an_outage() {
    let site = Site::serving("/jwks", ResponseTemplate::new(503)).await;
    site.serve_once("/jwks", ok(&jwks(&["one"]))).await;
    let mut times = times(LONG);
    times.keys = Duration::ZERO;
    let reaching = Reaching { times, ..reaching() };
    let source = keys(WHOSE, &KeyPlace::Uri(site.url("/jwks")), &reaching).unwrap();
    for _ in 0..3 {
        assert!(source.keys(Some("one")).await.unwrap().holds(Some("one")));
    }
    assert!(detail(source.keys(Some("two")).await).contains("status 503"));
}

/// Who waits tells its caller for how long.
#[tokio::test]
async fn a_site_may_ask_for_patience() {
    let response = ResponseTemplate::new(429).insert_header("retry-after", "7");
    let site = Site::serving("/jwks", response).await;
    let fault = at(&site).keys(None).await.unwrap_err();
    assert_eq!(fault.retry_after(), Some(7));
    assert_eq!(fault.code(), "client_keys_unavailable");
    assert!(matches!(fault, Fault::Trusted { .. }));
}

#[tokio::test]
async fn does_not_follow_redirects() {
    let site = Site::serving("/elsewhere", ok(&jwks(&["one"]))).await;
    let to = site.url("/elsewhere");
    site.serve("/jwks", ResponseTemplate::new(302).insert_header("location", to)).await;
    assert!(detail(at(&site).keys(Some("one")).await).contains("redirect"));
    assert_eq!(site.requests("/elsewhere").await, 0);
}

#[tokio::test]
async fn a_document_that_is_no_key_set_is_a_fault() {
    for body in [json!([]), json!("keys"), json!({ "keys": 7 }), json!({})] {
        let text = fault_of(ok(&body)).await;
        assert!(text.contains("key set"), "{body}: {text}");
    }
    let page = ResponseTemplate::new(200).set_body_raw("<html>", "text/html");
    assert!(fault_of(page).await.contains("type"));
}

#[tokio::test]
async fn a_document_that_is_too_large_is_a_fault() {
    let mut large = jwks(&["one"]);
    large.as_object_mut().unwrap().insert("padding".to_owned(), json!("x".repeat(20_000)));
    assert!(fault_of(ok(&large)).await.contains("larger than"));
}

#[tokio::test]
async fn does_not_reach_into_our_own_network() {
    let site = Site::serving("/jwks", ok(&jwks(&["one"]))).await;
    let reaching = Reaching { outbound: outbound(Reach::Public), ..reaching() };
    for (url, why) in [
        (site.url("/jwks"), "only https"),
        ("https://127.0.0.1/jwks".to_owned(), "not at a public address"),
        ("https://169.254.169.254/jwks".to_owned(), "not at a public address"),
        ("https://user:password@idp.example/jwks".to_owned(), "not a URL"),
    ] {
        let source = keys(WHOSE, &KeyPlace::Uri(url.clone()), &reaching).unwrap();
        let text = detail(source.keys(None).await);
        assert!(text.contains(why), "{url}: {text}");
    }
    assert_eq!(site.requests("/jwks").await, 0);
}

/// As GitHub and Kubernetes publish theirs, which have no authorization endpoint.
fn metadata(site: &Site) -> Value {
    json!({
        "issuer": site.server.uri(),
        "jwks_uri": site.url("/jwks"),
        "subject_types_supported": ["public", "pairwise"],
        "response_types_supported": ["id_token"],
        "id_token_signing_alg_values_supported": ["RS256"],
    })
}

#[tokio::test]
async fn an_issuer_says_where_its_keys_are() {
    let site = Site::serving("/jwks", ok(&jwks(&["one"]))).await;
    site.serve(DISCOVERY, ok(&metadata(&site))).await;
    let source = source(&KeyPlace::Issuer(site.server.uri()));
    for kid in [Some("one"), Some("two"), Some("three")] {
        assert!(source.keys(kid).await.unwrap().holds(Some("one")));
    }
    assert_eq!(site.requests(DISCOVERY).await, 1);
    assert_eq!(site.requests("/jwks").await, 2);
}

/// Or the keys of one issuer would sign for another.
#[tokio::test]
async fn an_issuer_says_it_is_the_declared_one() {
    let uri = |site: &Site, value: &str| json!(format!("{}{value}", site.server.uri()));
    let site = Site::serving("/jwks", ok(&jwks(&["one"]))).await;
    for (name, value) in [
        ("issuer", uri(&site, "/")),
        ("issuer", json!("https://evil.example")),
        ("issuer", Value::Null),
        ("jwks_uri", Value::Null),
    ] {
        let site = Site::serving("/jwks", ok(&jwks(&["one"]))).await;
        let mut metadata = metadata(&site);
        metadata.as_object_mut().unwrap().insert(name.to_owned(), value.clone());
        site.serve(DISCOVERY, ok(&metadata)).await;
        let source = source(&KeyPlace::Issuer(site.server.uri()));
        let text = detail(source.keys(Some("one")).await);
        assert!(text.contains("metadata"), "{name} {value}: {text}");
        assert_eq!(site.requests("/jwks").await, 0);
    }
}
