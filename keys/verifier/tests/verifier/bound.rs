//! RFC 9449 §7, RFC 8705 §3: a bound token is worth nothing without what it is bound to.

use actas_verifier::{
    Algorithm, Call, Outage, PeerCertificate, Possession, ProofFault, Rejection, TokenFault,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use keys::Signer;
use serde_json::{Value, json};

use crate::scene::{AGENTS, DOCUMENT, NOW, Proof, STRANGERS, Scene, bare};

fn is_of_the_proof(rejection: &Rejection) -> bool {
    matches!(rejection, Rejection::Proof(_))
}

#[tokio::test]
async fn lets_a_bound_token_in_with_a_proof() {
    let scene = Scene::new().await;
    let token = scene.bound();
    let who = scene.dpop(&token, &Proof::of(&token).signed()).await.unwrap();
    assert_eq!(who.possession(), &Possession::Key(AGENTS.kid().to_owned()));
}

/// RFC 9449 §7.2: "Protected resources […] MUST reject a DPoP-bound access token received as a bearer
/// token".
#[tokio::test]
async fn s7_2_refuses_a_bound_token_as_a_bearer_token() {
    let scene = Scene::new().await;
    let token = scene.bound();
    assert_eq!(scene.bearer(&token).await.unwrap_err(), Rejection::BoundToKey);
    let authorization = format!("Bearer {token}");
    let proof = Proof::of(&token).signed();
    let call = Call::new("GET", DOCUMENT).authorization(&authorization).proof(&proof);
    let refused = scene.verifier.verify_at(&call, NOW).await.unwrap_err();
    assert_eq!(refused, Rejection::BoundToKey);
    assert!(scene.bearer(&scene.good()).await.is_ok());
}

#[tokio::test]
async fn refuses_a_token_that_is_not_bound_with_the_scheme_dpop() {
    let scene = Scene::new().await;
    let token = scene.good();
    let refused = scene.dpop(&token, &Proof::of(&token).signed()).await.unwrap_err();
    assert_eq!(refused, Rejection::NotBound);
}

#[tokio::test]
async fn takes_only_bound_tokens_if_it_was_told() {
    let scene = Scene::with(actas_verifier::Builder::bound_only).await;
    assert_eq!(scene.bearer(&scene.good()).await.unwrap_err(), Rejection::NotBound);
    let token = scene.bound();
    assert!(scene.dpop(&token, &Proof::of(&token).signed()).await.is_ok());
}

/// RFC 9449 §4.3 (5): "is deemed secure for use by the application".
#[tokio::test]
async fn s4_3_takes_only_proofs_of_algorithms_it_was_told() {
    let told = |algorithms: &'static [Algorithm]| {
        Scene::with(move |builder| builder.proof_algorithms(algorithms))
    };
    let scene = told(&[Algorithm::Ps256]).await;
    let token = scene.bound();
    let refused = scene.dpop(&token, &Proof::of(&token).signed()).await.unwrap_err();
    assert_eq!(refused, Rejection::Proof(ProofFault::Jwt(TokenFault::Algorithm)));
    let metadata = serde_json::to_value(scene.verifier.metadata()).unwrap();
    assert_eq!(metadata["dpop_signing_alg_values_supported"], json!(["PS256"]));
    let scene = told(&[Algorithm::Ps256, Algorithm::Es256]).await;
    let token = scene.bound();
    assert!(scene.dpop(&token, &Proof::of(&token).signed()).await.is_ok());
}

/// RFC 9449 §4.3 (1), §7.1.
#[tokio::test]
async fn refuses_any_number_of_proofs_but_one() {
    let scene = Scene::new().await;
    let token = scene.bound();
    let (authorization, proof) = (format!("DPoP {token}"), Proof::of(&token).signed());
    let call = Call::new("GET", DOCUMENT).authorization(&authorization);
    let none = scene.verifier.verify_at(&call, NOW).await.unwrap_err();
    assert_eq!(none, Rejection::NoProof);
    let two = call.clone().proof(&proof).proof(&proof);
    let two = scene.verifier.verify_at(&two, NOW).await.unwrap_err();
    assert_eq!(two, Rejection::SeveralProofs);
    assert!(scene.verifier.verify_at(&call.proof(&proof), NOW).await.is_ok());
}

/// RFC 9449 §4.3 (3): each of them is required.
#[tokio::test]
async fn refuses_a_proof_that_lacks_something() {
    let scene = Scene::new().await;
    let token = scene.bound();
    let proof = Proof::of(&token);
    for name in ["typ", "alg", "jwk"] {
        let lacking = proof.clone().header(name, Value::Null).signed();
        assert!(is_of_the_proof(&scene.dpop(&token, &lacking).await.unwrap_err()), "{name}");
    }
    for name in ["jti", "htm", "htu", "iat", "ath"] {
        let lacking = proof.clone().claim(name, Value::Null).signed();
        assert!(is_of_the_proof(&scene.dpop(&token, &lacking).await.unwrap_err()), "{name}");
    }
    assert!(scene.dpop(&token, &proof.signed()).await.is_ok());
}

#[tokio::test]
async fn refuses_a_proof_that_does_not_hold() {
    let scene = Scene::new().await;
    let token = scene.bound();
    let proof = || Proof::of(&token);
    let mut private = bare(&AGENTS);
    private["d"] = json!("AAAA");
    let other = URL_SAFE_NO_PAD.encode(keys::sha256(b"another token"));
    let mut cases = vec![
        ("typ", proof().header("typ", json!("JWT"))),
        ("alg none", proof().header("alg", json!("none"))),
        ("alg HS256", proof().header("alg", json!("HS256"))),
        ("private key", proof().header("jwk", private)),
        ("htm", proof().claim("htm", json!("POST"))),
        ("htu", proof().claim("htu", json!("https://documents.example/documents/8"))),
        ("host", proof().claim("htu", json!("https://evil.example/documents/7"))),
        ("an hour ahead", proof().claim("iat", json!(NOW + 3600))),
        ("an hour ago", proof().claim("iat", json!(NOW - 3600))),
        ("ath", proof().claim("ath", json!(other))),
    ];
    let mut signature = proof();
    signature.key = &STRANGERS;
    cases.push(("signature", signature));
    for (name, proof) in cases {
        let refused = scene.dpop(&token, &proof.signed()).await.unwrap_err();
        assert!(is_of_the_proof(&refused), "{name}: {refused}");
    }
    for text in ["", "garbage", "a.b.c"] {
        let refused = scene.dpop(&token, text).await.unwrap_err();
        assert!(is_of_the_proof(&refused), "{text}");
    }
    assert!(scene.dpop(&token, &proof().signed()).await.is_ok());
}

#[tokio::test]
async fn takes_what_means_the_same() {
    let scene = Scene::new().await;
    let token = scene.bound();
    for (at, proof) in [
        ("query and fragment", ("htu", json!(format!("{DOCUMENT}?a=b#c")))),
        ("case", ("htu", json!("HTTPS://Documents.Example/documents/7"))),
        ("port", ("htu", json!("https://documents.example:443/documents/7"))),
        ("ten seconds ahead", ("iat", json!(NOW + 10))),
        ("ten seconds ago", ("iat", json!(NOW - 10))),
        ("more claims", ("more", json!(true))),
        ("an expiry", ("exp", json!(NOW + 60))),
    ]
    .map(|(at, (name, value))| {
        (at, Proof::of(&token).claim(name, value).claim("jti", json!(at)).signed())
    }) {
        let said = scene.dpop(&token, &proof).await;
        assert!(said.is_ok(), "{at}: {said:?}");
    }
}

/// RFC 9449 §7.1: "the public key […] matches the public key to which the access token is bound".
#[tokio::test]
async fn refuses_a_proof_of_another_key() {
    let scene = Scene::new().await;
    let token = scene.bound();
    let mut proof = Proof::of(&token).header("jwk", bare(&STRANGERS));
    proof.key = &STRANGERS;
    let refused = scene.dpop(&token, &proof.signed()).await.unwrap_err();
    assert_eq!(refused, Rejection::OtherKey);
}

/// RFC 9449 §11.1.
#[tokio::test]
async fn takes_a_proof_once() {
    let scene = Scene::new().await;
    let token = scene.bound();
    let proof = Proof::of(&token);
    assert!(scene.dpop(&token, &proof.signed()).await.is_ok());
    let again = scene.dpop(&token, &proof.signed()).await.unwrap_err();
    assert_eq!(again, Rejection::Replayed);
    let next = proof.claim("jti", json!("p2"));
    assert!(scene.dpop(&token, &next.signed()).await.is_ok());
}

/// A request that is refused for anything else can be sent again.
#[tokio::test]
async fn does_not_use_a_proof_up_before_everything_else_holds() {
    let scene = Scene::with(actas_verifier::Builder::status_list).await;
    let token = scene.bound();
    let proof = Proof::of(&token).signed();
    for _ in 0..2 {
        let refused = scene.dpop(&token, &proof).await.unwrap_err();
        assert_eq!(refused, Rejection::NotListed);
    }
}

#[tokio::test]
async fn refuses_rather_than_forgets_when_there_are_too_many_proofs() {
    let scene = Scene::with(|builder| builder.proofs(1)).await;
    let token = scene.bound();
    let proof = |id: &str, iat: i64| {
        Proof::of(&token).claim("jti", json!(id)).claim("iat", json!(iat)).signed()
    };
    assert!(scene.dpop(&token, &proof("p1", NOW)).await.is_ok());
    let full = scene.dpop(&token, &proof("p2", NOW)).await.unwrap_err();
    assert_eq!(full, Rejection::Unavailable(Outage::TooManyProofs));
    // Once nobody would take the first any more, there is room again.
    let (authorization, next) = (format!("DPoP {token}"), proof("p2", NOW + 76));
    let call = Call::new("GET", DOCUMENT).authorization(&authorization).proof(&next);
    assert!(scene.verifier.verify_at(&call, NOW + 76).await.is_ok());
}

/// RFC 8705 §3.
#[tokio::test]
async fn a_token_of_a_certificate_comes_over_its_connection_only() {
    let scene = Scene::new().await;
    let thumbprint = URL_SAFE_NO_PAD.encode(keys::sha256(b"a certificate"));
    let token = scene.token("cnf", json!({ "x5t#S256": thumbprint }));
    assert_eq!(scene.bearer(&token).await.unwrap_err(), Rejection::BoundToCertificate);
    let authorization = format!("Bearer {token}");
    for (der, good) in [(b"a certificate".as_slice(), true), (b"another one", false)] {
        let shown = PeerCertificate::from_der(der);
        let call = Call::new("GET", DOCUMENT).authorization(&authorization).certificate(&shown);
        let said = scene.verifier.verify_at(&call, NOW).await;
        match said {
            Ok(who) if good => {
                assert_eq!(who.possession(), &Possession::Certificate(thumbprint.clone()));
            }
            other => assert_eq!(other.err(), Some(Rejection::BoundToCertificate)),
        }
    }
    let refused = scene.dpop(&token, &Proof::of(&token).signed()).await.unwrap_err();
    assert_eq!(refused, Rejection::NotBound);
}
