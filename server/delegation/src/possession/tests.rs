//! What a request proves to have, and what a token for it is bound to.

use std::sync::LazyLock;

use base64::Engine;
use keys::{Algorithm, DataKey, Signer, SigningKey, TokenFault};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{
    client::tests::fixture::{CLIENT, NOW, Scene, changed, forged, wait},
    declared::Method,
};

const URI: &str = "https://as.example/oauth/token";

static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(Algorithm::Es256).unwrap());

fn claims() -> Value {
    json!({ "jti": "d-1", "htm": "POST", "htu": URI, "iat": NOW - 1 })
}

fn proof_of(claims: &Value) -> String {
    let jwk = KEY.public_jwk();
    let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk });
    forged(&header, claims, |input| KEY.sign(input.as_bytes()).unwrap())
}

fn proof() -> String {
    proof_of(&claims())
}

fn with_nonce(nonce: &str) -> String {
    proof_of(&changed(claims(), "nonce", json!(nonce)))
}

/// The key of [`KEY`].
fn key() -> Confirmation {
    Confirmation::Key(KEY.kid().to_owned())
}

fn certificate() -> Certificate {
    let params = rcgen::CertificateParams::default();
    let signed = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
    Certificate::from_der(vec![signed.der().to_vec()]).unwrap()
}

fn bound_to(certificate: &Certificate) -> Confirmation {
    Confirmation::Certificate(certificate.thumbprint().to_owned())
}

fn scene() -> Scene {
    Scene::of(Method::ClientSecretBasic)
}

fn client(scene: &Scene) -> &Client {
    &scene.org.agents.get(CLIENT).unwrap().client
}

fn offer<'a>(proof: Option<&'a str>, certificate: Option<&'a Certificate>) -> Offered<'a> {
    Offered { proof, certificate, uri: URI, now: Timestamp(NOW) }
}

/// What the request `by` proves, once that is spent.
fn proved(scene: &Scene, offered: Offered<'_>, by: u128) -> Result<Possession, Failure> {
    let unspent = possession(&scene.org, client(scene), offered)?;
    wait(unspent.spend(&scene.org, Uuid::from_u128(by)))
}

fn refusal<T: std::fmt::Debug>(proved: Result<T, Failure>) -> ProofRefusal {
    match proved {
        Err(Failure::Refused(Refusal::Proof(refusal))) => refusal,
        other => panic!("{other:?}"),
    }
}

/// A token is bound to the key of the proof that came with the request, registered or not.
#[test]
fn binds_to_the_key_of_a_proof() {
    let (scene, certificate) = (scene(), certificate());
    let proof = proof();
    let proved = proved(&scene, offer(Some(&proof), Some(&certificate)), 1).unwrap();
    assert_eq!(proved.of(client(&scene), None), Some(key()));
}

#[test]
fn binds_to_nothing_when_nothing_is_offered() {
    let scene = scene();
    let proved = proved(&scene, offer(None, None), 1).unwrap();
    assert_eq!(proved.of(client(&scene), None), None);
    // Nor then: whoever asks for less has not proved it.
    assert_eq!(proved.of(client(&scene), Some(&key())), None);
}

/// A certificate comes with every request of a connection.
#[test]
fn binds_to_a_certificate_where_that_is_wanted() {
    let (mut scene, certificate) = (scene(), certificate());
    let proved = proved(&scene, offer(None, Some(&certificate)), 1).unwrap();
    let bound = bound_to(&certificate);
    assert_eq!(proved.of(client(&scene), None), None);
    assert_eq!(proved.of(client(&scene), Some(&bound)), Some(bound.clone()));
    scene = Scene::with(Method::ClientSecretBasic, |client| client.certificate_bound = true);
    assert_eq!(proved.of(client(&scene), None), Some(bound));
}

/// RFC 9449 §5.2
#[test]
fn a_client_that_registered_for_it_needs_a_proof() {
    let scene = Scene::with(Method::ClientSecretBasic, |client| client.dpop_bound = true);
    let certificate = certificate();
    let without = proved(&scene, offer(None, Some(&certificate)), 1);
    assert_eq!(refusal(without), ProofRefusal::Missing);
    let proof = proof();
    assert!(proved(&scene, offer(Some(&proof), None), 1).is_ok());
}

#[test]
fn a_proof_that_is_sent_must_hold() {
    for (name, value, fault) in [
        ("htm", json!("GET"), ProofFault::Method),
        ("htu", json!("https://as.example/oauth/introspect"), ProofFault::Uri),
        ("jti", Value::Null, ProofFault::Jwt(TokenFault::TokenId)),
        ("iat", json!(NOW - 120), ProofFault::Jwt(TokenFault::TooOld)),
        ("iat", json!(NOW + 60), ProofFault::Jwt(TokenFault::IssuedInFuture)),
    ] {
        let proof = proof_of(&changed(claims(), name, value));
        let refused = refusal(proved(&scene(), offer(Some(&proof), None), 1));
        assert_eq!(refused, ProofRefusal::Proof(fault), "{name}");
    }
    for (name, value) in [("iat", json!(NOW - 60)), ("iat", json!(NOW + 15))] {
        let proof = proof_of(&changed(claims(), name, value));
        assert!(proved(&scene(), offer(Some(&proof), None), 1).is_ok(), "{name}");
    }
}

#[test]
fn proofs_are_of_pinned_algorithms() {
    let pinned = |algorithm| {
        Scene::with(Method::ClientSecretBasic, move |client| client.algorithms = vec![algorithm])
    };
    let proof = proof();
    assert!(proved(&pinned(Algorithm::Es256), offer(Some(&proof), None), 1).is_ok());
    let refused = refusal(proved(&pinned(Algorithm::Ps256), offer(Some(&proof), None), 1));
    assert_eq!(refused, ProofRefusal::Proof(ProofFault::Jwt(TokenFault::Algorithm)));
}

#[test]
fn a_proof_is_used_once() {
    let (scene, proof) = (scene(), proof());
    let offered = || offer(Some(&proof), None);
    assert!(proved(&scene, offered(), 1).is_ok());
    assert!(proved(&scene, offered(), 1).is_ok(), "the same request decides again");
    assert_eq!(refusal(proved(&scene, offered(), 2)), ProofRefusal::Replayed);
    let other = proof_of(&changed(claims(), "jti", json!("d-2")));
    assert!(proved(&scene, offer(Some(&other), None), 2).is_ok());
}

/// RFC 9449 §8
#[test]
fn asks_for_a_nonce_where_that_is_declared() {
    let mut scene = scene();
    scene.org.dpop_nonce = true;
    let refused = |proof: &str| refusal(proved(&scene, offer(Some(proof), None), 1));
    assert_eq!(refused(&proof()), ProofRefusal::Nonce);
    let ours = nonce(&scene.org, Timestamp(NOW - 10)).unwrap();
    let proof = with_nonce(&ours);
    assert!(proved(&scene, offer(Some(&proof), None), 1).is_ok());
    let at = |moment| with_nonce(&nonce(&scene.org, Timestamp(moment)).unwrap());
    assert_eq!(refused(&at(NOW - 301)), ProofRefusal::Nonce);
    assert_eq!(refused(&at(NOW + 6)), ProofRefusal::Nonce);
    let last = at(NOW - 300);
    assert!(proved(&scene, offer(Some(&last), None), 1).is_ok());
}

/// Whether or not one is asked for.
#[test]
fn a_nonce_that_is_not_ours_is_refused() {
    let scene = scene();
    let ours = nonce(&scene.org, Timestamp(NOW)).unwrap();
    let proof = with_nonce(&ours);
    assert!(proved(&scene, offer(Some(&proof), None), 1).is_ok());
    let mut elsewhere = Scene::of(Method::ClientSecretBasic);
    elsewhere.org.id = "other".to_owned();
    elsewhere.org.master = std::sync::Arc::clone(&scene.org.master);
    let of_another_org = nonce(&elsewhere.org, Timestamp(NOW)).unwrap();
    elsewhere.org.id = scene.org.id.clone();
    elsewhere.org.master = std::sync::Arc::new(DataKey::generate().unwrap());
    let of_another_key = nonce(&elsewhere.org, Timestamp(NOW)).unwrap();
    let mut later = URL_SAFE_NO_PAD.decode(&ours).unwrap();
    later[7] ^= 1;
    let redated = URL_SAFE_NO_PAD.encode(&later);
    let shortened = URL_SAFE_NO_PAD.encode(&later[..8]);
    for other in [&of_another_org, &of_another_key, &redated, &shortened, "", "!", "nonce"] {
        let proof = with_nonce(other);
        let refused = refusal(proved(&scene, offer(Some(&proof), None), 1));
        assert_eq!(refused, ProofRefusal::Nonce, "{other}");
    }
}
