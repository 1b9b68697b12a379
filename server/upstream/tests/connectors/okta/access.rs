//! How we ask, and as whom.

use delegation::event::Check;
use serde_json::{Value, json};

use super::{Org, TOKENS, USER, problem};
use crate::{
    fake::{
        LONG, SERVICE_TOKEN, connection, private_key, received, refusal, requests, sent_form,
        serve_once, settings, value, verified,
    },
    steps::Fake,
};

#[tokio::test]
async fn asks_lightly_and_once() {
    let org = Org::<false>::start().await;
    let connection = connection(vec![org.check()], &org.server.uri(), LONG);
    let answer = connection.standing(org.question()).await.unwrap();
    let [Check { kind, answer: said, shared, .. }] = &answer.checks[..] else { panic!("one") };
    assert_eq!((*kind, *said, *shared), ("okta", "good", false));
    let asked = received(&org.server, USER).await;
    assert_eq!(asked.len(), 1);
    let light = "application/json; okta-response=omitCredentials,omitCredentialsLinks,omitTransitioningToStatus";
    assert_eq!(asked[0].headers["content-type"], light);
    // Nothing else was asked but for a token.
    assert_eq!(org.server.received_requests().await.unwrap().len(), 2);
}

/// RFC 7523 §2.2, as Okta asks of service apps.
#[tokio::test]
async fn shows_a_signed_assertion_for_each_scope() {
    let org = Org::<true>::start().await;
    org.standing().await;
    let at = format!("{}{TOKENS}", org.server.uri());
    let mut scopes = Vec::new();
    let mut ids = Vec::new();
    for request in received(&org.server, TOKENS).await {
        let form = sent_form(&request);
        let jwt = value(&form, "client_assertion");
        let claims = verified(&jwt, &org.private_key, "0oa1gjh63g214q0Hq0g4", &at);
        assert_eq!(claims["sub"], "0oa1gjh63g214q0Hq0g4");
        ids.push(claims["jti"].as_str().unwrap().to_owned());
        scopes.push(value(&form, "scope"));
    }
    scopes.sort();
    assert_eq!(scopes, ["okta.sessions.read", "okta.userRisk.read", "okta.users.read"]);
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn a_token_that_is_refused_is_fetched_anew_once() {
    let org = Org::<false>::start().await;
    let connection = connection(vec![org.check()], &org.server.uri(), LONG);
    connection.standing(org.question()).await.unwrap();
    serve_once(&org.server, USER, problem(401, "E0000011", "Invalid token provided")).await;
    let answer = connection.standing(org.question()).await.unwrap();
    assert_eq!(answer.standing, org.well());
    assert_eq!(requests(&org.server, TOKENS).await, 2);
}

#[tokio::test]
async fn a_bearer_token_will_do() {
    let org = Org::<false>::start().await;
    let bearer = SERVICE_TOKEN;
    let check = json!({ "kind": "okta", "url": org.server.uri(), "bearer": bearer });
    let connection = connection(vec![settings(check)], &org.server.uri(), LONG);
    let answer = connection.standing(org.question()).await.unwrap();
    assert_eq!(answer.standing, org.well());
    assert_eq!(requests(&org.server, TOKENS).await, 0);
}

#[test]
fn a_check_that_cannot_work_is_not_taken() {
    let good = json!({
        "kind": "okta", "url": "https://acme.okta.com", "client_id": "0oa1",
        "private_key": private_key(),
    });
    drop(connection(vec![settings(good.clone())], "https://idp.example", LONG));
    for (name, wrong, says) in [
        ("url", json!("acme.okta.com"), "`url`"),
        ("client_id", Value::Null, "`client_id`"),
        ("private_key", Value::Null, "`private_key`"),
        ("private_key", json!("-----BEGIN PRIVATE KEY-----"), "`private_key`"),
        ("bearer", json!("x"), "either `bearer` or"),
        ("client_secret", json!("x"), "client_secret"),
    ] {
        let mut declared = good.clone();
        declared[name] = wrong;
        let text = refusal(declared);
        assert!(text.contains(says), "{name}: {text}");
    }
}
