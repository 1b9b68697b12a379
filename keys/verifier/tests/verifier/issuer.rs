//! How the issuer's keys come here, and how often it is asked.

use actas_verifier::{BuildError, Outage, Rejection, TokenFault, Verifier};
use serde_json::json;

use crate::scene::{API, ISSUERS, JWKS, METADATA, STRANGERS, Scene};

fn unavailable(rejection: &Rejection) -> bool {
    matches!(rejection, Rejection::Unavailable(_))
}

#[tokio::test]
async fn asks_once_however_many_wait() {
    let scene = Scene::new().await;
    let token = scene.good();
    let mut callers = Vec::new();
    for _ in 0..20 {
        callers.push(scene.bearer(&token));
    }
    for said in futures(callers).await {
        assert!(said.is_ok());
    }
    assert_eq!((scene.asked(METADATA).await, scene.asked(JWKS).await), (1, 1));
}

/// All of them, at once.
async fn futures<F: Future>(callers: Vec<F>) -> Vec<F::Output> {
    let mut callers: Vec<_> = callers.into_iter().map(Box::pin).collect();
    let mut said: Vec<Option<F::Output>> = callers.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (caller, said) in callers.iter_mut().zip(&mut said).filter(|(_, said)| said.is_none()) {
            if let std::task::Poll::Ready(output) = caller.as_mut().poll(context) {
                *said = Some(output);
            }
        }
        if said.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    said.into_iter().flatten().collect()
}

#[tokio::test]
async fn serves_on_while_the_issuer_is_away() {
    let scene = Scene::new().await;
    assert!(scene.bearer(&scene.good()).await.is_ok());
    scene.break_issuer().await;
    assert!(scene.bearer(&scene.good()).await.is_ok());
}

#[tokio::test]
async fn lets_nobody_in_who_comes_before_the_keys() {
    let scene = Scene::new().await;
    scene.break_issuer().await;
    assert!(unavailable(&scene.bearer(&scene.good()).await.unwrap_err()));
}

#[tokio::test]
async fn finds_a_new_key() {
    let scene = Scene::new().await;
    assert!(scene.bearer(&scene.good()).await.is_ok());
    scene.publish(&[&ISSUERS, &STRANGERS]).await;
    let token = keys::sign(&*STRANGERS, "at+jwt", &scene.claims()).unwrap();
    assert!(scene.bearer(&token).await.is_ok());
    assert_eq!(scene.asked(JWKS).await, 2);
}

#[tokio::test]
async fn junk_makes_one_question_and_no_more() {
    let scene = Scene::new().await;
    assert!(scene.bearer(&scene.good()).await.is_ok());
    let forged = keys::sign(&*STRANGERS, "at+jwt", &scene.claims()).unwrap();
    for _ in 0..3 {
        let refused = scene.bearer(&forged).await.unwrap_err();
        assert_eq!(refused, Rejection::Token(TokenFault::UnknownKey));
    }
    assert_eq!(scene.asked(JWKS).await, 2);
    let elsewhere = scene.token("iss", json!("https://other.example"));
    assert!(scene.bearer(&elsewhere).await.is_err());
    assert_eq!(scene.asked(JWKS).await, 2);
}

/// RFC 8414 §3.3.
#[tokio::test]
async fn s3_3_does_not_believe_the_metadata_of_another_issuer() {
    let scene = Scene::new().await;
    let metadata = scene.metadata().replace("/o/acme\"", "/o/other\"");
    scene.serve(METADATA, metadata, "application/json").await;
    let refused = scene.bearer(&scene.good()).await.unwrap_err();
    assert!(matches!(refused, Rejection::Unavailable(Outage::Unusable { .. })), "{refused}");
    assert_eq!(scene.asked(JWKS).await, 0);
}

#[tokio::test]
async fn does_not_take_a_page_for_a_key_set() {
    let scene = Scene::new().await;
    scene.serve(JWKS, "{\"keys\":[]}".to_owned(), "text/html").await;
    assert!(unavailable(&scene.bearer(&scene.good()).await.unwrap_err()));
}

#[tokio::test]
async fn does_not_ask_where_it_was_told_not_to_look() {
    let scene = Scene::new().await;
    let jwks_uri = format!("{}{JWKS}", scene.server.uri());
    let verifier = Verifier::builder(&scene.issuer(), API).jwks_uri(&jwks_uri).build().unwrap();
    let scene = Scene { verifier, ..scene };
    assert!(scene.bearer(&scene.good()).await.is_ok());
    assert_eq!(scene.asked(METADATA).await, 0);
}

#[test]
fn refuses_settings_that_cannot_be_meant() {
    let built = |issuer: &str, audience: &str| Verifier::builder(issuer, audience).build().err();
    let plain = "http://as.example";
    assert_eq!(built(plain, API), Some(BuildError::Url(plain.to_owned())));
    assert_eq!(built("http://127.0.0.1:8400/o/acme", API).map(|it| it.to_string()), None);
    assert_eq!(built("https://as.example", API).map(|it| it.to_string()), None);
    assert_eq!(built("https://as.example", ""), Some(BuildError::Audience));
    assert_eq!(built("https://as.example", "documents"), Some(BuildError::Origin));
    let origin = |origin| Verifier::builder("https://as.example", API).origin(origin).build().err();
    assert_eq!(origin("https://api.example/v1"), Some(BuildError::OriginPath));
    assert_eq!(origin("https://api.example").map(|it| it.to_string()), None);
    let none = Verifier::builder("https://as.example", API).algorithms(&[]).build();
    assert_eq!(none.err(), Some(BuildError::Algorithms));
    let ca = Verifier::builder("https://as.example", API).extra_ca(b"none").build();
    assert!(matches!(ca.err(), Some(BuildError::ExtraCa(_))));
}
