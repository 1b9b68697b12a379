//! Asking a Kubernetes cluster about a service account token.

use std::{io::Write, path::PathBuf};

use delegation::{ports::TokenReview, refusal::Fault};
use secrecy::SecretString;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use upstream::{
    http::Reach,
    trust::{ReviewSettings, Reviewer},
};
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{body_json, header, method, path},
};

use crate::fake::{Site, WHOSE, certificate, detail, outbound};

const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzeXN0ZW0ifQ.c2VjcmV0";
const AUDIENCE: &str = "https://as.example/o/acme";

fn file(contents: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(contents.as_bytes()).unwrap();
    file
}

fn settings(url: &str, token: &NamedTempFile) -> ReviewSettings {
    let token_file = token.path().to_owned();
    ReviewSettings { url: url.to_owned(), token_file, ca_file: None }
}

fn reviewer(settings: ReviewSettings) -> Reviewer {
    Reviewer::new(WHOSE, settings, &outbound(Reach::Anywhere)).unwrap()
}

async fn ask(reviewer: &Reviewer) -> Result<bool, Fault> {
    reviewer.review(&SecretString::from(TOKEN), AUDIENCE).await
}

fn authenticated() -> Value {
    json!({ "status": { "authenticated": true, "audiences": [AUDIENCE],
        "user": { "username": "system:serviceaccount:agents:orchestrator" } } })
}

/// What is made of `response`.
async fn told(response: ResponseTemplate) -> Result<bool, Fault> {
    let site = Site::serving(REVIEWS, response).await;
    ask(&reviewer(settings(&site.server.uri(), &file("our-token")))).await
}

fn created(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(201).set_body_json(body)
}

#[tokio::test]
async fn asks_as_ourselves_about_the_token_and_the_audience() {
    let site = Site::start().await;
    let question = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
        "spec": { "token": TOKEN, "audiences": [AUDIENCE] },
    });
    let asked = Mock::given(method("POST")).and(path(REVIEWS)).and(body_json(question));
    let asked = asked.and(header("authorization", "Bearer our-token"));
    asked.respond_with(created(&authenticated())).mount(&site.server).await;
    let token = file("our-token\n");
    assert!(ask(&reviewer(settings(&site.url("/"), &token))).await.unwrap());
}

#[tokio::test]
async fn a_token_that_has_ended_is_none() {
    let ended = json!({ "status": { "authenticated": false, "error": "pod is gone" } });
    assert!(!told(created(&ended)).await.unwrap());
    assert!(!told(created(&json!({ "status": { "user": {} } }))).await.unwrap());
}

/// An API server that does not look at audiences leaves them out.
#[tokio::test]
async fn a_yes_for_another_audience_is_none() {
    assert!(told(created(&authenticated())).await.unwrap());
    for audiences in [json!([]), json!(["https://kubernetes.default.svc"])] {
        let body = json!({ "status": { "authenticated": true, "audiences": audiences } });
        assert!(detail(told(created(&body)).await).contains("audience"));
    }
    let both = json!({ "status": {
        "authenticated": true, "audiences": [AUDIENCE], "error": "and yet" } });
    assert!(detail(told(created(&both)).await).contains("cannot be believed"));
}

#[tokio::test]
async fn nobody_knows_when_there_is_no_answer() {
    for (response, why) in [
        (ResponseTemplate::new(401), "our own credentials"),
        (ResponseTemplate::new(403), "TokenReviews"),
        (ResponseTemplate::new(404), "status 404"),
        (ResponseTemplate::new(500), "status 500"),
        (ResponseTemplate::new(429), "slow down"),
        (ResponseTemplate::new(302).insert_header("location", "/"), "redirect"),
        (created(&json!({})), "JSON"),
        (created(&json!([{ "authenticated": true }])), "JSON"),
        (created(&json!({ "status": { "authenticated": "true" } })), "JSON"),
        (created(&json!({ "status": {}, "padding": "x".repeat(20_000) })), "larger than"),
    ] {
        let text = detail(told(response).await);
        assert!(text.contains(why), "{why}: {text}");
    }
}

/// The platform writes it anew within the hour.
#[tokio::test]
async fn our_token_is_read_whenever_we_ask() {
    let site = Site::start().await;
    let token = file("one");
    let reviewer = reviewer(settings(&site.server.uri(), &token));
    for ours in ["one", "two"] {
        std::fs::write(token.path(), ours).unwrap();
        let asked = Mock::given(header("authorization", format!("Bearer {ours}").as_str()));
        let asked = asked.respond_with(created(&authenticated())).expect(1);
        let _guard = asked.mount_as_scoped(&site.server).await;
        assert!(ask(&reviewer).await.unwrap());
    }
}

#[tokio::test]
async fn files_that_cannot_be_used_are_a_fault() {
    let site = Site::serving(REVIEWS, created(&authenticated())).await;
    let token = file("our-token");
    let good = || settings(&site.server.uri(), &token);
    assert!(ask(&reviewer(good())).await.unwrap());
    let (empty, large) = (file(" \n"), file(&"x".repeat(300_000)));
    let missing = || PathBuf::from("/nowhere/token");
    for (settings, why) in [
        (ReviewSettings { token_file: missing(), ..good() }, "`token_file`: there is no such file"),
        (ReviewSettings { token_file: empty.path().to_owned(), ..good() }, "there is no token"),
        (ReviewSettings { token_file: large.path().to_owned(), ..good() }, "too large"),
        (ReviewSettings { ca_file: Some(missing()), ..good() }, "`ca_file`: there is no such file"),
        (ReviewSettings { ca_file: Some(empty.path().to_owned()), ..good() }, "`ca_file`"),
    ] {
        let text = detail(ask(&reviewer(settings)).await);
        assert!(text.contains(why), "{why}: {text}");
    }
    assert_eq!(site.requests(REVIEWS).await, 1);
}

/// What was wrong once need not stay so: the platform may not have written it yet.
#[tokio::test]
async fn certificates_are_read_whenever_we_ask() {
    let site = Site::serving(REVIEWS, created(&authenticated())).await;
    let (token, ca) = (file("our-token"), file(""));
    let ca_file = Some(ca.path().to_owned());
    let reviewer = reviewer(ReviewSettings { ca_file, ..settings(&site.server.uri(), &token) });
    assert!(detail(ask(&reviewer).await).contains("`ca_file`"));
    std::fs::write(ca.path(), certificate()).unwrap();
    assert!(ask(&reviewer).await.unwrap());
}

#[test]
fn a_cluster_is_asked_by_https() {
    let token = file("our-token");
    let new =
        |url: &str| Reviewer::new(WHOSE, settings(url, &token), &outbound(Reach::Public)).map(drop);
    assert_eq!(new("https://kubernetes.default.svc"), Ok(()));
    for url in [
        "http://kubernetes.default.svc",
        "kubernetes",
        "https://k8s?x",
        "https://k8s#x",
        "file:///",
    ] {
        assert!(new(url).is_err(), "{url}");
    }
}

/// Clusters are in our own network; what clouds serve credentials from is not one.
#[tokio::test]
async fn a_cluster_may_be_in_our_own_network() {
    let token = file("our-token");
    for (url, why) in [
        ("https://127.0.0.1:1", "no answer"),
        ("https://169.254.169.254", "not at a public address"),
    ] {
        let reviewer = Reviewer::new(WHOSE, settings(url, &token), &outbound(Reach::Public));
        let text = detail(ask(&reviewer.unwrap()).await);
        assert!(text.contains(why), "{url}: {text}");
    }
}
