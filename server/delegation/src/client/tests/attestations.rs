//! Attestation-based client authentication (draft -10).

use keys::{Signer, SigningKey, TokenFault};
use serde_json::{Value, json};

use super::fixture::{
    ATTESTER, ATTESTER_KEY, CLIENT, INSTANCE_KEY, NOW, Request, STRANGER_KEY, Scene, US, believed,
    changed, refusal,
};
use crate::{
    client::{Caller, ClientFault, Credentials},
    declared::Method,
    refusal::Failure,
};

const TYP: &str = "oauth-client-attestation+jwt";
const PROOF_TYP: &str = "oauth-client-attestation-pop+jwt";

fn claims() -> Value {
    json!({
        "iss": ATTESTER, "sub": CLIENT, "exp": NOW + 86_400,
        "cnf": { "jwk": INSTANCE_KEY.public_jwk() },
    })
}

fn proof_claims() -> Value {
    json!({ "aud": US, "jti": "p-1", "iat": NOW - 1 })
}

fn signed(key: &SigningKey, typ: &str, claims: &Value) -> String {
    keys::sign(key, typ, claims).unwrap()
}

fn attestation() -> String {
    signed(&ATTESTER_KEY, TYP, &claims())
}

fn proof() -> String {
    signed(&INSTANCE_KEY, PROOF_TYP, &proof_claims())
}

fn send_as(scene: &Scene, id: &str, attestation: &str, proof: &str) -> Result<Caller, Failure> {
    let request = Request::new(Credentials::Named { id: id.to_owned() });
    scene.send(Request { attestation: Some((attestation, proof)), ..request })
}

fn send(attestation: &str, proof: &str) -> Result<Caller, Failure> {
    send_as(&Scene::of(Method::AttestJwtClientAuth), CLIENT, attestation, proof)
}

/// The happy attestation with `value` as `name`.
fn with(name: &str, value: Value) -> Result<Caller, Failure> {
    send(&signed(&ATTESTER_KEY, TYP, &changed(claims(), name, value)), &proof())
}

/// The happy proof with `value` as `name`.
fn proof_with(name: &str, value: Value) -> Result<Caller, Failure> {
    let proof = signed(&INSTANCE_KEY, PROOF_TYP, &changed(proof_claims(), name, value));
    send(&attestation(), &proof)
}

fn is_orchestrator(sent: Result<Caller, Failure>) {
    assert_eq!(believed(sent), (CLIENT.to_owned(), Method::AttestJwtClientAuth));
}

fn fault(sent: Result<Caller, Failure>) -> TokenFault {
    let refusal = refusal(sent);
    let ClientFault::Attestation(fault) = refusal else { panic!("{refusal:?}") };
    fault
}

#[test]
fn believes_an_attested_instance() {
    is_orchestrator(send(&attestation(), &proof()));
    // The draft asks for no issuer.
    is_orchestrator(with("iss", Value::Null));
}

#[test]
fn refuses_an_attestation_of_another_client_or_attester() {
    assert_eq!(refusal(with("sub", json!("another"))), ClientFault::OtherClient);
    assert_eq!(fault(with("sub", Value::Null)), TokenFault::Subject);
    assert_eq!(fault(with("iss", json!("https://evil.example"))), TokenFault::Issuer);
    let forged = signed(&STRANGER_KEY, TYP, &claims());
    assert_eq!(fault(send(&forged, &proof())), TokenFault::UnknownKey);
    let scene = Scene::with(Method::AttestJwtClientAuth, |client| client.attester = None);
    let sent = send_as(&scene, CLIENT, &attestation(), &proof());
    assert_eq!(refusal(sent), ClientFault::UnknownIssuer);
}

#[test]
fn an_attestation_ends_and_has_a_key() {
    assert_eq!(fault(with("exp", json!(NOW - 10))), TokenFault::Expired);
    assert_eq!(fault(with("exp", Value::Null)), TokenFault::Expiry);
    assert_eq!(fault(with("cnf", Value::Null)), TokenFault::Claims);
    assert_eq!(fault(with("cnf", json!({ "jkt": "x" }))), TokenFault::Claims);
    let private = INSTANCE_KEY.to_private_jwk().unwrap();
    assert_eq!(fault(with("cnf", json!({ "jwk": private }))), TokenFault::Claims);
}

#[test]
fn the_proof_is_made_with_the_attested_key() {
    let other = signed(&STRANGER_KEY, PROOF_TYP, &proof_claims());
    assert_eq!(fault(send(&attestation(), &other)), TokenFault::Signature);
    let of_another = json!({ "jwk": STRANGER_KEY.public_jwk() });
    let attestation = signed(&ATTESTER_KEY, TYP, &changed(claims(), "cnf", of_another));
    is_orchestrator(send(&attestation, &other));
    assert_eq!(fault(send(&attestation, &proof())), TokenFault::Signature);
}

#[test]
fn the_proof_is_for_us_and_new() {
    is_orchestrator(proof_with("aud", json!([US])));
    for audience in [json!("https://evil.example"), json!([US, "https://evil.example"])] {
        assert_eq!(fault(proof_with("aud", audience)), TokenFault::Audience);
    }
    is_orchestrator(proof_with("iat", json!(NOW - 60)));
    assert_eq!(fault(proof_with("iat", json!(NOW - 120))), TokenFault::TooOld);
    assert_eq!(fault(proof_with("iat", json!(NOW + 60))), TokenFault::IssuedInFuture);
    assert_eq!(fault(proof_with("iat", Value::Null)), TokenFault::IssuedAt);
    assert_eq!(fault(proof_with("jti", Value::Null)), TokenFault::TokenId);
}

#[test]
fn one_is_not_taken_for_the_other() {
    let typ_of = |attestation_typ, proof_typ| {
        let attestation = signed(&ATTESTER_KEY, attestation_typ, &claims());
        send(&attestation, &signed(&INSTANCE_KEY, proof_typ, &proof_claims()))
    };
    is_orchestrator(typ_of(TYP, PROOF_TYP));
    for typ in [PROOF_TYP, "JWT", "client-authentication+jwt"] {
        assert_eq!(fault(typ_of(typ, PROOF_TYP)), TokenFault::Typ, "{typ}");
    }
    for typ in [TYP, "JWT", "dpop+jwt"] {
        assert_eq!(fault(typ_of(TYP, typ)), TokenFault::Typ, "{typ}");
    }
}

#[test]
fn the_proof_is_used_once() {
    let scene = Scene::of(Method::AttestJwtClientAuth);
    let proof = proof();
    is_orchestrator(send_as(&scene, CLIENT, &attestation(), &proof));
    let again = send_as(&scene, CLIENT, &attestation(), &proof);
    assert_eq!(refusal(again), ClientFault::Replayed);
    let new = changed(proof_claims(), "jti", json!("p-2"));
    let new = signed(&INSTANCE_KEY, PROOF_TYP, &new);
    is_orchestrator(send_as(&scene, CLIENT, &attestation(), &new));
}

#[test]
fn refuses_who_is_disabled_unknown_or_not_registered_for_it() {
    for (id, scene, expected) in [
        (
            CLIENT,
            Scene::with(Method::AttestJwtClientAuth, |client| client.disabled = true),
            ClientFault::Disabled,
        ),
        (CLIENT, Scene::of(Method::PrivateKeyJwt), ClientFault::OtherMethod),
        ("nobody", Scene::of(Method::AttestJwtClientAuth), ClientFault::Unknown),
    ] {
        let sent = send_as(&scene, id, &attestation(), &proof());
        assert_eq!(refusal(sent), expected);
    }
}
