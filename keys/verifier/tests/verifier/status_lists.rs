//! What a revocation does, where the status list is followed (draft-ietf-oauth-status-list-20 §8.3).

use actas_verifier::{Builder, Rejection};
use keys::{
    SigningKey,
    status_list::{TYP, pack},
};
use serde_json::{Value, json};

use crate::scene::{ISSUERS, LIST, NOW, STRANGERS, Scene};

/// Fifteen tokens, of which the fourth was revoked; valid until a minute from now.
async fn scene() -> Scene {
    let scene = Scene::with(Builder::status_list).await;
    publish(&scene, &ISSUERS, &json!(NOW + 60)).await;
    scene
}

async fn publish(scene: &Scene, key: &SigningKey, exp: &Value) {
    let claims = json!({
        "sub": format!("{}{LIST}", scene.server.uri()), "iat": NOW, "exp": exp, "ttl": 15,
        "status_list": { "bits": 1, "lst": pack(16, &[3]) },
    });
    let list = keys::sign(key, TYP, &claims).unwrap();
    scene.serve(LIST, list, "application/statuslist+jwt").await;
}

fn place(scene: &Scene, idx: u64, at: &str) -> Value {
    json!({ "status_list": { "idx": idx, "uri": format!("{}{at}", scene.server.uri()) } })
}

async fn said(scene: &Scene, idx: u64) -> Option<Rejection> {
    scene.bearer(&scene.token("status", place(scene, idx, LIST))).await.err()
}

#[tokio::test]
async fn refuses_a_token_that_was_revoked() {
    let scene = scene().await;
    assert_eq!(said(&scene, 2).await, None);
    assert_eq!(said(&scene, 3).await, Some(Rejection::Revoked));
    assert_eq!(scene.asked(LIST).await, 1);
}

/// §8.3: "If the Referenced Token's index is out of bounds […] the Relying Party MUST reject".
#[tokio::test]
async fn s8_3_refuses_a_token_beyond_the_list() {
    let scene = scene().await;
    assert_eq!(said(&scene, 15).await, None);
    for beyond in [16, 1 << 40, u64::MAX] {
        assert_eq!(said(&scene, beyond).await, Some(Rejection::NotListed), "{beyond}");
    }
}

#[tokio::test]
async fn refuses_a_token_without_a_place() {
    let scene = scene().await;
    let refused = scene.bearer(&scene.good()).await.unwrap_err();
    assert_eq!(refused, Rejection::NotListed);
    let indifferent = Scene::new().await;
    assert!(indifferent.bearer(&indifferent.good()).await.is_ok());
}

#[tokio::test]
async fn asks_only_below_the_issuer() {
    let scene = scene().await;
    for at in ["/o/other/oauth/status-lists/7", "/o/acme.evil/status-lists/7"] {
        let token = scene.token("status", place(&scene, 2, at));
        assert_eq!(scene.bearer(&token).await.unwrap_err(), Rejection::NotListed);
        assert_eq!(scene.asked(at).await, 0);
    }
}

#[tokio::test]
async fn without_a_list_it_is_not_known() {
    for (key, exp) in [(&*STRANGERS, NOW + 60), (&*ISSUERS, NOW - 10)] {
        let scene = Scene::with(Builder::status_list).await;
        publish(&scene, key, &json!(exp)).await;
        assert!(matches!(said(&scene, 2).await, Some(Rejection::Unavailable(_))));
    }
    let scene = Scene::with(Builder::status_list).await;
    assert!(matches!(said(&scene, 2).await, Some(Rejection::Unavailable(_))));
}

/// While the issuer is away, its list serves as long as it says of itself.
#[tokio::test]
async fn a_list_that_has_expired_says_nothing() {
    let scene = scene().await;
    assert_eq!(said(&scene, 2).await, None);
    scene.break_issuer().await;
    let authorization = format!("Bearer {}", scene.token("status", place(&scene, 2, LIST)));
    let call =
        actas_verifier::Call::new("GET", crate::scene::DOCUMENT).authorization(&authorization);
    assert!(scene.verifier.verify_at(&call, NOW + 69).await.is_ok());
    let late = scene.verifier.verify_at(&call, NOW + 70).await.err();
    assert!(matches!(late, Some(Rejection::Unavailable(_))), "{late:?}");
}

/// The issuer has changed its key: the list is signed with one that no token of ours has named.
#[tokio::test]
async fn finds_the_key_of_the_list() {
    let scene = Scene::with(Builder::status_list).await;
    let token = scene.token("status", place(&scene, 2, LIST));
    publish(&scene, &STRANGERS, &json!(NOW + 60)).await;
    let early = scene.bearer(&token).await.err();
    assert!(matches!(early, Some(Rejection::Unavailable(_))), "{early:?}");
    let scene = Scene::with(Builder::status_list).await;
    let token = scene.token("status", place(&scene, 2, LIST));
    publish(&scene, &STRANGERS, &json!(NOW + 60)).await;
    scene.publish(&[&ISSUERS, &STRANGERS]).await;
    assert!(scene.bearer(&token).await.is_ok());
}
