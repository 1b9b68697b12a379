//! What the proof of an attested client must be (draft-ietf-oauth-attestation-based-client-auth-10 §5.2).

use std::time::Duration;

use keys::{
    Algorithm, AttestationProof, ExpectAttestationProof, PublicKey, Signer, SigningKey,
    TokenFault as Fault, verify_attestation_proof,
};
use serde_json::{Value, json};

use crate::fixture::{NOW, US, key, set, signed_text, stranger};

fn header() -> Value {
    json!({ "typ": "oauth-client-attestation-pop+jwt", "alg": "ES256" })
}

fn claims() -> Value {
    json!({ "aud": US, "jti": "1", "iat": NOW })
}

fn signed(signer: &SigningKey, header: &Value, claims: &Value) -> String {
    signed_text(signer, &header.to_string(), &claims.to_string())
}

fn judge(proof: &str) -> Result<AttestationProof, Fault> {
    let key = PublicKey::from_jwk(key(Algorithm::Es256).public_jwk()).unwrap();
    let (past, future) = (Duration::from_mins(1), Duration::from_secs(10));
    let expect = ExpectAttestationProof { audience: US, algorithms: &Algorithm::ALL, past, future };
    verify_attestation_proof(proof, &key, &expect, NOW)
}

fn with(name: &str, value: Value) -> Option<Fault> {
    judge(&signed(key(Algorithm::Es256), &header(), &set(claims(), name, value))).err()
}

#[test]
fn has_neither_issuer_nor_subject_nor_expiry() {
    let proof = judge(&signed(key(Algorithm::Es256), &header(), &claims())).unwrap();
    assert_eq!((proof.id(), proof.issued_at(), proof.challenge()), ("1", NOW, None));
    let asked = set(claims(), "challenge", json!("c-1"));
    let proof = judge(&signed(key(Algorithm::Es256), &header(), &asked)).unwrap();
    assert_eq!(proof.challenge(), Some("c-1"));
}

#[test]
fn every_claim_is_judged() {
    for (name, value, expected) in [
        ("aud", json!([US]), None),
        ("aud", Value::Null, Some(Fault::Audience)),
        ("aud", json!("https://other.example"), Some(Fault::Audience)),
        ("aud", json!([US, "https://other.example"]), Some(Fault::Audience)),
        ("jti", Value::Null, Some(Fault::TokenId)),
        ("jti", json!(""), Some(Fault::TokenId)),
        ("iat", Value::Null, Some(Fault::IssuedAt)),
        ("iat", json!(NOW.to_string()), Some(Fault::IssuedAt)),
        ("iat", json!(NOW - 60), None),
        ("iat", json!(NOW - 61), Some(Fault::TooOld)),
        ("iat", json!(NOW + 10), None),
        ("iat", json!(NOW + 11), Some(Fault::IssuedInFuture)),
        ("challenge", json!(1), Some(Fault::Claims)),
        ("iss", json!("anybody"), None),
        ("exp", json!(NOW + 60), None),
        ("exp", json!(NOW - 60), Some(Fault::Expired)),
        ("exp", json!("never"), Some(Fault::Expiry)),
        ("nbf", json!(NOW + 60), Some(Fault::NotYetValid)),
    ] {
        assert_eq!(with(name, value.clone()), expected, "{name}: {value}");
    }
}

#[test]
fn is_signed_with_the_attested_key_whatever_it_says() {
    let named = set(header(), "kid", json!(stranger().kid()));
    assert_eq!(judge(&signed(key(Algorithm::Es256), &named, &claims())).err(), None);
    assert_eq!(judge(&signed(stranger(), &named, &claims())).err(), Some(Fault::Signature));
    let brought = set(header(), "jwk", stranger().public_jwk().clone());
    assert_eq!(judge(&signed(stranger(), &brought, &claims())).err(), Some(Fault::Signature));
    let confused = set(header(), "alg", json!("EdDSA"));
    let confused = signed(key(Algorithm::EdDsa), &confused, &claims());
    assert_eq!(judge(&confused).err(), Some(Fault::Algorithm));
}
