//! RFC 9068 §4: what a token must be.

use actas_verifier::{Actor, Call, Possession, Rejection, TokenFault};
use serde_json::{Value, json};

use crate::scene::{API, DOCUMENT, ISSUERS, NOW, STRANGERS, Scene};

#[tokio::test]
async fn lets_a_good_token_in_and_says_who_acts() {
    let scene = Scene::new().await;
    let who = scene.bearer(&scene.good()).await.unwrap();
    assert_eq!(who.subject(), "alice");
    assert_eq!(who.actor().map(Actor::id), Some("agent:researcher"));
    let chain: Vec<_> = who.chain().iter().map(Actor::id).collect();
    assert_eq!(chain, ["agent:researcher", "agent:orchestrator"]);
    assert_eq!(who.actor().and_then(Actor::issuer), Some(scene.issuer().as_str()));
    assert_eq!((who.client_id(), who.org()), ("researcher", Some("acme")));
    assert_eq!((who.id(), who.expires_at()), (Some("0199"), NOW + 240));
    assert_eq!(who.possession(), &Possession::Bearer);
    assert_eq!(who.to_string(), "agent:researcher, asked by agent:orchestrator, acts for alice");
}

#[tokio::test]
async fn who_acts_for_itself_has_no_actor() {
    let scene = Scene::new().await;
    let who = scene.bearer(&scene.token("act", Value::Null)).await.unwrap();
    assert_eq!((who.actor(), who.chain()), (None, [].as_slice()));
    assert_eq!(who.to_string(), "alice acts");
}

#[tokio::test]
async fn refuses_a_token_that_differs_in_one_claim() {
    let scene = Scene::new().await;
    for (name, value, fault) in [
        ("iss", json!("https://other.example"), TokenFault::Issuer),
        ("aud", json!("https://calendar.example"), TokenFault::Audience),
        ("aud", Value::Null, TokenFault::Audience),
        ("exp", json!(NOW - 10), TokenFault::Expired),
        ("exp", Value::Null, TokenFault::Expiry),
        ("iat", json!(NOW + 11), TokenFault::IssuedInFuture),
        ("nbf", json!(NOW + 11), TokenFault::NotYetValid),
        ("sub", Value::Null, TokenFault::Subject),
        ("client_id", Value::Null, TokenFault::Claims),
        ("scope", json!(["documents:read"]), TokenFault::Claims),
        ("act", json!("agent:researcher"), TokenFault::Claims),
        ("act", json!({ "iss": "https://as.example" }), TokenFault::Claims),
        ("cnf", json!({ "kid": "1" }), TokenFault::Claims),
        ("cnf", json!({ "jkt": "a", "x5t#S256": "b" }), TokenFault::Claims),
    ] {
        let refused = scene.bearer(&scene.token(name, value.clone())).await.unwrap_err();
        assert_eq!(refused, Rejection::Token(fault), "{name} {value}");
    }
    for (name, value) in [
        ("exp", json!(NOW - 9)),
        ("aud", json!(["https://calendar.example", API])),
        ("iat", json!(NOW + 10)),
        ("nbf", json!(NOW + 10)),
    ] {
        assert!(scene.bearer(&scene.token(name, value.clone())).await.is_ok(), "{name} {value}");
    }
}

/// A claim that is `null` says something we do not understand: a token is not unbound by it.
#[tokio::test]
async fn null_is_not_absent() {
    let scene = Scene::new().await;
    for name in ["cnf", "act", "org_id", "status"] {
        let mut claims = scene.claims();
        claims[name] = Value::Null;
        let token = keys::sign(&*ISSUERS, "at+jwt", &claims).unwrap();
        let refused = scene.bearer(&token).await.unwrap_err();
        assert_eq!(refused, Rejection::Token(TokenFault::Claims), "{name}");
    }
}

#[tokio::test]
async fn refuses_another_kind_of_token() {
    let scene = Scene::new().await;
    for (typ, good) in
        [("at+jwt", true), ("application/at+jwt", true), ("JWT", false), ("dpop+jwt", false)]
    {
        let token = keys::sign(&*ISSUERS, typ, &scene.claims()).unwrap();
        let said = scene.bearer(&token).await;
        assert_eq!(said.err(), (!good).then_some(Rejection::Token(TokenFault::Typ)), "{typ}");
    }
}

#[tokio::test]
async fn refuses_a_strangers_signature() {
    let scene = Scene::new().await;
    let forged = keys::sign(&*STRANGERS, "at+jwt", &scene.claims()).unwrap();
    let refused = scene.bearer(&forged).await.unwrap_err();
    assert_eq!(refused, Rejection::Token(TokenFault::UnknownKey));
    let (signed, _) = forged.rsplit_once('.').unwrap();
    let good = scene.good();
    let (_, signature) = good.rsplit_once('.').unwrap();
    let (_, claims) = signed.split_once('.').unwrap();
    let (header, _) = good.split_once('.').unwrap();
    let crossed = format!("{header}.{claims}x.{signature}");
    assert!(matches!(scene.bearer(&crossed).await, Err(Rejection::Token(_))));
    assert!(scene.bearer(&good).await.is_ok());
}

#[tokio::test]
async fn takes_only_the_algorithms_it_was_told() {
    let scene = Scene::with(|builder| builder.algorithms(&[keys::Algorithm::EdDsa])).await;
    let refused = scene.bearer(&scene.good()).await.unwrap_err();
    assert_eq!(refused, Rejection::Token(TokenFault::Algorithm));
    let scene = Scene::with(|builder| builder.algorithms(&[keys::Algorithm::Es256])).await;
    assert!(scene.bearer(&scene.good()).await.is_ok());
}

#[tokio::test]
async fn needs_all_scopes_it_is_asked_for() {
    let scene = Scene::new().await;
    let who = scene.bearer(&scene.token("scope", json!("documents:read"))).await.unwrap();
    assert!(who.has("documents:read") && !who.has("documents") && !who.has(""));
    let refused = who.clone().allowed(&["documents:read", "documents:write"]).unwrap_err();
    assert_eq!(refused, Rejection::Scope("documents:read documents:write".to_owned()));
    assert!(who.allowed(&["documents:read"]).is_ok());
    let nothing = scene.bearer(&scene.token("scope", Value::Null)).await.unwrap();
    assert_eq!(nothing.scope().count(), 0);
    assert!(nothing.clone().allowed(&[]).is_ok() && nothing.allowed(&["documents:read"]).is_err());
}

/// RFC 9110 §11.1: schemes are case-insensitive.
#[tokio::test]
async fn reads_the_header() {
    let scene = Scene::new().await;
    let token = scene.good();
    for (header, expected) in [
        (format!("Bearer {token}"), None),
        (format!("bearer {token}"), None),
        (format!("BEARER  {token} "), None),
        (format!("Basic {token}"), Some(Rejection::NoToken)),
        (token.clone(), Some(Rejection::NoToken)),
        (String::new(), Some(Rejection::NoToken)),
        ("Bearer".to_owned(), Some(Rejection::Malformed)),
        ("Bearer ".to_owned(), Some(Rejection::Malformed)),
        (format!("Bearer {token} x"), Some(Rejection::Token(TokenFault::Signature))),
    ] {
        let call = Call::new("GET", DOCUMENT).authorization(&header);
        assert_eq!(scene.verifier.verify_at(&call, NOW).await.err(), expected, "{header}");
    }
    let header = format!("Bearer {token}");
    let twice = Call::new("GET", DOCUMENT).authorization(&header).authorization(&header);
    assert_eq!(scene.verifier.verify_at(&twice, NOW).await.err(), Some(Rejection::Malformed));
    let never = Call::new("GET", DOCUMENT);
    assert_eq!(scene.verifier.verify_at(&never, NOW).await.err(), Some(Rejection::NoToken));
}
